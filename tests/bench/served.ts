// The built `tidemark serve` in a process of its own, as an operator runs it, and what the system says of it.
// Invariant: what is started here is stopped by its own process id; figures are the system's, not the process's own.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { listeningOf } from '../listening.ts';

const cli = fileURLToPath(new URL('../../collector/dist/cli.js', import.meta.url));
/** What /proc counts CPU time in: 10 ms wherever Linux runs. */
const TICK_MS = 10;
/** Between two looks whether it is ready. */
const LOOK_EVERY_MS = 1;

export interface Vitals {
  /** Resident memory now and at its highest, MB (as `ps` and `docker stats` count it, shared pages included). */
  memoryMb: number;
  peakMb: number;
  /** Of it what no other process shares: heap, stacks, page cache of SQLite. */
  ownMb: number;
  /** CPU time since the start, threads included. */
  cpuMs: number;
}

export interface ServedCollector {
  port: number;
  /** From the spawn to the first 200 of /readyz. */
  readyMs: number;
  vitals(): Vitals;
  /** SIGTERM, and its end. */
  stop(): Promise<void>;
}

/** @param config path of a definitions file */
export async function startServed(database: string, config?: string): Promise<ServedCollector> {
  const from = performance.now();
  const child = spawn(process.execPath, [cli, 'serve'], {
    env: {
      PATH: process.env.PATH ?? '',
      PORT: '0',
      TIDEMARK_DB: database,
      TIDEMARK_WRITE_KEY: 'wk_bench',
      TIDEMARK_SERVER_KEY: 'sk_bench_sk_bench',
      TIDEMARK_ADMIN_KEY: 'ak_bench_ak_bench',
      TIDEMARK_SIGNING_SECRET: 'bench-signing-secret-bench-signing-secret',
      ...(config === undefined ? {} : { TIDEMARK_CONFIG: config }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('the collector could not be started');
  const ended = new Promise((resolve) => child.once('close', resolve));
  const port = Number(new URL(await listeningOf(child).url).port);
  while ((await statusOf(port, '/readyz')) !== 200)
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  return {
    port,
    readyMs: performance.now() - from,
    vitals: () => vitalsOf(pid),
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Of any process. @throws Error where there is no /proc, which is everywhere but on Linux */
export function vitalsOf(pid: number): Vitals {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mb = (name: string): number =>
    (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1_024) / 1e6;
  // After the name, which may hold spaces: field 3 is the first, user and system time are 14 and 15.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return {
    memoryMb: mb('VmRSS'),
    peakMb: mb('VmHWM'),
    ownMb: mb('RssAnon'),
    cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
  };
}

function statusOf(port: number, path: string): Promise<number> {
  return new Promise((resolve) => {
    const sent = request({ port, path, host: '127.0.0.1', agent: false }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode ?? 0));
    });
    sent.on('error', () => resolve(0));
    sent.end();
  });
}
