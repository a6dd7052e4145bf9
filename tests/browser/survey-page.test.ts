// A survey's own page as the collector serves it, in a real Chromium under its own policy.
// Invariant: no violation of the policy, and no proof of a user in anything that is sent.
import { createHmac } from 'node:crypto';
import type { Server } from 'node:http';
import { serve } from '@hono/node-server';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createApp } from '../../collector/src/app.ts';
import type { Core } from '../../collector/src/ingest/core.ts';
import { createCore } from '../../collector/src/ingest/create-core.ts';
import type { JsonObject } from '../../collector/src/wire/message.ts';
import type { OfferedSurvey } from '../../collector/src/wire/survey.ts';
import { SIGNING_SECRET } from '../collector.ts';
import { closeServer, eventually, launchChromium, scripts } from './stage.ts';
import { ask, options, survey, widget } from './survey-stage.ts';

const HOSTILE = '</script><img src=x onerror="window.hacked = 1"><!--<script>';
const SURVEYS: Record<string, OfferedSurvey | 'closed'> = {
  care: survey(
    'care',
    [ask('score', 'nps', { title: { en: 'How likely?', zh: '多大可能？' } }), ask('why', 'open_text')],
    {
      languages: ['en', 'zh'],
      name: 'Customer care',
    },
  ),
  hostile: survey(
    'hostile',
    [ask('q', 'single_choice', { title: HOSTILE, options: options('A', HOSTILE) })],
    { name: HOSTILE },
  ),
  over: 'closed',
};

let browser: Browser;
let core: Core;
let server: Server;
let url: string;
let context: BrowserContext;
let page: Page;
let problems: string[];
let bodies: string[];
let pageKeys: () => number;

beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());
beforeEach(async () => {
  core = await createCore({ database: ':memory:', now: Date.now });
  const byName = Object.fromEntries(Object.entries(scripts).map(([path, text]) => [path.slice(1), text]));
  const { fetch, access } = await createApp({
    core: { ...core, survey: async (key) => SURVEYS[key] ?? null },
    keys: { signingSecret: SIGNING_SECRET },
    script: byName['sdk.js'] ?? null,
    modules: byName,
  });
  // Other sites only: our own pages send all the same, with one key however often they are opened.
  await access.updateSource({ allowedOrigins: ['https://shop.example'] });
  pageKeys = () => access.keys().filter(({ name }) => name === 'survey pages').length;
  url = await new Promise((resolve) => {
    // Without options for HTTP/2 the adapter makes a plain HTTP server.
    server = serve({ fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) =>
      resolve(`http://127.0.0.1:${port}`),
    ) as Server;
  });
  context = await browser.newContext({ reducedMotion: 'reduce', locale: 'en-GB' });
  context.setDefaultTimeout(8_000);
  problems = [];
  bodies = [];
  page = await context.newPage();
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (/policy|violat|refused/i.test(message.text())) problems.push(message.text());
  });
  page.on('request', (request) => {
    if (request.method() === 'POST') bodies.push(request.postData() ?? '');
  });
});
afterEach(async () => {
  await context.close();
  await closeServer(server);
  await core.close();
  expect(problems).toEqual([]);
});

const open = (path: string) => page.goto(url + path);
const press = (name: string): Promise<void> =>
  widget(page).getByRole('button', { name, exact: true }).click();
/** All survey messages stored for somebody. */
async function stored(ref: string): Promise<JsonObject[]> {
  const { data } = (await core.events(ref, { limit: 100, cursor: null })) ?? { data: [] };
  return data.filter(({ type }) => type === 'survey').reverse();
}
async function answer(): Promise<void> {
  await widget(page).getByRole('radio', { name: '9', exact: true }).check();
  await press('Next');
  await widget(page).getByRole('textbox').fill('Quick help');
  await press('Send');
  await widget(page).getByRole('heading', { name: 'Thank you' }).waitFor();
}

it('is answered by somebody unknown, and sends nothing but that', async () => {
  const response = await open('/s/care');
  expect(response?.headers()['content-security-policy']).toContain(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'",
  );
  expect(await page.title()).toBe('Customer care');
  await answer();
  const [person] = await eventually(
    async () =>
      (await core.profiles({ q: null, segment: null, limit: 10, cursor: null })) as {
        data: { id: string; userId: string | null; eventCount: number }[];
      },
    ({ data }) => data[0]?.eventCount === 4,
  ).then(({ data }) => data);
  expect(person?.userId).toBeNull();
  const messages = await stored(person?.id ?? '');
  expect(messages.map(({ status }) => status)).toEqual(['shown', 'started', 'partial', 'completed']);
  expect(messages.at(-1)).toMatchObject({
    surveyId: 'care',
    trigger: 'link',
    language: 'en',
    answers: { score: 9, why: 'Quick help' },
  });
});

it('is answered by a user who is proven, and the proof stays out of everything', async () => {
  const proof = createHmac('sha256', SIGNING_SECRET).update('ada').digest('hex');
  await open(`/s/care?userId=ada&userSignature=${proof}&from=mail`);
  await answer();
  await eventually(
    () => stored('user:ada'),
    (messages) => messages.length === 4,
  );
  expect(page.url()).toBe(`${url}/s/care?from=mail`);
  for (const message of await stored('user:ada')) expect(JSON.stringify(message)).not.toContain(proof);
  expect(await page.evaluate(() => JSON.stringify(localStorage) + document.cookie)).not.toContain(proof);
});

it('is answered by somebody unknown where the proof is wrong', async () => {
  await open(`/s/care?userId=ada&userSignature=${'0'.repeat(64)}`);
  await answer();
  await eventually(
    async () => core.stats().accepted,
    (count) => count === 4,
  );
  expect(await core.profile('user:ada')).toBeNull();
});

it('sends nothing as a preview', async () => {
  await open('/s/care?preview=1');
  await widget(page).getByText('Preview: nothing is sent').waitFor();
  await answer();
  await page.waitForTimeout(700);
  expect(bodies).toEqual([]);
});

it('goes on after a reload', async () => {
  await open('/s/care');
  await widget(page).getByRole('radio', { name: '4', exact: true }).check();
  await press('Next');
  await page.reload();
  await widget(page).getByText('About why').waitFor();
  expect(pageKeys()).toBe(1);
});

it('takes an author’s markup as text', async () => {
  await open('/s/hostile');
  await widget(page).getByRole('heading', { name: HOSTILE }).waitFor();
  expect(await page.title()).toBe(HOSTILE);
  expect(await page.evaluate(() => 'hacked' in window)).toBe(false);
  expect(await page.locator('img').count()).toBe(0);
});

describe('its states', () => {
  it.each([
    ['/s/none', 404, 'en-GB', 'There is no such survey'],
    ['/s/none', 404, 'zh-CN', '没有找到这份问卷'],
    ['/s/over', 200, 'en-GB', 'This survey is closed'],
    ['/s/over?lang=zh', 200, 'en-GB', '问卷已结束'],
  ])('%s answers %i in %s', async (path, status, locale, title) => {
    const other = await browser.newContext({ locale });
    const page = await other.newPage();
    const response = await page.goto(url + path);
    expect(response?.status()).toBe(status);
    expect(response?.headers()['content-type']).toBe('text/html; charset=utf-8');
    expect(await page.getByRole('heading').textContent()).toBe(title);
    await other.close();
  });

  it('speaks the language that is asked for', async () => {
    await open('/s/care?lang=zh-CN');
    await widget(page).getByText('多大可能？').waitFor();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe('zh');
    await press('跳过');
  });

  it('is not framed by others, and is not kept', async () => {
    const response = await open('/s/care');
    const headers = response?.headers() ?? {};
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(headers['cache-control']).toBe('no-store');
    expect(headers['referrer-policy']).toBe('no-referrer');
  });
});
