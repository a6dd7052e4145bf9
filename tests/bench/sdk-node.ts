// The Node SDK beside @segment/analytics-node and posthog-node: calls a second, delivery, memory.
// Invariant: each client runs in a process of its own, with its defaults, against the same stub on loopback.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';
import { say, tell } from './report.ts';

/** As many as our queue holds: all of them wait at once. */
const CALLS = 100_000;
/** So that all are measured compiled. */
const WARM_UP_CALLS = 5_000;
/** How long a client may take to deliver, ms. */
const DELIVERY_LIMIT_MS = 60_000;
/** What a collector takes to commit a batch, ms: so that requests overlap as they would. */
const ANSWER_MS = 5;
/** Rounds of a client, each in a process of its own; the fastest counts: the machine has other work too. */
const ROUNDS = 3;
/** Installed for this run alone. */
const OTHERS = ['@segment/analytics-node@3.1.0', 'posthog-node@5.70.0'];

interface Client {
  name: string;
  /** Code that makes `call(i)` and `end()`, given `HOST`. */
  code(bundle: string): string;
}

const PROPERTIES = `{ order_id: 'o' + i, revenue: i / 100, currency: 'EUR', products: [{ sku: 's' + i, price: 1 }] }`;
const SEGMENT_CALL = `(i) => client.track({ userId: 'u' + (i % 100), event: 'Order Completed', properties: ${PROPERTIES} })`;

const ours = (more: string) => (bundle: string) =>
  `
  const { Analytics } = await import(${JSON.stringify(bundle)});
  const client = new Analytics({ writeKey: 'k', host: HOST${more} });
  const call = ${SEGMENT_CALL};
  const end = () => client.closeAndFlush({ timeout: ${DELIVERY_LIMIT_MS} });`;

const CLIENTS: Client[] = [
  { name: '@tidemark/sdk-node', code: ours('') },
  { name: '@tidemark/sdk-node, spoolDir', code: ours(`, spoolDir: 'spool-' + process.pid`) },
  {
    name: '@segment/analytics-node',
    code: () => `
      const { Analytics } = await import('@segment/analytics-node');
      const client = new Analytics({ writeKey: 'k', host: HOST });
      client.on('error', () => {});
      const call = ${SEGMENT_CALL};
      const end = () => client.closeAndFlush({ timeout: ${DELIVERY_LIMIT_MS} });`,
  },
  {
    name: 'posthog-node',
    code: () => `
      const { PostHog } = await import('posthog-node');
      const client = new PostHog('k', { host: HOST, disableGeoip: true });
      const call = (i) =>
        client.capture({ distinctId: 'u' + (i % 100), event: 'Order Completed', properties: ${PROPERTIES} });
      const end = () => client.shutdown(${DELIVERY_LIMIT_MS}).catch(() => {});`,
  },
];

/** What one process measured. */
interface Measured {
  callsPerSecond: number;
  /** The same for JSON.stringify of the same message, pushed on an array. */
  pushesPerSecond: number;
  cpuUsPerCall: number;
  deliveryMs: number;
  peakMb: number;
}

const programOf = (client: Client, bundle: string, host: string, calls: number): string => `
  const HOST = ${JSON.stringify(host)};
  ${client.code(bundle)}
  const message = (i) => ({ userId: 'u' + (i % 100), event: 'Order Completed', properties: ${PROPERTIES} });
  const perSecond = (count, run) => {
    const start = performance.now();
    for (let i = 0; i < count; i++) run(i);
    return (count / (performance.now() - start)) * 1000;
  };
  let list = [];
  perSecond(${WARM_UP_CALLS}, (i) => list.push(JSON.stringify(message(i))));
  list = [];
  const pushesPerSecond = perSecond(${calls}, (i) => list.push(JSON.stringify(message(i))));
  list = [];
  perSecond(${WARM_UP_CALLS}, (i) => call(-1 - i));
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  globalThis.gc();
  const idle = process.memoryUsage.rss();
  let peak = idle;
  const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 5);
  const before = process.cpuUsage();
  const callsPerSecond = perSecond(${calls}, call);
  const { user, system } = process.cpuUsage(before);
  peak = Math.max(peak, process.memoryUsage.rss());
  const start = performance.now();
  await end();
  clearInterval(watch);
  console.log(JSON.stringify({
    callsPerSecond, pushesPerSecond, cpuUsPerCall: (user + system) / ${calls},
    deliveryMs: performance.now() - start, peakMb: (peak - idle) / 1024 / 1024,
  }));
  process.exit(0);`;

interface Stub {
  url: string;
  /** Unique messages, messages in all, and requests under way at once, since the last `reset`. */
  figures(): { unique: number; total: number; mostOpen: number };
  reset(): void;
  close(): void;
}

interface StubMessage {
  messageId?: string;
  uuid?: string;
  properties?: { order_id?: string };
}

async function openStub(): Promise<Stub> {
  let ids = new Set<string>();
  let total = 0;
  let open = 0;
  let mostOpen = 0;
  const server: Server = createServer((request, response) => {
    mostOpen = Math.max(mostOpen, ++open);
    response.on('close', () => open--);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      setTimeout(() => {
        response
          .setHeader('content-type', 'application/json')
          .end('{"success":true,"status":1,"rejected":[]}');
      }, ANSWER_MS);
      if (request.method !== 'POST') return;
      const body = Buffer.concat(chunks);
      const text = body[0] === 0x1f ? gunzipSync(body) : body;
      const { batch = [] } = JSON.parse(text.toString()) as { batch?: StubMessage[] };
      for (const { messageId, uuid, properties } of batch) {
        // The warm-up's have negative numbers.
        if (properties?.order_id?.startsWith('o-')) continue;
        total++;
        ids.add(messageId ?? uuid ?? '');
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, // listening on TCP
    figures: () => ({ unique: ids.size, total, mostOpen }),
    reset() {
      ids = new Set();
      total = 0;
      mostOpen = 0;
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function run(program: string, folder: string): Promise<Measured> {
  const file = join(folder, 'program.mjs');
  writeFileSync(file, program);
  const child = spawn(process.execPath, ['--expose-gc', file], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.on('close', (code) => {
      const line = printed.trim().split('\n').at(-1) ?? '';
      if (code === 0 && line.startsWith('{'))
        resolve(JSON.parse(line) as Measured); // the program's own words
      else reject(new Error(`a client ended with ${code}: ${printed}`));
    });
  });
}

export async function bench(scale: number): Promise<void> {
  const calls = CALLS * scale;
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-sdk-'));
  const stub = await openStub();
  try {
    tell(`installing ${OTHERS.join(', ')}`);
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--no-save', '--loglevel=error', ...OTHERS], {
      cwd: folder,
    });
    const bundle = join(folder, 'sdk.mjs');
    buildSync({
      entryPoints: [fileURLToPath(new URL('../../sdk-node/src/index.ts', import.meta.url))],
      bundle: true,
      format: 'esm',
      platform: 'neutral',
      external: ['node:*'],
      target: 'node20',
      outfile: bundle,
    });
    say(
      `${calls.toLocaleString('en')} calls in a tight loop, then the end; defaults; best of ${ROUNDS} rounds`,
    );
    say('push = JSON.stringify of the same message, pushed on an array: its rate over that of the calls');
    say(
      `  ${'client'.padEnd(30)}${['calls/s', 'CPU us', 'push', 'delivered', 'twice', 'within s', 'peak MB', 'requests'].map((name) => name.padStart(11)).join('')}`,
    );
    for (const client of CLIENTS) {
      const rounds: (Measured & ReturnType<Stub['figures']>)[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        tell(`${client.name}, round ${round + 1}`);
        stub.reset();
        const measured = await run(programOf(client, bundle, stub.url, calls), folder);
        rounds.push({ ...measured, ...stub.figures() });
      }
      rounds.sort((a, b) => b.callsPerSecond - a.callsPerSecond);
      const best = rounds[0];
      if (!best) continue;
      const cells = [
        Math.round(best.callsPerSecond).toLocaleString('en'),
        best.cpuUsPerCall.toFixed(1),
        `${(best.pushesPerSecond / best.callsPerSecond).toFixed(1)}x`,
        best.unique.toLocaleString('en'),
        (best.total - best.unique).toLocaleString('en'),
        (best.deliveryMs / 1000).toFixed(1),
        best.peakMb.toFixed(0),
        String(best.mostOpen),
      ];
      say(`  ${client.name.padEnd(30)}${cells.map((cell) => cell.padStart(11)).join('')}`);
    }
    say('twice = messages received more than once; requests = under way at once, at most');
  } finally {
    stub.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
