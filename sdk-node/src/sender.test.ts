// How a batch travels: packed or not, over fetch or a client of the host's own, seen by listeners.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterEach, expect, it } from 'vitest';
import type { HttpClientRequest } from './http-client.ts';
import { Analytics, type Message } from './index.ts';
import { closeOpened, ok, settle, setUp } from './test-stage.ts';

afterEach(closeOpened);

const long = { userId: 'u', event: 'E', properties: { text: 'x'.repeat(3_000) } };
const short = { userId: 'u', event: 'E' };

it('packs what is large, unless told not to', async () => {
  const { client, requests } = setUp();
  client.track(short);
  await client.flush();
  client.track(long);
  await client.flush();
  const plain = setUp(() => ok(), { gzip: false });
  plain.client.track(long);
  await plain.client.flush();
  const encodings = [...requests, ...plain.requests].map(({ headers }) => headers.get('content-encoding'));
  expect(encodings).toEqual([null, 'gzip', null]);
});

it('packs no more once something on the way has refused it', async () => {
  const { client, requests, lost } = setUp(({ headers }) =>
    headers.has('content-encoding') ? new Response('', { status: 415 }) : ok(),
  );
  for (let i = 0; i < 2; i++) {
    client.track(long);
    await expect(client.flush()).resolves.toEqual({ delivered: 1, pending: 0, dropped: 0 });
  }
  expect(requests.map(({ headers }) => headers.get('content-encoding'))).toEqual(['gzip', null, null]);
  expect(lost).toEqual([]);
});

it('sends what a runtime cannot pack as it is', async () => {
  const { client, clock, requests } = setUp();
  clock.gzip = () => Promise.reject(new ReferenceError('CompressionStream is not defined'));
  client.track(long);
  await expect(client.flush()).resolves.toEqual({ delivered: 1, pending: 0, dropped: 0 });
  expect(requests.map(({ headers }) => headers.get('content-encoding'))).toEqual([null]);
});

it('keeps requests of large messages within what the collector takes', async () => {
  const { client, requests, sent } = setUp();
  for (let i = 0; i < 300; i++)
    client.track({ userId: 'u', event: 'E', properties: { text: '日'.repeat(i % 2 ? 10_000 : 200) } });
  await client.closeAndFlush();
  expect(sent()).toHaveLength(300);
  for (const { body } of requests)
    expect(Buffer.byteLength(JSON.stringify(body))).toBeLessThan(4 * 1024 * 1024);
});

it('sends through a client in Segment’s shape, as text', async () => {
  const seen: HttpClientRequest[] = [];
  const { client, requests } = setUp(() => ok(), {
    httpRequestTimeout: 2_000,
    httpClient: {
      async makeRequest(request) {
        seen.push(request);
        return seen.length === 1
          ? { status: 429, statusText: '', headers: { 'Retry-After': '30' } }
          : { status: 200, statusText: 'OK' };
      },
    },
  });
  client.track(long);
  await settle();
  const flushed = client.flush({ timeout: 60_000 });
  await settle();
  expect(seen).toMatchObject([
    {
      url: 'http://collector.test/v1/batch',
      method: 'POST',
      httpRequestTimeout: 2_000,
      headers: { authorization: `Basic ${btoa('secret:')}`, 'content-type': 'application/json' },
    },
  ]);
  expect((JSON.parse(seen[0]?.body ?? '') as { batch: Message[] }).batch).toHaveLength(1);
  expect(requests).toEqual([]);
  void flushed;
});

it('waits as Retry-After of such a client says, then delivers', async () => {
  let tries = 0;
  const { client, clock } = setUp(() => ok(), {
    flushAt: 1,
    httpClient: async (_url, { body, signal }) => {
      expect(typeof body).toBe('string');
      expect(signal).toBeInstanceOf(AbortSignal);
      return ++tries === 1
        ? { status: 429, statusText: '', headers: { 'Retry-After': '30' } }
        : { status: 200, statusText: 'OK', text: async () => '{"success":true,"rejected":[]}' };
    },
  });
  client.track(short);
  await settle();
  const before = clock.now();
  clock.step();
  expect(clock.now() - before).toBe(30_000);
  await expect(client.flush()).resolves.toEqual({ delivered: 1, pending: 0, dropped: 0 });
  expect(tries).toBe(2);
});

it('shows listeners what is sent and answered, without the key', async () => {
  const { client } = setUp();
  const heard: unknown[] = [];
  client.on('http_request', (request) => heard.push(request));
  client.on('http_response', (response) => heard.push(response));
  client.track(long);
  await client.flush();
  expect(heard).toMatchObject([
    { url: 'http://collector.test/v1/batch', method: 'POST', body: expect.stringContaining('"event":"E"') },
    { url: 'http://collector.test/v1/batch', status: 200, body: expect.stringContaining('"success":true') },
  ]);
  expect(JSON.stringify(heard)).not.toMatch(/authorization|c2VjcmV0/i);
});

it('keeps a key of any characters in its header', async () => {
  const { client, requests } = setUp(() => ok(), { writeKey: 'ключ' });
  client.track(short);
  await client.flush();
  const [, coded = ''] = requests[0]?.headers.get('authorization')?.split(' ') ?? [];
  expect(Buffer.from(coded, 'base64').toString()).toBe('ключ:');
});

it('unpacks to what was called', async () => {
  let packed: unknown;
  const { client } = setUp(() => ok(), {
    fetch: async (_, init) => {
      packed = init?.body;
      return ok();
    },
  });
  client.track(long);
  await client.flush();
  expect(JSON.parse(gunzipSync(packed as Uint8Array).toString())).toMatchObject({ batch: [long] });
});

it('follows no redirect: a page at its end is no delivery', async () => {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    request.resume();
    if (request.url === '/v1/batch') response.writeHead(301, { location: '/welcome' }).end();
    else response.end('{"success":true}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const codes: string[] = [];
  const onError = ({ code }: { code: string }): void => void codes.push(code);
  for (const httpClient of [undefined, fetch]) {
    const client = new Analytics({ writeKey: 'k', host, httpClient, onError });
    client.track(short);
    await expect(client.closeAndFlush({ timeout: 300 })).resolves.toEqual({
      delivered: 0,
      pending: 1,
      dropped: 0,
    });
  }
  server.close();
  server.closeAllConnections();
  expect(seen).toEqual(['POST /v1/batch', 'POST /v1/batch']);
  expect(codes).toEqual(['closed', 'closed']);
});
