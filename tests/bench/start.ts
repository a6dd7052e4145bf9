// From nothing to ready on a file of a gigabyte, and what a collector takes that nobody sends anything to.
// Invariant: beside it, in the same run, what Node itself takes to start and to wait.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fill } from './fill.ts';
import { createCaller } from './live.ts';
import { percentile, say } from './report.ts';
import { startServed, type Vitals, vitalsOf } from './served.ts';
import { definitions } from './traffic.ts';

const FILE_BYTES = 1e9;
const PEOPLE = 50_000;
const DAYS_MS = 30 * 86_400_000;
const STARTS = 5;
const IDLE_MS = 20_000;
/** After the start, until it counts as idle. */
const SETTLE_MS = 3_000;
const BARE_SERVER = `
  const server = require('node:http').createServer((_, answer) => answer.end('ok'));
  server.listen(0, '127.0.0.1', () => console.log('ready'));`;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function benchStart(scale: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
  const database = join(folder, 'large.db');
  try {
    const messages = await makeFile(database, folder, FILE_BYTES * scale);
    const megabytes = (statSync(database).size / 1e6).toFixed(0);
    say(
      `Start and idle: a file of ${megabytes} MB (${messages.toLocaleString('en')} messages of ${PEOPLE.toLocaleString('en')} people, 20 definitions), closed cleanly; ${STARTS} starts, the median`,
    );
    const node = Array.from({ length: STARTS }, timeOfNode);
    say(`  node -e 0                        ${inMs(node)}`);
    const empty = await starts(join(folder, 'empty.db'));
    say(`  ready on an empty file           ${inMs(empty)} = ${ratio(empty, node)} times node -e 0`);
    const large = await starts(database);
    say(
      `  ready on ${megabytes.padStart(4)} MB                ${inMs(large)} = ${ratio(large, node)} times node -e 0 (aim: at most 300 ms)`,
    );
    await showIdle(database);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function makeFile(database: string, folder: string, bytes: number): Promise<number> {
  const config = join(folder, 'definitions.json');
  writeFileSync(config, JSON.stringify(definitions(20)));
  const collector = await startServed(database, config);
  const caller = createCaller(collector.port);
  try {
    const until = Date.now();
    const isFull = (): boolean => statSync(database).size >= bytes;
    // Some 960 bytes a message; times end earlier if fewer fill it.
    const to = Math.ceil(bytes / 900);
    return await fill(caller, { from: 0, to, people: PEOPLE, since: until - DAYS_MS, until, isFull });
  } finally {
    caller.close();
    await collector.stop();
  }
}

async function starts(database: string): Promise<number[]> {
  const taken: number[] = [];
  // The first makes an empty file; each is closed before the next one.
  for (let i = 0; i <= STARTS; i++) {
    const collector = await startServed(database);
    if (i > 0) taken.push(collector.readyMs);
    await collector.stop();
  }
  return taken;
}

function timeOfNode(): number {
  const from = performance.now();
  spawnSync(process.execPath, ['-e', '0']);
  return performance.now() - from;
}

async function showIdle(database: string): Promise<void> {
  const bare = spawn(process.execPath, ['-e', BARE_SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
  const collector = await startServed(database);
  try {
    await new Promise((resolve) => bare.stdout.once('data', resolve));
    if (bare.pid === undefined) throw new Error('node could not be started');
    await sleep(SETTLE_MS);
    const before = [vitalsOf(bare.pid), collector.vitals()] as const;
    await sleep(IDLE_MS);
    const after = [vitalsOf(bare.pid), collector.vitals()] as const;
    say(`  idle for ${IDLE_MS / 1_000} s: a bare HTTP server of Node  ${inIdle(before[0], after[0])}`);
    say(
      `  idle for ${IDLE_MS / 1_000} s: tidemark serve              ${inIdle(before[1], after[1])} (aim: at most 80 MB and 0.5 %)`,
    );
  } finally {
    bare.kill();
    await collector.stop();
  }
}

const inIdle = (before: Vitals, { memoryMb, ownMb, cpuMs }: Vitals): string =>
  `${memoryMb.toFixed(0).padStart(3)} MB resident, ${ownMb.toFixed(0)} of it its own; CPU ${((100 * (cpuMs - before.cpuMs)) / IDLE_MS).toFixed(2)} %`;
const inMs = (times: readonly number[]): string =>
  `${percentile(times, 0.5).toFixed(0).padStart(5)} ms (${Math.min(...times).toFixed(0)} to ${Math.max(...times).toFixed(0)})`;
const ratio = (ours: readonly number[], bare: readonly number[]): string =>
  (percentile(ours, 0.5) / percentile(bare, 0.5)).toFixed(1);
