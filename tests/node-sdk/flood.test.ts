// 100,000 calls in a tight loop, in a process of their own, against the real collector.
// Invariant: all are stored once, memory stays bounded, and the collector is never crowded.
import type { Server } from 'node:http';
import { serve } from '@hono/node-server';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openCollector, SERVER_KEY, type TestCollector } from '../collector.ts';
import { openPrograms, type Program } from './program.ts';

const CALLS = 100_000;
const PEOPLE = 100;
const MAX_RSS_BYTES = 150 * 1024 * 1024;

let collector: TestCollector;
let server: Server;
let programs: Program;
let port = 0;
let open = 0;
let mostOpen = 0;
const sockets = new Set<unknown>();
const encodings = new Set<string | null>();

beforeAll(async () => {
  programs = openPrograms();
  collector = await openCollector({ now: Date.now() });
  const fetch = async (request: Request): Promise<Response> => {
    collector.clock.now = Date.now();
    encodings.add(request.headers.get('content-encoding'));
    mostOpen = Math.max(mostOpen, ++open);
    try {
      return await collector.handle(request);
    } finally {
      open--;
    }
  };
  await new Promise<void>((resolve) => {
    // Without options for HTTP/2 the adapter makes a plain HTTP server.
    server = serve({ fetch, port: 0, hostname: '127.0.0.1' }, (info) => {
      port = info.port;
      resolve();
    }) as Server;
  });
  server.on('connection', (socket) => sockets.add(socket));
});

afterAll(async () => {
  programs.close();
  server.close();
  server.closeAllConnections();
  await collector.dispose();
});

it('stores all once, within 150 MB and four requests', async () => {
  const { code, lines } = await programs.run(`
    const lost = [];
    const client = new Analytics({
      writeKey: ${JSON.stringify(SERVER_KEY)},
      host: 'http://127.0.0.1:${port}',
      onError: ({ code }, messages) => lost.push([code, messages.length]),
    });
    const idle = process.memoryUsage.rss();
    for (let i = 0; i < ${CALLS}; i++)
      client.track({
        userId: 'u' + (i % ${PEOPLE}),
        event: 'Order Completed',
        properties: { order_id: 'o' + i, revenue: i / 100, currency: 'EUR', products: [{ sku: 's' + i, price: 1 }] },
      });
    const result = await client.closeAndFlush({ timeout: 90_000 });
    const grownBytes = process.resourceUsage().maxRSS * 1024 - idle;
    console.log(JSON.stringify({ result, lost, grownBytes }));`);
  expect(code).toBe(0);
  const told = JSON.parse(lines[0] ?? '{}') as { result: object; lost: unknown[]; grownBytes: number };
  console.log(
    `peak ${(told.grownBytes / 1024 / 1024).toFixed(0)} MB above idle, ${mostOpen} requests at once, ${sockets.size} connections`,
  );
  expect(told.result).toEqual({ delivered: CALLS, pending: 0, dropped: 0 });
  expect(told.lost).toEqual([]);
  expect(told.grownBytes).toBeLessThanOrEqual(MAX_RSS_BYTES);
  expect(mostOpen).toBeLessThanOrEqual(4);
  // Connections are kept: as many as requests at once, not as many as requests.
  expect(sockets.size).toBeLessThanOrEqual(4);
  expect(encodings).toContain('gzip');
  let stored = 0;
  for (let i = 0; i < PEOPLE; i++) stored += (await collector.profile(`user:u${i}`))?.eventCount ?? 0;
  expect(stored).toBe(CALLS);
});
