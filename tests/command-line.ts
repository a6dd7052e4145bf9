// The command line as an operator uses it: each command in a process of its own, in a folder of the test's own.
// Invariant: no process and no file outlives its test.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createCollector } from '@tidemark/collector';
import { afterEach, expect } from 'vitest';
import { listeningOf } from './listening.ts';
import { useFolder } from './temporary-folder.ts';

const cli = fileURLToPath(new URL('../collector/src/cli.ts', import.meta.url));

export type Environment = Record<string, string>;

export interface Ran {
  code: number | null;
  out: string;
  err: string;
}

export interface Served {
  child: ChildProcess;
  url: string;
  /** All it printed so far. */
  said(): string;
}

export const KEYS = {
  TIDEMARK_WRITE_KEY: 'wk_for_cli_tests',
  TIDEMARK_SERVER_KEY: 'sk_for_cli_tests',
  TIDEMARK_ADMIN_KEY: 'ak_for_cli_tests',
};

export const closed = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.once('close', resolve));

export const api = async (
  url: string,
  path: string,
  init: RequestInit = {},
): Promise<Record<string, unknown>> => {
  const headers = { authorization: `Bearer ${KEYS.TIDEMARK_ADMIN_KEY}` };
  const answer = await fetch(`${url}/api${path}`, { ...init, headers });
  return (await answer.json()) as Record<string, unknown>;
};

/** `POST /v1/batch` to a collector that is served. */
export async function post(
  url: string,
  batch: readonly object[],
  key: string = KEYS.TIDEMARK_SERVER_KEY,
): Promise<Response> {
  const authorization = `Basic ${Buffer.from(`${key}:`).toString('base64')}`;
  return fetch(`${url}/v1/batch`, {
    method: 'POST',
    headers: { authorization },
    body: JSON.stringify({ batch }),
  });
}

export interface CommandLine {
  /** A path in the test's folder. */
  path(...names: string[]): string;
  /** The database that commands work on unless told otherwise. */
  database(): string;
  /** @param out where its stdout goes: to the test, or to an open file */
  launch(args: string[], environment?: Environment, out?: 'pipe' | number): ChildProcess;
  /** @param input what stdin holds */
  run(args: string[], environment?: Environment, input?: string): Promise<Ran>;
  /** Serves on a free port; resolves once it says where. */
  serve(environment?: Environment, args?: string[]): Promise<Served>;
  /** Puts one message of each user into the database, without a process of its own. */
  store(...users: string[]): Promise<void>;
}

/** For each test of the file a new folder; what is still running afterwards is killed. */
export function useCommandLine(): CommandLine {
  const inFolder = useFolder('cli');
  let running: ChildProcess[] = [];
  afterEach(() => {
    for (const child of running) child.kill('SIGKILL');
    running = [];
  });

  function launch(
    args: string[],
    environment: Environment = {},
    out: 'pipe' | number = 'pipe',
  ): ChildProcess {
    const child = spawn(process.execPath, ['--conditions=tidemark-source', '--import', 'tsx', cli, ...args], {
      env: { PATH: process.env.PATH ?? '', TIDEMARK_DB: inFolder('data', 'tidemark.db'), ...environment },
      stdio: ['pipe', out, 'pipe'],
    });
    running.push(child);
    return child;
  }

  async function run(args: string[], environment?: Environment, input = ''): Promise<Ran> {
    const child = launch(args, environment);
    let out = '';
    let err = '';
    child.stdout?.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr?.on('data', (chunk) => {
      err += chunk;
    });
    // Whoever does not read it may close it.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
    return { code: await closed(child), out, err };
  }

  async function serve(environment: Environment = KEYS, args: string[] = []): Promise<Served> {
    const child = launch(['serve', ...args], { PORT: '0', ...environment });
    const { url, said } = listeningOf(child);
    return { child, url: await url, said };
  }

  async function store(...users: string[]): Promise<void> {
    mkdirSync(inFolder('data'), { recursive: true });
    const writeKey = KEYS.TIDEMARK_WRITE_KEY;
    const collector = await createCollector({
      database: inFolder('data', 'tidemark.db'),
      writeKey,
      serverKey: KEYS.TIDEMARK_SERVER_KEY,
      adminKey: KEYS.TIDEMARK_ADMIN_KEY,
    });
    const batch = users.map((userId) => ({
      type: 'track',
      event: 'E',
      userId,
      messageId: `first ${userId}`,
    }));
    const request = { method: 'POST', body: JSON.stringify({ batch, writeKey }) };
    const answer = await collector.fetch(new Request('http://localhost/v1/batch', request));
    expect(await answer.json()).toMatchObject({ accepted: users.length });
    await collector.close();
  }

  return {
    path: inFolder,
    database: () => inFolder('data', 'tidemark.db'),
    launch,
    run,
    serve,
    store,
  };
}
