// Drives one road and measures it: messages a second (wall) and CPU microseconds a message.
// Invariant: only the road's own process is measured, after a warm-up, over the same bodies.
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createCollector } from '@tidemark/collector';
import { bodies, definitions } from './traffic.ts';

export interface Figure {
  /** CPU microseconds a message. */
  cpuUs: number;
  /** Messages a second. */
  rate: number;
}

export interface Load {
  messages: number;
  batch: number;
  matching: number;
  others?: number;
}

/** Connections the load comes over: enough for group commit to matter, few enough for two cores. */
const CONNECTIONS = 16;
/**
 * Sent before measuring, in parts of the load. With as many again both roads run compiled code; with a fifth, 12,000
 * messages, compiling was 2.9 of the 38 microseconds a message that ours took, which no message costs later.
 */
const WARM_UP = 1;

const KEY = `Basic ${Buffer.from('wk_bench:').toString('base64')}`;

export async function measureHttp(road: 'bare' | 'ours', load: Load): Promise<Figure> {
  const script = fileURLToPath(new URL('./server.ts', import.meta.url));
  const child = fork(script, [road, String(load.matching), String(load.others ?? 0)], {
    execArgv: process.execArgv,
  });
  const ask = <T>(message?: string): Promise<T> =>
    new Promise((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`the ${road} server stopped with code ${code}`)));
      child.once('message', (answer) => resolve(answer as T)); // server.ts answers with this shape
      if (message) child.send(message);
    });
  const { port } = await ask<{ port: number }>();
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const { warmUp, measured } = prepare(load);
  await sendAll(agent, port, warmUp);
  const before = await ask<{ cpuUs: number }>('cpu');
  const start = process.hrtime.bigint();
  await sendAll(agent, port, measured);
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const after = await ask<{ cpuUs: number }>('cpu');
  agent.destroy();
  const stopped = new Promise((resolve) => child.once('exit', resolve));
  child.send('stop');
  await stopped;
  const messages = measured.length * load.batch;
  return { cpuUs: (after.cpuUs - before.cpuUs) / messages, rate: messages / seconds };
}

export async function measureInProcess(load: Load): Promise<Figure> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
  const collector = await createCollector({
    database: join(folder, 'bench.db'),
    writeKey: 'wk_bench',
    serverKey: 'sk_bench',
    adminKey: 'ak_bench',
    signingSecret: 'bench-signing-secret-bench-signing-secret',
    config: definitions(load.matching, load.others ?? 0),
  });
  const { warmUp, measured } = prepare(load);
  const send = async (body: string): Promise<void> => {
    const answer = await collector.fetch(
      new Request('http://127.0.0.1/v1/batch', { method: 'POST', body, headers: { authorization: KEY } }),
    );
    if (answer.status !== 200)
      throw new Error(`the collector answered ${answer.status}: ${await answer.text()}`);
  };
  await inParallel(warmUp, send);
  const before = process.cpuUsage();
  const start = process.hrtime.bigint();
  await inParallel(measured, send);
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const { user, system } = process.cpuUsage(before);
  await collector.close();
  rmSync(folder, { recursive: true, force: true });
  const messages = measured.length * load.batch;
  return { cpuUs: (user + system) / messages, rate: messages / seconds };
}

/** CPU microseconds of JSON.parse a message: the machine's own pace in this very run. */
export function measureParse(load: Load): number {
  const { warmUp, measured } = prepare({ ...load, messages: Math.max(load.messages, 20_000) });
  for (const body of warmUp) JSON.parse(body);
  const before = process.cpuUsage();
  for (const body of measured) JSON.parse(body);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (measured.length * load.batch);
}

/** Bodies of the load, and before them those of the warm-up. */
function prepare({ messages, batch }: Load): { warmUp: string[]; measured: string[] } {
  const count = Math.ceil(messages / batch);
  const measured = bodies(Math.ceil(count * (1 + WARM_UP)), batch, 20_261_124, Date.now());
  return { warmUp: measured.splice(0, measured.length - count), measured };
}

async function inParallel(all: readonly string[], send: (body: string) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < all.length) await send(all[next++] as string);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
}

function sendAll(agent: Agent, port: number, all: readonly string[]): Promise<void> {
  return inParallel(
    all,
    (body) =>
      new Promise((resolve, reject) => {
        const headers = {
          authorization: KEY,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        };
        const sent = request(
          { agent, port, host: '127.0.0.1', method: 'POST', path: '/v1/batch', headers },
          (answer) => {
            answer.resume();
            answer.on('end', () =>
              answer.statusCode === 200
                ? resolve()
                : reject(new Error(`the road answered ${answer.statusCode}`)),
            );
          },
        );
        sent.on('error', reject);
        sent.end(body);
      }),
  );
}
