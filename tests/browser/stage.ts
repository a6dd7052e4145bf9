// A stage for browser tests: a served collector, pages on another origin, and a Chromium.
// Invariant: everything is on 127.0.0.1 and stops with `close`.
import { readdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { serve } from '@hono/node-server';
import { buildSync } from 'esbuild';
import { type Browser, chromium } from 'playwright-core';
import { findChromium } from '../../.ci/chromium.mjs';
import { shrink } from '../../sdk-web/shrink.mjs';
import { openCollector, type TestCollector, WEB_KEY } from '../collector.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));

const bundled = (entry: string, format: 'iife' | 'esm'): string =>
  buildSync({
    entryPoints: [`${root}/sdk-web/src/${entry}.ts`],
    bundle: true,
    format,
    target: 'es2021',
    write: false,
  }).outputFiles[0]?.text as string;

/** The scripts as they are published, built from source, by path. */
export const scripts: Record<string, string> = {
  '/sdk.js': await shrink(bundled('script', 'iife'), { inner: true }),
  '/sdk-more.js': await shrink(bundled('more', 'esm')),
  '/segment.min.js': await shrink(bundled('segment-script', 'iife')),
};
for (const name of ['autocapture', 'vitals', 'errors', 'leave'])
  scripts[`/sdk-${name}.js`] = await shrink(bundled(`addons/${name}`, 'esm'));
scripts['/sdk-surveys.js'] = await shrink(bundled('survey/surveys-script', 'esm'));
for (const name of ['widget', 'page'])
  scripts[`/sdk-survey-${name}.js`] = await shrink(bundled(`survey/${name}`, 'esm'));
for (const file of readdirSync(`${root}/sdk-web/src/survey/languages`)) {
  const name = file.replace('.ts', '');
  scripts[`/sdk-survey-lang-${name}.js`] = await shrink(bundled(`survey/languages/${name}`, 'esm'));
}

export interface Served {
  collector: TestCollector;
  /** Its address. */
  url: string;
  /** Requests to /v1 so far: path and status. */
  log: { path: string; status: number; body: string }[];
  /** Stops answering, as a collector that is down; `up` again on the same port. */
  down(): Promise<void>;
  up(): Promise<void>;
  close(): Promise<void>;
}

/** A collector over loopback that also hands out the script built from source. */
export async function serveCollector(): Promise<Served> {
  const collector = await openCollector({ now: Date.now() });
  const log: Served['log'] = [];
  let port = 0;
  let server: Server | null = null;
  const fetch = async (request: Request): Promise<Response> => {
    collector.clock.now = Date.now();
    const { pathname, search } = new URL(request.url);
    const script = scripts[pathname.startsWith('/analytics.js/') ? '/segment.min.js' : pathname];
    if (script !== undefined)
      return new Response(script, {
        headers: { 'content-type': 'text/javascript', 'access-control-allow-origin': '*' },
      });
    const body = request.method === 'POST' ? textOf(await request.clone().arrayBuffer()) : '';
    const answer = await collector.handle(request);
    if (request.method === 'POST') log.push({ path: pathname + search, status: answer.status, body });
    return answer;
  };
  const up = (): Promise<void> =>
    new Promise((resolve) => {
      // Without options for HTTP/2 the adapter makes a plain HTTP server.
      server = serve({ fetch, port, hostname: '127.0.0.1' }, (info) => {
        port = info.port;
        resolve();
      }) as Server;
    });
  const down = (): Promise<void> =>
    new Promise((resolve) => {
      server?.close(() => resolve());
      server?.closeAllConnections();
    });
  await up();
  return {
    collector,
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    log,
    up,
    down,
    async close() {
      await down();
      await collector.dispose();
    },
  };
}

/** A body as text, inflated if it is gzip by its first byte. */
function textOf(bytes: ArrayBuffer): string {
  const body = Buffer.from(bytes);
  return String(body[0] === 0x1f ? gunzipSync(body) : body);
}

/** Serves `pages`, with further `headers`, by path on an origin of its own. */
export async function servePages(
  pages: Record<string, string>,
  headers: Record<string, Record<string, string>> = {},
): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    const page = pages[path] ?? pages['*'];
    const type = path.endsWith('.js') ? 'text/javascript' : 'text/html; charset=utf-8';
    response
      .writeHead(page === undefined ? 404 : 200, { 'content-type': type, ...headers[path] })
      .end(page ?? '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // listening on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export async function launchChromium(): Promise<Browser> {
  const executablePath = findChromium();
  if (!executablePath) throw new Error('no Chromium: `npm test` finds or installs one; or set CHROME_PATH');
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export const tag = (url: string, attributes = ''): string =>
  `<script async src="${url}/sdk.js" data-write-key="${WEB_KEY}" ${attributes}></script>`;

/** Waits until `check` holds, or fails with what it last saw. */
export async function eventually<T>(
  read: () => Promise<T>,
  check: (value: T) => boolean,
  limitMs = 15_000,
): Promise<T> {
  const end = Date.now() + limitMs;
  for (;;) {
    const value = await read();
    if (check(value)) return value;
    if (Date.now() > end)
      throw new Error(`still ${JSON.stringify(value)?.slice(0, 2_000)} after ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
