// A stage for browser tests: a served collector, pages on another origin, and a Chromium.
// Invariant: everything is on 127.0.0.1 and stops with `close`; no page throws unnoticed.
import { readdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { serve } from '@hono/node-server';
import { buildSync } from 'esbuild';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { findChromium } from '../../.ci/chromium.mjs';
import type { JsonObject } from '../../collector/src/wire/message.ts';
import { shrink } from '../../sdk-web/shrink.mjs';
import type { Analytics } from '../../sdk-web/src/types.ts';
import { openCollector, type TestCollector, WEB_KEY } from '../collector.ts';
import { storedIn } from './sdk-page.ts';

declare global {
  /** Defined in every page of a stage: what runs there cannot see the test's file. */
  var sdk: () => Analytics;
}

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
  const down = async (): Promise<void> => {
    if (server) await closeServer(server);
  };
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

/** Ends it with every connection; resolves also if it was closed already. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
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
    close: () => closeServer(server),
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

export interface Stage {
  browser: Browser;
  served: Served;
  /** Where the pages are. */
  url: string;
  /** One for each test. */
  context: BrowserContext;
  /** Opens a page and waits for the SDK; `before` is a script that runs ahead of the page's own. */
  open(path?: string, before?: string): Promise<Page>;
  /** Waits for the SDK of a page that was opened or loaded otherwise. */
  ready(page: Page): Promise<Page>;
  /** All messages the collector stored. */
  stored(): Promise<JsonObject[]>;
  /** Bodies of the batches sent so far, every copy. */
  posts(): string[];
}

/**
 * Sets a stage up for each test of the file that calls this. An exception in a page fails its test.
 * @param pagesAt the pages by path, and their headers, given the collector's address
 */
export function setStage(
  pagesAt: (url: string) => {
    pages: Record<string, string>;
    headers?: Record<string, Record<string, string>>;
  },
): Stage {
  let pages: Awaited<ReturnType<typeof servePages>>;
  let errors: string[];
  const stage = {
    async open(path = '/', before) {
      const page = await stage.context.newPage();
      if (before) await page.addInitScript(before);
      await page.goto(stage.url + path);
      return stage.ready(page);
    },
    async ready(page) {
      // Asked again and again from outside: a strict page lets nothing wait inside it.
      await eventually(
        () => page.evaluate(() => typeof globalThis.sdk?.()?.flush),
        (type) => type === 'function',
      );
      return page;
    },
    stored: () => storedIn(stage.served.collector),
    posts: () => stage.served.log.filter(({ path }) => path.startsWith('/v1/batch')).map(({ body }) => body),
  } as Stage; // the rest is there once a test begins
  beforeAll(async () => {
    stage.browser = await launchChromium();
  });
  afterAll(() => stage.browser.close());
  beforeEach(async () => {
    stage.served = await serveCollector();
    const { pages: byPath, headers } = pagesAt(stage.served.url);
    pages = await servePages(byPath, headers);
    stage.url = pages.url;
    stage.context = await stage.browser.newContext();
    await stage.context.addInitScript('window.sdk = () => window.tidemark');
    errors = [];
    stage.context.on('weberror', (error) => errors.push(error.error().message));
  });
  afterEach(async () => {
    await stage.context.close();
    await pages.close();
    await stage.served.close();
    expect(errors).toEqual([]);
  });
  return stage;
}

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
