// The real @segment/analytics-next in Chromium, page on another origin, both ways of delivery.
import { buildSync } from 'esbuild';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { JsonObject } from '../../collector/src/wire/message.ts';
import {
  eventually,
  launchChromium,
  root,
  type Served,
  serveCollector,
  servePages,
} from '../browser/stage.ts';
import { WEB_KEY } from '../collector.ts';

const CALLS = `
  analytics.page('Home');
  analytics.track('Visited', { n: 1 });
  analytics.identify('u1', { email: 'ada@example.com' });
  analytics.track('Order Completed', { revenue: 12.5 });
  analytics.group('g1', { name: 'Acme' });
  analytics.screen('Main');
`;

function bundle(settings: string): string {
  const built = buildSync({
    stdin: {
      contents: `import { AnalyticsBrowser } from '@segment/analytics-next';
        const analytics = AnalyticsBrowser.load({ writeKey: '${WEB_KEY}', cdnURL: 'COLLECTOR' }, ${settings});
        window.analytics = analytics;
        ${CALLS}`,
      resolveDir: root,
      loader: 'js',
    },
    bundle: true,
    format: 'iife',
    write: false,
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'silent',
  });
  return built.outputFiles[0]?.text as string;
}

let browser: Browser;
let served: Served;
let pages: { url: string; close(): Promise<void> };

beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());
beforeEach(async () => {
  served = await serveCollector();
});
afterEach(async () => {
  await pages.close();
  await served.close();
});

it.each([
  ['one request a call', '{}'],
  [
    'batches',
    "{ integrations: { 'Segment.io': { deliveryStrategy: { strategy: 'batching', config: { size: 10, timeout: 300 } } } } }",
  ],
])('stores every call once: %s', async (_, settings) => {
  pages = await servePages({
    '/': '<!doctype html><title>T</title><script src="/app.js"></script>',
    '/app.js': bundle(settings).replace('COLLECTOR', served.url),
  });
  const context = await browser.newContext();
  const page = await context.newPage();
  const foreign: string[] = [];
  page.on('request', (request) => {
    const { origin } = new URL(request.url());
    if (origin !== pages.url && origin !== served.url) foreign.push(request.url());
  });
  await page.goto(`${pages.url}/?utm_source=news`);
  const profile = await eventually(
    () => served.collector.profile('user:u1'),
    (found) => (found?.eventCount ?? 0) >= 6,
  );
  await page.waitForTimeout(600);
  const events = await served.collector.all<JsonObject>('/api/profiles/user:u1/events');
  expect(events.map((event) => event.type).sort()).toEqual([
    'group',
    'identify',
    'page',
    'screen',
    'track',
    'track',
  ]);
  expect(new Set(events.map((event) => event.messageId)).size).toBe(6);
  expect(profile?.anonymousIds).toHaveLength(1);
  expect(profile?.traits).toEqual({ email: 'ada@example.com' });
  expect(profile?.groups).toEqual([{ id: 'g1', traits: { name: 'Acme' } }]);
  const visited = events.find((event) => event.event === 'Visited');
  expect(visited).toMatchObject({ properties: { n: 1 }, context: { campaign: { source: 'news' } } });
  // Settings that name us alone keep every request here.
  expect(foreign).toEqual([]);
  expect(served.log.every(({ status }) => status === 200)).toBe(true);
  await context.close();
});
