// Settings from the environment and the command line.
// Invariant: a bad value stops the start with one line that names the variable and what it takes.
import { lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { IP_CHOICES, type IpChoice } from '../http/caller.ts';
import type { FixedKeys } from '../http/key-record.ts';
import { readInstant } from '../wire/instant.ts';
import { type CollectorOptions, parseConfig, requireTimezone } from './collector.ts';
import { LOG_LEVELS, type LogLevel } from './log.ts';

/** A wrong setting or command: one line, exit code 1. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface Settings {
  port: number;
  host: string;
  /** Absolute path, or `:memory:`. */
  database: string;
  writeKey?: string;
  serverKey?: string;
  adminKey?: string;
  signingSecret?: string;
  timezone: string;
  publicUrl?: string;
  trustProxy: number;
  rateLimit?: number | 'off';
  logLevel: LogLevel;
  /** What is kept of visitors' addresses. */
  ip: IpChoice;
  /** A fixed clock, epoch ms. */
  now?: number;
  /** Path of the definitions file. */
  configFile?: string;
  /** What works but should not stay so. */
  warnings: string[];
  /** What is said of variables that look like settings and are none. */
  unknownVariables: string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Values of flags that win over the environment. */
export interface Overrides {
  port?: string | undefined;
  host?: string | undefined;
  db?: string | undefined;
  config?: string | undefined;
  logLevel?: string | undefined;
  ip?: string | undefined;
}

/** The variable that gives each key. */
export const SECRET_NAMES = {
  writeKey: 'TIDEMARK_WRITE_KEY',
  serverKey: 'TIDEMARK_SERVER_KEY',
  adminKey: 'TIDEMARK_ADMIN_KEY',
  signingSecret: 'TIDEMARK_SIGNING_SECRET',
} as const satisfies Record<keyof FixedKeys, string>;
export const SECRETS = Object.keys(SECRET_NAMES) as (keyof FixedKeys)[]; // an object literal has no others

/** All that begin with TIDEMARK_ and are read by some command. */
const VARIABLES = [
  ...Object.values(SECRET_NAMES),
  ...['DB', 'CONFIG', 'TZ', 'PUBLIC_URL', 'TRUST_PROXY', 'RATE_LIMIT', 'LOG_LEVEL', 'IP', 'NOW', 'DEBUG'].map(
    (name) => `TIDEMARK_${name}`,
  ),
];

/** Of tests, and of Kubernetes where there is a service of that name. */
const OTHERS = /^TIDEMARK_(TEST_|SERVICE_|PORT_\d)/;

/** A misspelt setting would be passed over in silence, such as a limit that is not there. */
function unknownOf(environment: Environment): string[] {
  const letters = (name: string): string => name.replaceAll('_', '').replace(/S$/, '');
  return (
    Object.keys(environment)
      .filter((name) => name.startsWith('TIDEMARK_') && !OTHERS.test(name))
      // What Kubernetes tells each container of a service of that name.
      .filter((name) => name !== 'TIDEMARK_PORT' || !environment[name]?.startsWith('tcp:'))
      .filter((name) => !VARIABLES.includes(name))
      .map((name) => {
        const meant = [...VARIABLES, 'TIDEMARK_HOST', 'TIDEMARK_PORT']
          .find((known) => letters(known) === letters(name))
          ?.replace(/^TIDEMARK_(?=HOST$|PORT$)/, '');
        return `${name} is no setting and is passed over${meant ? `; did you mean ${meant}?` : ''}`;
      })
  );
}

/** A secret shorter than this can be guessed: it works, with a warning. */
const SAFE_SECRET_CHARS = 16;

export function readSettings(environment: Environment, overrides: Overrides = {}): Settings {
  const env = (name: string): string | undefined => environment[name]?.trim() || undefined;
  const settings: Settings = {
    warnings: [],
    unknownVariables: [],
    port: readPort('PORT', overrides.port ?? env('PORT') ?? '4700'),
    host: overrides.host ?? env('HOST') ?? '127.0.0.1',
    database: databasePath(overrides.db ?? env('TIDEMARK_DB') ?? 'data/tidemark.db'),
    timezone: readTimezone(env('TIDEMARK_TZ') ?? 'UTC'),
    logLevel: readChoice(
      'TIDEMARK_LOG_LEVEL',
      LOG_LEVELS,
      overrides.logLevel ?? env('TIDEMARK_LOG_LEVEL') ?? 'info',
    ),
    ip: readChoice('TIDEMARK_IP', IP_CHOICES, overrides.ip ?? env('TIDEMARK_IP') ?? 'none'),
    trustProxy: readWhole('TIDEMARK_TRUST_PROXY', env('TIDEMARK_TRUST_PROXY') ?? '0', 0, 10),
  };
  for (const field of SECRETS) {
    const name = SECRET_NAMES[field];
    const value = env(name);
    if (value === undefined) continue;
    settings[field] = readSecret(name, value);
    if (field !== 'writeKey' && value.length < SAFE_SECRET_CHARS)
      settings.warnings.push(
        `${name} has only ${value.length} characters; take ${SAFE_SECRET_CHARS} or more outside of tests`,
      );
  }
  refuseEqualKeys(settings);
  const publicUrl = env('TIDEMARK_PUBLIC_URL');
  if (publicUrl !== undefined) settings.publicUrl = readUrl('TIDEMARK_PUBLIC_URL', publicUrl);
  const rateLimit = env('TIDEMARK_RATE_LIMIT');
  if (rateLimit !== undefined)
    settings.rateLimit =
      rateLimit === 'off' ? 'off' : readWhole('TIDEMARK_RATE_LIMIT', rateLimit, 1, 10_000_000);
  const now = env('TIDEMARK_NOW');
  if (now !== undefined) settings.now = readNow(now);
  settings.unknownVariables = unknownOf(environment);
  const configFile = overrides.config ?? env('TIDEMARK_CONFIG');
  if (configFile !== undefined) settings.configFile = resolve(configFile);
  return settings;
}

/** What is said of a key or secret that the start did not take. */
export function notTaken(field: keyof FixedKeys): string {
  const why = field === 'signingSecret' ? 'was rotated away' : 'was revoked';
  return `${SECRET_NAMES[field]} ${why} and is not taken; set another or unset it`;
}

function readPort(name: string, value: string): number {
  return readWhole(name, value, 0, 65_535);
}

function readWhole(name: string, value: string, least: number, most: number): number {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= least && number <= most)) {
    const also = name === 'TIDEMARK_RATE_LIMIT' ? ' (requests a minute), or "off"' : '';
    throw new UsageError(`${name} must be a whole number from ${least} to ${most}${also}; it is "${value}"`);
  }
  return number;
}

function readChoice<T extends string>(name: string, choices: readonly T[], value: string): T {
  const choice = choices.find((one) => one === value);
  if (!choice) throw new UsageError(`${name} must be one of ${choices.join(', ')}; it is "${value}"`);
  return choice;
}

function readTimezone(value: string): string {
  try {
    requireTimezone(value);
    return value;
  } catch {
    throw new UsageError(`TIDEMARK_TZ must be a time zone such as "Europe/Berlin"; it is "${value}"`);
  }
}

/** The value itself is never shown: it is a secret. */
function readSecret(name: string, value: string): string {
  if (value.length > 512 || /[\s:]/.test(value))
    throw new UsageError(`${name} must be 1 to 512 characters without white space or colons`);
  return value;
}

function refuseEqualKeys({ writeKey, serverKey, adminKey }: Settings): void {
  const given = [
    ['TIDEMARK_WRITE_KEY', writeKey],
    ['TIDEMARK_SERVER_KEY', serverKey],
    ['TIDEMARK_ADMIN_KEY', adminKey],
  ].filter(([, value]) => value !== undefined);
  const seen = new Map<string | undefined, string | undefined>();
  for (const [name, value] of given) {
    const other = seen.get(value);
    if (other) throw new UsageError(`${name} must not be the same as ${other}`);
    seen.set(value, name);
  }
}

function readUrl(name: string, value: string): string {
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value.replace(/\/+$/, '');
  throw new UsageError(`${name} must be an http or https address; it is "${value}"`);
}

function readNow(value: string): number {
  const now = readInstant(value);
  if (now === undefined)
    throw new UsageError(
      `TIDEMARK_NOW must be an ISO 8601 time such as "2026-11-24T12:00:00Z"; it is "${value}"`,
    );
  return now;
}

/** As many as systems follow. */
const MAX_LINKS = 40;

/**
 * A symbolic link's target, which may not be there yet: the log, the lock and the socket are beside that one, by
 * whatever name the file is opened.
 */
function databasePath(value: string): string {
  if (value === ':memory:') return value;
  let path = resolve(value);
  for (let links = 0; links < MAX_LINKS; links++) {
    if (!lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return path;
    path = resolve(dirname(path), readlinkSync(path));
  }
  throw new UsageError(`${value} is a link that leads to itself`);
}

/** The definitions file's content. @throws UsageError when it cannot be read or is no JSON, InvalidConfig. */
export function readConfigFile(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`the definitions file ${path} cannot be read: ${messageOf(error)}`);
  }
  let json: unknown;
  try {
    // Some editors begin a file with a mark that nobody sees.
    json = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    throw new UsageError(`the definitions file ${path} is not valid JSON: ${messageOf(error)}`);
  }
  parseConfig(json);
  return json;
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What the library takes, from the settings. */
export function collectorOptions(settings: Settings): CollectorOptions {
  const {
    database,
    writeKey,
    serverKey,
    adminKey,
    signingSecret,
    timezone,
    publicUrl,
    trustProxy,
    rateLimit,
    ip,
    now,
    configFile,
  } = settings;
  return {
    database,
    timezone,
    trustProxy,
    ip,
    ...(writeKey === undefined ? {} : { writeKey }),
    ...(serverKey === undefined ? {} : { serverKey }),
    ...(adminKey === undefined ? {} : { adminKey }),
    ...(signingSecret === undefined ? {} : { signingSecret }),
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...(rateLimit === undefined ? {} : { rateLimit }),
    ...(now === undefined ? {} : { now: () => now }),
    ...(configFile === undefined ? {} : { config: readConfigFile(configFile) }),
  };
}
