// The commands: flags in, exit code out.
// Invariant: a served file is worked on through the process that serves it; otherwise the command opens it.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { KeyType, Role } from '../http/access.ts';
import type { Core } from '../ingest/core.ts';
import { createCore } from '../ingest/create-core.ts';
import { concernsLinks } from '../ingest/difference.ts';
import { InvalidConfig, openCollector } from './collector.ts';
import { askServer } from './control.ts';
import { importCsv } from './csv-import.ts';
import { type Mapping, parseMap, readMappingFile } from './csv-mapping.ts';
import { COMMAND_HELP, HELP } from './help.ts';
import { holderOf, Locked, takeLock } from './lock.ts';
import { type Ask, createOperations, type KeyView } from './operations.ts';
import { createPeopleProgress, createProgress, type PeopleProgress } from './progress.ts';
import { serve } from './serve.ts';
import {
  collectorOptions,
  makeFolderOf,
  messageOf,
  readConfigFile,
  readSettings,
  type Settings,
  UsageError,
} from './settings.ts';
import { importSurveyFile } from './survey-import.ts';

type Verified = Awaited<ReturnType<Core['verify']>>;

interface Repaired {
  found: Verified;
  /** What a second look found; none, unless messages themselves are broken. */
  left: Verified['differences'];
}

type Environment = Readonly<Record<string, string | undefined>>;
type Flags = Record<string, string | boolean | string[] | undefined>;

interface Command {
  flags: Record<string, { type: 'string' | 'boolean'; multiple?: boolean }>;
  positionals?: boolean;
  run(flags: Flags, settings: Settings, words: string[]): Promise<number>;
}

const print = (text: string): void => void process.stdout.write(text);
const tell = (text: string): void => void process.stderr.write(text);
const text = (value: Flags[string]): string | undefined => (typeof value === 'string' ? value : undefined);

const COMMANDS: Record<string, Command> = {
  serve: {
    flags: {
      port: { type: 'string' },
      host: { type: 'string' },
      demo: { type: 'string' },
      config: { type: 'string' },
    },
    run: (flags, settings) =>
      serve({
        settings,
        demo: text(flags.demo) === undefined ? null : resolve(text(flags.demo) as string),
        print,
        isTerminal: process.stdout.isTTY === true,
      }),
  },
  keys: {
    flags: { role: { type: 'string' }, name: { type: 'string' } },
    positionals: true,
    run: runKeys,
  },
  apply: {
    flags: {},
    positionals: true,
    async run(flags, settings, [file, ...rest]) {
      const path = file ?? settings.configFile;
      if (path === undefined || rest.length > 0)
        throw new UsageError('apply takes one definitions file: tidemark apply definitions.json');
      const config = readConfigFile(resolve(path));
      const { configFile: _file, ...without } = settings;
      const result = await withOperations(without, (ask) => ask('apply', { config }));
      report(flags, result, `${result.changed} definitions created or changed, ${result.deleted} deleted\n`);
      return 0;
    },
  },
  verify: {
    flags: { repair: { type: 'boolean' } },
    run: (flags, settings) =>
      flags.repair === true ? runRepair(flags, settings) : runVerify(flags, settings),
  },
  import: {
    flags: {
      csv: { type: 'string' },
      map: { type: 'string', multiple: true },
      mapping: { type: 'string' },
      type: { type: 'string' },
      event: { type: 'string' },
      timestamp: { type: 'string' },
      time: { type: 'string' },
      'message-id': { type: 'string' },
      rejects: { type: 'string' },
      'dry-run': { type: 'boolean' },
      surveys: { type: 'string' },
      from: { type: 'string' },
      replace: { type: 'boolean' },
    },
    run: (flags, settings) =>
      flags.surveys === undefined ? runImport(flags, settings) : runSurveyImport(flags, settings),
  },
};

const COMMON = {
  help: { type: 'boolean', short: 'h' },
  json: { type: 'boolean' },
  db: { type: 'string' },
} as const;

/** @returns the exit code */
export async function runCommand(argv: string[], environment: Environment): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    print(HELP);
    return name === undefined ? 1 : 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) {
    tell(`tidemark: there is no command "${name}"; there are ${Object.keys(COMMANDS).join(', ')}\n`);
    return 1;
  }
  try {
    const { values, positionals } = parseArgs({
      args: rest,
      options: { ...COMMON, ...command.flags },
      allowPositionals: command.positionals === true,
      strict: true,
    });
    const flags = values as Flags; // parseArgs answers by the options given to it
    if (flags.help === true) {
      print(COMMAND_HELP[name] ?? HELP);
      return 0;
    }
    const overrides = {
      port: text(flags.port),
      host: text(flags.host),
      db: text(flags.db),
      config: text(flags.config),
    };
    return await command.run(flags, readSettings(environment, overrides), positionals);
  } catch (error) {
    tell(`tidemark: ${messageOf(error)}\n`);
    const isExpected =
      error instanceof UsageError ||
      error instanceof InvalidConfig ||
      error instanceof Locked ||
      isParseArgs(error);
    if (!isExpected && error instanceof Error && environment.TIDEMARK_DEBUG) tell(`${error.stack}\n`);
    return 1;
  }
}

const isParseArgs = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');

const progressOf = (title: string): PeopleProgress =>
  createPeopleProgress({ title, isTerminal: process.stderr.isTTY === true, write: tell });

function report(flags: Flags, result: unknown, words: string): void {
  print(flags.json === true ? `${JSON.stringify(result)}\n` : words);
}

/** Runs `work` against the process that serves the file, or against the file itself. */
async function withOperations<T>(settings: Settings, work: (ask: Ask) => Promise<T>): Promise<T> {
  if (settings.database !== ':memory:' && holderOf(settings.database) !== null) {
    // The server answers with what Operations says; both are this same program.
    return work(
      (operation, input) =>
        askServer(settings.database, operation, input) as ReturnType<Ask> as Promise<never>,
    );
  }
  makeFolderOf(settings.database);
  const lock = takeLock(settings.database);
  try {
    const { onProgress, finish } = progressOf('Computing people anew');
    const collector = await openCollector({ ...collectorOptions(settings), onProgress });
    try {
      finish();
      if (collector.firstRun && !settings.adminKey)
        tell('This is a new database; `tidemark keys create admin` makes a key to read it with.\n');
      const handle = createOperations(collector);
      return await work((operation, input) => handle(operation, input) as Promise<never>); // see Operations
    } finally {
      await collector.close();
    }
  } finally {
    lock.release();
  }
}

async function runKeys(
  flags: Flags,
  settings: Settings,
  [action = 'list', subject, ...rest]: string[],
): Promise<number> {
  if (rest.length > 0) throw new UsageError(`keys: too many words: ${rest.join(' ')}`);
  const { configFile: _file, ...without } = settings;
  if (action === 'list') {
    const keys = await withOperations(without, (ask) => ask('keys', null));
    report(flags, keys, keyTable(keys));
    return 0;
  }
  if (action === 'create') {
    if (subject !== 'web' && subject !== 'server' && subject !== 'admin')
      throw new UsageError('keys create takes web, server or admin');
    const role = text(flags.role);
    if (role !== undefined && (subject !== 'admin' || (role !== 'admin' && role !== 'read')))
      throw new UsageError('--role is admin or read, for admin keys only');
    const name = text(flags.name);
    const wanted: { kind: KeyType; role?: Role; name?: string } = { kind: subject };
    if (role === 'admin' || role === 'read') wanted.role = role;
    if (name !== undefined) wanted.name = name;
    const made = await withOperations(without, (ask) => ask('keys-create', wanted));
    report(flags, made, `${made.key}\n`);
    if (flags.json !== true) tell(`${made.kind} key ${made.id}; it is shown this once\n`);
    return 0;
  }
  if (action === 'revoke') {
    if (subject === undefined)
      throw new UsageError('keys revoke takes the id of a key; `tidemark keys` lists them');
    const done = await withOperations(without, (ask) => ask('keys-revoke', { id: subject }));
    report(flags, done, `${subject} is revoked\n`);
    return 0;
  }
  throw new UsageError(`keys: "${action}" is none of list, create, revoke`);
}

function keyTable(keys: readonly KeyView[]): string {
  const rows = [
    ['id', 'kind', 'role', 'name', 'made'],
    ...keys.map((key) => [key.id, key.kind, key.role ?? '', key.name ?? '', key.createdAt]),
  ];
  const widths = [0, 1, 2, 3, 4].map((i) => Math.max(...rows.map((row) => (row[i] ?? '').length)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** How many differences are written out. */
const SHOWN_DIFFERENCES = 20;

async function runVerify(flags: Flags, settings: Settings): Promise<number> {
  if (settings.database !== ':memory:' && !existsSync(settings.database))
    throw new UsageError(`there is no database ${settings.database}`);
  const result = await verifySnapshot(settings);
  report(flags, result, verifiedText(result));
  return result.differences.length === 0 ? 0 : 1;
}

/** Compares on a snapshot of this process's own: whoever serves the file goes on meanwhile. */
async function verifySnapshot({ database, now }: Settings): Promise<Verified> {
  const core = await createCore({ database, now: () => now ?? Date.now(), readOnly: true });
  try {
    return await verify(core);
  } finally {
    await core.close();
  }
}

async function verify(core: Core): Promise<Verified> {
  const { onProgress, finish } = progressOf('Verifying');
  const result = await core.verify({ onProgress });
  finish();
  return result;
}

function countOf({ length }: Verified['differences']): string {
  return length === 0 ? 'no difference' : length === 1 ? '1 difference' : `${length} differences`;
}

function verifiedText({ profiles, messages, differences }: Verified): string {
  const lines = differences
    .slice(0, SHOWN_DIFFERENCES)
    .map(
      ({ profile, what, stored, recomputed }) =>
        `  ${profile}: ${what} is ${JSON.stringify(stored)}, should be ${JSON.stringify(recomputed)}\n`,
    );
  const more =
    differences.length > SHOWN_DIFFERENCES
      ? `  and ${differences.length - SHOWN_DIFFERENCES} more (--json lists all)\n`
      : '';
  const head = `${profiles.toLocaleString('en')} profiles recomputed from ${messages.toLocaleString('en')} messages: `;
  return `${head}${countOf(differences)}\n${lines.join('')}${more}`;
}

/** Through the process that serves the file, or on the file itself, also one of a later clock. */
async function runRepair(flags: Flags, settings: Settings): Promise<number> {
  if (settings.database === ':memory:' || !existsSync(settings.database))
    throw new UsageError(`there is no database ${settings.database}`);
  const { found, left } = await repaired(settings);
  const rest = left.length === 0 ? 'repaired\n' : `${countOf(left)} left\n`;
  report(flags, { ...found, left }, verifiedText(found) + (found.differences.length > 0 ? rest : ''));
  return left.length === 0 ? 0 : 1;
}

async function repaired(settings: Settings): Promise<Repaired> {
  const { onProgress, finish } = progressOf('Repairing');
  if (holderOf(settings.database) !== null) {
    const found = await verifySnapshot(settings);
    const links = concernsLinks(found.differences);
    await askServer(settings.database, 'repair', { links }, onProgress);
    finish();
    return { found, left: (await verifySnapshot(settings)).differences };
  }
  const lock = takeLock(settings.database);
  try {
    const now = () => settings.now ?? Date.now();
    const core = await createCore({ database: settings.database, now, repair: true, onProgress });
    try {
      const found = await verify(core);
      await core.repair({ onProgress });
      finish();
      return { found, left: (await verify(core)).differences };
    } finally {
      await core.close();
    }
  } finally {
    lock.release();
  }
}

async function runImport(flags: Flags, settings: Settings): Promise<number> {
  const file = text(flags.csv);
  if (file === undefined)
    throw new UsageError('import takes --csv FILE or --surveys FILE; `tidemark import --help` shows how');
  const fromFile =
    text(flags.mapping) === undefined ? {} : readMappingFile(resolve(text(flags.mapping) as string));
  const maps = Array.isArray(flags.map) ? flags.map.map(parseMap) : [];
  const mapping: Mapping = {
    type: text(flags.type) ?? fromFile.type ?? 'track',
    event: text(flags.event) ?? fromFile.event ?? null,
    map: [...(fromFile.map ?? []), ...maps],
    timestamp: text(flags.timestamp) ?? fromFile.timestamp ?? null,
    time: text(flags.time) ?? fromFile.time ?? null,
    messageId: text(flags['message-id']) ?? fromFile.messageId ?? null,
  };
  const path = resolve(file);
  const rejectFile = resolve(text(flags.rejects) ?? `${path}.rejected.ndjson`);
  const progress = createProgress({
    title: 'Importing',
    isTerminal: process.stderr.isTTY === true,
    write: tell,
  });
  const options = {
    file: path,
    mapping,
    database: settings.database,
    rejectFile,
    dryRun: flags['dry-run'] === true,
    progress,
    print,
  };
  const never: Ask = () => Promise.reject(new Error('a dry run stores nothing'));
  const totals = options.dryRun
    ? await importCsv({ ...options, ask: never })
    : await withOperations(settings, (ask) => importCsv({ ...options, ask }));
  if (options.dryRun) {
    tell('A dry run: nothing was stored.\n');
    return 0;
  }
  const { rows, accepted, duplicates, rejected, resumedAt } = totals;
  const resumed = resumedAt > 0 ? `, going on after row ${resumedAt.toLocaleString('en')}` : '';
  const kept = rejected > 0 ? `; the rejected rows are in ${rejectFile}` : '';
  report(
    flags,
    totals,
    `${rows.toLocaleString('en')} rows${resumed}: ${accepted} stored, ${duplicates} known already, ${rejected} rejected${kept}\n`,
  );
  return rejected === 0 ? 0 : 2;
}

async function runSurveyImport(flags: Flags, settings: Settings): Promise<number> {
  const { configFile: _file, ...without } = settings;
  return importSurveyFile({
    flags,
    operate: (work) => withOperations(without, work),
    report: (result, words) => report(flags, result, words),
    tell,
  });
}
