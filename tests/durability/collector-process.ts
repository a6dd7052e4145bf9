// A collector as an operator runs it, `tidemark serve` in a process of its own, to be killed at any moment.
// Invariant: what is started here is stopped by its own process id and by nothing else.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { holderOf } from '../../collector/src/main/lock.ts';
import { ADMIN_KEY, SERVER_KEY, WEB_KEY } from '../collector.ts';
import { listeningOf } from '../listening.ts';

const cli = fileURLToPath(new URL('../../collector/src/cli.ts', import.meta.url));
const fromSource = ['--conditions=tidemark-source', '--import', 'tsx'];

/** How long a command may take before it counts as stuck. */
const COMMAND_LIMIT_MS = 300_000;
/** The same for the start: beside other tests a machine may be busy for long. */
const START_LIMIT_MS = 120_000;
/** How often the lock file is looked at while somebody waits for the database to be opened. */
const LOOK_EVERY_MS = 2;

export interface CollectorProcess {
  readonly pid: number;
  /** All it printed so far. */
  said(): string;
  /** Where it listens, once it does; rejects with what it said if it stops before. */
  readonly listening: Promise<string>;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string | null>;
  /** Resolves when the process is gone. */
  kill(signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  signal(signal: NodeJS.Signals): void;
}

const environment = (database: string): Record<string, string> => ({
  PATH: process.env.PATH ?? '',
  TIDEMARK_DB: database,
  TIDEMARK_WRITE_KEY: WEB_KEY,
  TIDEMARK_SERVER_KEY: SERVER_KEY,
  TIDEMARK_ADMIN_KEY: ADMIN_KEY,
  PORT: '0',
});

export interface ServeSettings {
  /** Added to the environment. */
  environment?: Record<string, string>;
  /** A command that is given the collector's to run, such as `['sh', '-c', 'ulimit -f 100; exec "$@"', '-']`. */
  through?: readonly string[];
}

export function startCollector(database: string, settings: ServeSettings = {}): CollectorProcess {
  const [command = process.execPath, ...rest] = [
    ...(settings.through ?? []),
    process.execPath,
    ...fromSource,
    cli,
    'serve',
  ];
  const child = spawn(command, rest, {
    env: { ...environment(database), ...settings.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return watch(child);
}

function watch(child: ChildProcess): CollectorProcess {
  const { pid } = child;
  if (pid === undefined) throw new Error('the collector could not be started');
  const { url, said } = listeningOf(child);
  const ended = new Promise<number | string | null>((resolve) =>
    child.once('close', (code, signal) => resolve(code ?? signal)),
  );
  const tooLate = new Promise<never>((_, reject) => {
    const late = new Error(`the collector does not listen after ${START_LIMIT_MS} ms`);
    setTimeout(() => reject(late), START_LIMIT_MS).unref();
  });
  const listening = Promise.race([url, tooLate]);
  // Whoever kills it while it opens does not wait for it to listen.
  listening.catch(() => {});
  return {
    pid,
    said,
    listening,
    ended,
    async kill(signal = 'SIGKILL') {
      child.kill(signal);
      await ended;
    },
    signal: (signal) => void child.kill(signal),
  };
}

/** Resolves when the process has begun to open the database, or has ended. */
export async function untilOpening(collector: CollectorProcess, database: string): Promise<void> {
  let gone = false;
  void collector.ended.then(() => {
    gone = true;
  });
  // Held before the database is opened.
  while (!gone && holderOf(database) !== collector.pid) await sleep(LOOK_EVERY_MS);
}

export interface Ran {
  code: number;
  out: string;
  err: string;
}

/** A command of `tidemark` on the database, in a process of its own. */
export function runTidemark(database: string, ...args: string[]): Promise<Ran> {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [...fromSource, cli, ...args],
      { env: environment(database), maxBuffer: 2 ** 30, timeout: COMMAND_LIMIT_MS },
      (error, out, err) => {
        const code = error === null ? 0 : error.code;
        if (typeof code === 'number') resolve({ code, out, err });
        else reject(error);
      },
    );
  });
}
