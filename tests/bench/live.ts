// A collector in a process of its own, with a clock in the bench's hand, and a steady load beside it.
// Invariant: the load is sent at a fixed pace, whatever the answers take, so that waiting shows.
import { fork } from 'node:child_process';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { percentile } from './report.ts';

export interface Delay {
  delay: number;
  work: number | null;
}

export interface Live {
  port: number;
  setClock(now: number): Promise<void>;
  /** Resident memory now and at its highest, MiB. */
  memory(): Promise<{ now: number; peak: number }>;
  /**
   * Since last asked, ms: the event loop's worst delay, how much of it was work (null: unknown), and CPU time of all
   * threads.
   */
  loop(): Promise<Delay & { cpu: number }>;
  stop(): Promise<void>;
  folder: string;
}

export async function startLive(definitions: object, now: number): Promise<Live> {
  const script = fileURLToPath(new URL('./live-server.ts', import.meta.url));
  const child = fork(script, [String(now), JSON.stringify(definitions)], { execArgv: process.execArgv });
  const ask = <T>(message?: object): Promise<T> =>
    new Promise((resolve, reject) => {
      const onExit = (code: number | null): void => reject(new Error(`the server stopped with code ${code}`));
      child.once('exit', onExit);
      child.once('message', (answer) => {
        child.off('exit', onExit);
        resolve(answer as T); // live-server.ts answers with this shape
      });
      if (message) child.send(message);
    });
  const { port, folder } = await ask<{ port: number; folder: string }>();
  return {
    port,
    folder,
    setClock: (clock) => ask({ clock }),
    memory: () => ask({ memory: true }),
    loop: () => ask({ loop: true }),
    async stop() {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.send({ stop: true });
      await gone;
    },
  };
}

export interface Caller {
  post(
    path: string,
    body: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; text: string }>;
  get(path: string): Promise<{ status: number; text: string }>;
  put(path: string, body: unknown): Promise<{ status: number; text: string }>;
  /** As an operator. */
  ask(method: string, path: string, body?: object): Promise<{ status: number; text: string }>;
  close(): void;
}

export const delayText = ({ delay, work }: Delay): string =>
  `${delay.toFixed(0).padStart(3)} ms${work === null ? '' : ` (work ${work.toFixed(0).padStart(2)})`}`;

export const ADMIN = { authorization: 'Bearer ak_bench' };
export const SERVER = { authorization: `Basic ${Buffer.from('sk_bench:').toString('base64')}` };
export const WEB = { authorization: `Basic ${Buffer.from('wk_bench:').toString('base64')}` };

export function createCaller(port: number, connections = 16): Caller {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const call = (method: string, path: string, body: string | null, headers: Record<string, string>) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const length =
        body === null
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const sent = request(
        { agent, port, host: '127.0.0.1', method, path, headers: { ...headers, ...length } },
        (answer) => {
          let text = '';
          answer.setEncoding('utf8');
          answer.on('data', (chunk: string) => {
            text += chunk;
          });
          answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
        },
      );
      sent.on('error', reject);
      sent.end(body ?? undefined);
    });
  return {
    post: (path, body, headers = WEB) =>
      call('POST', path, typeof body === 'string' ? body : JSON.stringify(body), headers),
    get: (path) => call('GET', path, null, ADMIN),
    put: (path, body) => call('PUT', path, JSON.stringify(body), ADMIN),
    ask: (method, path, body) => call(method, path, body ? JSON.stringify(body) : null, ADMIN),
    close: () => agent.destroy(),
  };
}

/** Sends one message every `everyMs` until `isOver`; resolves with the milliseconds each answer took. */
export async function steadyLoad(
  caller: Caller,
  {
    everyMs,
    makeBody,
    isOver,
    headers,
  }: { everyMs: number; makeBody(): string; isOver(): boolean; headers?: Record<string, string> },
): Promise<number[]> {
  const taken: number[] = [];
  const open: Promise<void>[] = [];
  let due = performance.now();
  while (!isOver()) {
    const wait = due - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const from = due;
    due += everyMs;
    const done = caller.post('/v1/batch', makeBody(), headers).then(({ status }) => {
      if (status !== 200) throw new Error(`the collector answered ${status}`);
      // From when it was to be sent: a late start is waiting too.
      taken.push(performance.now() - from);
    });
    open.push(done);
  }
  await Promise.all(open);
  return taken;
}

export const spread = (times: readonly number[]): string =>
  `p50 ${percentile(times, 0.5).toFixed(1)}, p99 ${percentile(times, 0.99).toFixed(1)}, worst ${Math.max(...times).toFixed(0)} ms`;
