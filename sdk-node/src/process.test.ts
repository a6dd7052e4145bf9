// The client in a process of its own, against a real server on the loopback address.
// Invariant: however the process ends, each message was delivered or told to `onError`.
import { spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterEach, expect, it } from 'vitest';
import { Analytics, type Message } from './index.ts';

interface Stub {
  url: string;
  received: Message[];
  requests: IncomingMessage[];
  /** Requests under way at once, at most. */
  mostOpen: number;
}

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

type Answer = (response: ServerResponse, n: number) => void;
const accept: Answer = (response) => void response.end('{"success":true,"rejected":[]}');

/** Answers as told; what it answered 200 counts as received. */
async function serve(answer: Answer = accept): Promise<Stub> {
  const stub: Stub = { url: '', received: [], requests: [], mostOpen: 0 };
  let open = 0;
  const server = createServer((request, response) => {
    stub.mostOpen = Math.max(stub.mostOpen, ++open);
    response.on('close', () => open--);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      stub.requests.push(request);
      answer(response, stub.requests.length);
      const body = Buffer.concat(chunks);
      const text = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
      const { batch } = JSON.parse(text.toString()) as { batch: Message[] };
      if (response.statusCode === 200) stub.received.push(...batch);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stub.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return stub;
}

const ENTRY = fileURLToPath(new URL('./index.ts', import.meta.url));

/** Runs a program that has `client` and prints what it lost; `onLine` hears its lines. */
function run(host: string, program: string, onLine: (line: string, kill: () => void) => void = () => {}) {
  const code = `
    import { Analytics } from ${JSON.stringify(ENTRY)};
    const client = new Analytics({
      writeKey: 'k',
      host: ${JSON.stringify(host)},
      handleSignals: true,
      onError: (error, messages) => console.log('lost', error.code, messages.length),
    });
    ${program}`;
  const child = spawn(
    process.execPath,
    ['--conditions=tidemark-source', '--import', 'tsx', '--input-type=module', '--eval', code],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const lines: string[] = [];
  child.stdout.on('data', (chunk: Buffer) => {
    for (const line of chunk.toString().trim().split('\n')) {
      lines.push(line);
      onLine(line, () => child.kill('SIGTERM'));
    }
  });
  return new Promise<{ code: number | null; signal: string | null; lines: string[] }>((resolve) => {
    child.on('close', (exitCode, signal) => resolve({ code: exitCode, signal, lines }));
  });
}

const TRACK_THREE = `for (let i = 0; i < 3; i++) client.track({ userId: 'u', event: 'E' + i });`;

it('puts messages of many contexts in few requests', async () => {
  const stub = await serve();
  const client = new Analytics({ writeKey: 'k', host: stub.url });
  for (let i = 0; i < 1_000; i++)
    client.track({ userId: 'u', event: `E${i}`, context: { ip: `10.0.${i % 256}.1` } });
  await expect(client.closeAndFlush()).resolves.toEqual({ delivered: 1_000, pending: 0, dropped: 0 });
  expect(stub.received.map(({ event }) => event).sort()).toEqual(
    Array.from({ length: 1_000 }, (_, i) => `E${i}`).sort(),
  );
  expect(stub.mostOpen).toBeLessThanOrEqual(4);
  expect(stub.requests.length).toBeLessThan(20);
  expect(stub.requests.every(({ url }) => url === '/v1/batch')).toBe(true);
});

it('delivers what waits when the process has nothing else to do, then lets it end', async () => {
  const stub = await serve();
  await expect(run(stub.url, TRACK_THREE)).resolves.toEqual({ code: 0, signal: null, lines: [] });
  expect(stub.received.map(({ event }) => event)).toEqual(['E0', 'E1', 'E2']);
});

it('keeps the process while a flush is awaited, between tries too', async () => {
  const stub = await serve((response, n) =>
    n === 1 ? void response.writeHead(503, { 'retry-after': '1' }).end() : accept(response, n),
  );
  const result = await run(
    stub.url,
    `${TRACK_THREE} console.log(JSON.stringify(await client.closeAndFlush()));`,
  );
  expect(result).toEqual({ code: 0, signal: null, lines: ['{"delivered":3,"pending":0,"dropped":0}'] });
  expect(stub.received).toHaveLength(3);
});

it('tells what is lost when nobody answers before the process ends', async () => {
  const stub = await serve((response) => void response.writeHead(503).end());
  await expect(run(stub.url, TRACK_THREE)).resolves.toEqual({
    code: 0,
    signal: null,
    lines: ['lost closed 3'],
  });
});

it('tells what is lost when the host ends the process itself', async () => {
  const stub = await serve();
  await expect(run(stub.url, `${TRACK_THREE} process.exit(3);`)).resolves.toEqual({
    code: 3,
    signal: null,
    lines: ['lost closed 3'],
  });
});

it('flushes on SIGTERM and ends as the signal would have', async () => {
  const stub = await serve();
  const program = `${TRACK_THREE} setInterval(() => {}, 1_000); console.log('ready');`;
  const result = await run(stub.url, program, (line, kill) => line === 'ready' && kill());
  expect(result).toEqual({ code: null, signal: 'SIGTERM', lines: ['ready'] });
  expect(stub.received).toHaveLength(3);
});

it('leaves the end to a host that listens for the signal itself', async () => {
  const stub = await serve();
  const program = `${TRACK_THREE}
    const alive = setInterval(() => {}, 1_000);
    process.on('SIGTERM', () => { console.log('host'); clearInterval(alive); });
    console.log('ready');`;
  const result = await run(stub.url, program, (line, kill) => line === 'ready' && kill());
  expect(result).toEqual({ code: 0, signal: null, lines: ['ready', 'host'] });
  expect(stub.received).toHaveLength(3);
});

it('names the address at which nobody listens', async () => {
  const stub = await serve();
  await new Promise((resolve) => servers.pop()?.close(resolve));
  const told: string[] = [];
  const onError = ({ message }: { message: string }): void => void told.push(message);
  const client = new Analytics({ writeKey: 'k', host: stub.url, onError });
  client.track({ userId: 'u', event: 'E' });
  await client.closeAndFlush({ timeout: 300 });
  expect(told).toEqual([`closeAndFlush ran out of time: connection refused (${stub.url})`]);
});
