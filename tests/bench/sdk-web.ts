// `npm run bench:sdk`: our browser SDK beside others, measured in one run in one Chromium.
// Invariant: it prints figures and asserts none; the others are installed into a temporary folder.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'esbuild';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchChromium, scripts } from '../browser/stage.ts';
import { say, tell } from './report.ts';
import { createReceiver, eventName, type Receiver } from './sdk-receiver.ts';

interface Rival {
  name: string;
  package: string;
  /** Sets up `window.send(name)`; HOST is the receiver. Its defaults otherwise, save what records by itself. */
  code: string;
}

const RIVALS: Rival[] = [
  {
    name: 'Segment',
    package: '@segment/analytics-next',
    code: `import { AnalyticsBrowser } from '@segment/analytics-next';
      const a = AnalyticsBrowser.load({ writeKey: 'k', cdnURL: HOST }, { integrations: { 'Segment.io': { apiHost: HOST.slice(7) + '/v1', protocol: 'http' } } });
      window.send = (name) => void a.track(name);`,
  },
  {
    name: 'Segment, batching',
    package: '@segment/analytics-next',
    code: `import { AnalyticsBrowser } from '@segment/analytics-next';
      const a = AnalyticsBrowser.load({ writeKey: 'k', cdnURL: HOST }, { integrations: { 'Segment.io': { apiHost: HOST.slice(7) + '/v1', protocol: 'http', deliveryStrategy: { strategy: 'batching' } } } });
      window.send = (name) => void a.track(name);`,
  },
  {
    name: 'PostHog',
    package: 'posthog-js',
    code: `import posthog from 'posthog-js';
      posthog.init('k', { api_host: HOST, autocapture: false, capture_pageview: false, capture_pageleave: false, disable_session_recording: true, advanced_disable_flags: true, disable_external_dependency_loading: true, opt_out_useragent_filter: true });
      window.send = (name) => void posthog.capture(name);`,
  },
  {
    name: 'Jitsu',
    package: '@jitsu/js',
    code: `import { jitsuAnalytics } from '@jitsu/js';
      const a = jitsuAnalytics({ host: HOST, writeKey: 'k' });
      window.send = (name) => void a.track(name);`,
  },
  {
    name: 'Snowplow',
    package: '@snowplow/browser-tracker',
    code: `import { newTracker, trackStructEvent } from '@snowplow/browser-tracker';
      newTracker('t', HOST, { appId: 'k', encodeBase64: false });
      window.send = (name) => trackStructEvent({ category: 'c', action: name });`,
  },
  {
    name: 'OpenPanel',
    package: '@openpanel/web',
    code: `import { OpenPanel } from '@openpanel/web';
      const a = new OpenPanel({ apiUrl: HOST, clientId: 'k' });
      window.send = (name) => void a.track(name);`,
  },
];

/** How long an SDK may take to deliver what it will, ms. */
const PATIENCE_MS = 5_000;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Figures {
  bytes: number;
  microseconds: number;
  withoutPage: number;
  withPage: number;
  copies: number;
  afterOutage: number;
}

async function measure(browser: Browser, receiver: Receiver, bytes: number): Promise<Figures> {
  const fresh = async (): Promise<{ context: BrowserContext; page: Page }> => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${receiver.url}/page`);
    await page.waitForFunction('window.send');
    // Ready is who has delivered something.
    await page.evaluate(
      (name) => (window as unknown as { send(name: string): void }).send(name),
      eventName(9_999),
    );
    for (let waited = 0; receiver.came.length === 0 && waited < PATIENCE_MS; waited += 50) await pause(50);
    await pause(500);
    receiver.forget();
    return { context, page };
  };
  const unique = (): number => new Set(receiver.came).size;

  const first = await fresh();
  const microseconds = await first.page.evaluate((name) => {
    const start = performance.now();
    for (let i = 0; i < 1_000; i++) (window as unknown as { send(name: string): void }).send(name);
    return performance.now() - start;
  }, 'speed');
  await first.context.close();

  const second = await fresh();
  await second.page
    .evaluate(
      (names) => {
        for (const name of names) (window as unknown as { send(name: string): void }).send(name);
        location.href = '/nothing';
      },
      Array.from({ length: 200 }, (_, i) => eventName(i)),
    )
    .catch(() => {});
  await pause(PATIENCE_MS);
  const withoutPage = unique();
  await second.page.goto(`${receiver.url}/page`);
  await pause(PATIENCE_MS);
  const withPage = unique();
  const copies = receiver.came.length - withPage;
  await second.context.close();

  const third = await fresh();
  await third.page.goto(`${receiver.url}/page`);
  await third.page.waitForFunction('window.send');
  await pause(500);
  receiver.forget();
  await receiver.down();
  await third.page.evaluate(
    (names) => {
      for (const name of names) (window as unknown as { send(name: string): void }).send(name);
    },
    Array.from({ length: 20 }, (_, i) => eventName(i)),
  );
  await pause(1_000);
  await third.page.close();
  await receiver.up();
  const again = await third.context.newPage();
  await again.goto(`${receiver.url}/page`);
  await pause(PATIENCE_MS);
  const afterOutage = unique();
  await third.context.close();
  return { bytes, microseconds, withoutPage, withPage, copies, afterOutage };
}

function row(
  name: string,
  { bytes, microseconds, withoutPage, withPage, copies, afterOutage }: Figures,
): void {
  const cells = [bytes, microseconds.toFixed(0), withoutPage, withPage, copies, afterOutage];
  say(`${name.padEnd(42)}${cells.map((cell) => String(cell).padStart(12)).join('')}`);
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-sdk-'));
  const files = new Map<string, string>();
  const receiver = await createReceiver(files);
  const browser = await launchChromium();
  try {
    const packages = [...new Set(RIVALS.map((rival) => rival.package))];
    tell(`installing ${packages.join(', ')}`);
    writeFileSync(join(folder, 'package.json'), '{ "private": true }');
    execFileSync(
      'npm',
      ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error', ...packages],
      {
        cwd: folder,
      },
    );
    const head = ['brotli B', 'us a call', '200: left', '200: next', 'copies', '20: down'];
    say(`${''.padEnd(42)}${head.map((cell) => cell.padStart(12)).join('')}`);
    files.set('/nothing', '<!doctype html><title>Nothing</title>');

    for (const [path, text] of Object.entries(scripts)) files.set(path, text);
    files.set(
      '/page',
      `<!doctype html><title>Page</title><script src="/sdk.js" data-write-key="k" data-page="off"></script>
       <script>window.send = (name) => tidemark.track(name)</script>`,
    );
    const bytes = brotliCompressSync(scripts['/sdk.js'] ?? '').length;
    row('Tidemark', await measure(browser, receiver, bytes));

    for (const rival of RIVALS) {
      const built = await build({
        stdin: { contents: rival.code.replaceAll('HOST', JSON.stringify(receiver.url)), resolveDir: folder },
        bundle: true,
        minify: true,
        format: 'iife',
        target: 'es2021',
        write: false,
        define: { 'process.env.NODE_ENV': '"production"' },
        logLevel: 'silent',
      });
      const script = built.outputFiles[0]?.text ?? '';
      files.set('/rival.js', script);
      files.set('/page', '<!doctype html><title>Page</title><script src="/rival.js"></script>');
      const manifest = readFileSync(join(folder, 'node_modules', rival.package, 'package.json'), 'utf8');
      const { version } = JSON.parse(manifest) as { version: string };
      row(`${rival.name} ${version}`, await measure(browser, receiver, brotliCompressSync(script).length));
    }
    say();
    say(
      '200: events tracked in the task that left the page: stored without a further page, with one, and copies.',
    );
    say(
      '20: events tracked while the receiver was down, the tab closed: stored within 5 s of opening it again.',
    );
  } finally {
    await browser.close();
    await receiver.down();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
