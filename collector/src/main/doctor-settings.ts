// What `doctor` says of the machine and the settings.
// Invariant: no secret is printed; each warning says what to set.
import { existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { megabytes } from './command.ts';
import { type Finding, fail, ok, warn } from './finding.ts';
import type { Settings } from './settings.ts';

/** As in package.json's `engines`. */
const LEAST_NODE = [20, 19] as const;
/** With less nothing is stored before long: ingest answers 503. */
const LEAST_FREE_BYTES = 100_000_000;

export function checkMachine(node = process.versions.node): Finding[] {
  const [major = 0, minor = 0] = node.split('.').map(Number);
  const isNew = major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1]);
  const needed = `Node ${LEAST_NODE.join('.')} or newer is needed`;
  return [isNew ? ok('node', node) : fail('node', node, needed)];
}

export function checkSettings(settings: Settings): Finding[] {
  return [
    checkAddress(settings),
    checkProxy(settings),
    ...checkLimits(settings),
    ...settings.unknownVariables.map((says) =>
      warn('settings', says, 'see `tidemark --help` for those there are'),
    ),
    ...settings.warnings.map((says) => warn('secrets', says, 'take a longer one')),
  ];
}

const isLoopback = (host: string): boolean => /^(127\.|localhost$|::1$|\[::1\]$)/.test(host);

function checkAddress({ host, port, publicUrl }: Settings): Finding {
  const listens = `listens on ${host}:${port}`;
  if (publicUrl === undefined)
    return isLoopback(host)
      ? ok('address', `${listens}, for this machine alone`)
      : warn('address', listens, 'set TIDEMARK_PUBLIC_URL to the address that pages reach it at');
  const url = new URL(publicUrl);
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    return warn(
      'address',
      `${publicUrl} is not encrypted`,
      'put a proxy that speaks TLS in front: pages on https load no script from http',
    );
  if (url.pathname !== '/' || url.search !== '')
    return warn('address', `${publicUrl} has a path`, 'serve it at the root of a host name');
  return ok('address', `${publicUrl}, ${listens}`);
}

function checkProxy({ host, publicUrl, trustProxy }: Settings): Finding {
  const says = `TIDEMARK_TRUST_PROXY is ${trustProxy}`;
  const isBehind = publicUrl?.startsWith('https:') === true;
  if (isBehind && trustProxy === 0)
    return warn(
      'proxy',
      `${says}, and TLS ends somewhere before this process`,
      'set it to the number of proxies, or all visitors share one rate limit',
    );
  if (trustProxy > 0 && !isLoopback(host))
    return warn(
      'proxy',
      `${says} on ${host}`,
      'make sure that nobody reaches the port but the proxy: others could claim any address',
    );
  return ok('proxy', says);
}

function checkLimits({ rateLimit, host, now }: Settings): Finding[] {
  const found: Finding[] = [];
  if (rateLimit === 'off' && !isLoopback(host))
    found.push(warn('rate limit', 'off', 'unset TIDEMARK_RATE_LIMIT, unless a proxy in front limits'));
  if (now !== undefined)
    found.push(
      warn('fixed clock', 'TIDEMARK_NOW makes it stand still', 'unset it, but for imports and trying things'),
    );
  return found;
}

/** Room where the database is, or will be. */
export function checkDisk(database: string, liveBytes: number): Finding {
  let folder = dirname(database);
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const says = `${megabytes(free)} free`;
  if (free < LEAST_FREE_BYTES) return fail('disk', says, 'make room: ingest answers 503 when it is full');
  if (free < liveBytes)
    return warn('disk', says, `a backup on this disk takes about ${megabytes(liveBytes)}`);
  return ok('disk', says);
}
