// Text that others wrote — authors of surveys, visitors, whoever sends events — in every page the collector serves.
// Invariant: in a real Chromium no script of it runs, no element of it is made, and no policy is violated.
import { createHmac } from 'node:crypto';
import type { Server } from 'node:http';
import { serve } from '@hono/node-server';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createApp } from '../../collector/src/app.ts';
import type { Core } from '../../collector/src/ingest/core.ts';
import { createCore } from '../../collector/src/ingest/create-core.ts';
import { addDemo } from '../../collector/src/main/demo.ts';
import type { JsonObject } from '../../collector/src/wire/message.ts';
import { ADMIN_KEY, basic, SERVER_KEY, SIGNING_SECRET, WEB_KEY } from '../collector.ts';
import { closeServer, launchChromium, root, scripts } from './stage.ts';

/** Each breaks out of another place: an element, a script, an attribute, a style, a comment, a template, a link. */
const PAYLOADS = [
  '</script><script>hacked=1</script><img src=x onerror="hacked=1">',
  '"><svg/onload="hacked=1">\'><iframe srcdoc="<script>parent.hacked=1</script>">',
  '--><!--<script>hacked=1//',
  '</title></style></textarea></noscript><script>hacked=1</script>',
  `\`;hacked=1;\`\u2028hacked=1\u2029$${'{hacked=1}'}`,
  '<a href="javascript:hacked=1" autofocus onfocus=hacked=1 contenteditable>x</a>',
];

/** As text on a page is read. */
const inOneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

let browser: Browser;
let core: Core;
let server: Server;
let url: string;
let context: BrowserContext;

beforeAll(async () => {
  browser = await launchChromium();
  core = await createCore({ database: ':memory:', now: Date.now });
  const byName = Object.fromEntries(Object.entries(scripts).map(([path, text]) => [path.slice(1), text]));
  const app = await createApp({
    core,
    keys: { writeKey: WEB_KEY, serverKey: SERVER_KEY, adminKey: ADMIN_KEY, signingSecret: SIGNING_SECRET },
    script: byName['sdk.js'] ?? null,
    modules: byName,
  });
  const collector = {
    core,
    app,
    fetch: app.fetch,
    tick: core.tick,
    close: core.close,
    firstRun: null,
    applied: null,
  };
  await addDemo(collector, `${root}/examples`);
  url = await new Promise((resolve) => {
    // Without options for HTTP/2 the adapter makes a plain HTTP server.
    server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) =>
      resolve(`http://127.0.0.1:${port}`),
    ) as Server;
  });
  context = await browser.newContext({ reducedMotion: 'reduce', locale: 'en-GB' });
  context.setDefaultTimeout(8_000);
});
afterAll(async () => {
  await browser.close();
  await closeServer(server);
  await core.close();
});

/** A page that notes whatever runs, and whatever a policy had to stop. */
async function openPage(): Promise<{ page: Page; problems: () => Promise<unknown> }> {
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('dialog', (dialog) => {
    problems.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (/policy|violat|refused/i.test(message.text())) problems.push(message.text());
  });
  return {
    page,
    async problems() {
      for (const frame of page.frames())
        if (await frame.evaluate(() => 'hacked' in window)) problems.push(`hacked: ${frame.url()}`);
      return problems;
    },
  };
}

async function api(method: string, path: string, body: unknown): Promise<void> {
  const answer = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
    body: JSON.stringify(body),
  });
  expect(answer.status, await answer.text()).toBeLessThan(300);
}

const send = async (batch: JsonObject[], key = SERVER_KEY): Promise<void> => {
  const answer = await fetch(`${url}/v1/batch`, {
    method: 'POST',
    headers: { authorization: basic(key) },
    body: JSON.stringify({ batch }),
  });
  expect(await answer.json()).toMatchObject({ rejected: [] });
};

/** One survey a type of question, each with the text wherever an author may write some. */
function surveysSaying(said: string): [string, JsonObject][] {
  const options = ['a', 'b', 'c', 'd'].map((id) => ({ id, label: said }));
  const more: Record<string, JsonObject> = {
    nps: { labels: [said, said] },
    csat: { labels: [said, said] },
    ces: { labels: [said, said] },
    rating: {},
    single_choice: { options, other: true },
    multiple_choice: { options },
    open_text: {},
    ranking: { options },
    matrix: { options, labels: [options[0] as JsonObject, options[1] as JsonObject] },
    maxdiff: { options },
    kano: { absent: said },
    price_sensitivity: { currency: '<img>' },
    date: {},
    consent: {},
    info: {},
  };
  return Object.entries(more).map(([type, fields]) => [
    type,
    { name: said, thanks: said, questions: [{ id: 'q', type, title: said, description: said, ...fields }] },
  ]);
}

it.each(PAYLOADS)('a survey’s page shows %j as text, in every type of question', async (said) => {
  const { page, problems } = await openPage();
  for (const [type, survey] of surveysSaying(said)) {
    await api('PUT', `/api/surveys/${type}`, survey);
    await core.tick();
    await page.goto(`${url}/s/${type}?preview=1`);
    const widget = page.locator('tidemark-survey');
    await widget.getByText(inOneLine(said)).first().waitFor();
    expect(inOneLine(await page.title()), type).toBe(inOneLine(said));
    const made = await page.evaluate(() => {
      const inside = document.querySelector('tidemark-survey')?.shadowRoot ?? document;
      const names =
        'img, iframe, script:not([src]):not([type="application/json"]), a[href^="javascript"], [onload], [onerror], [onfocus]';
      return [...document.querySelectorAll(names), ...inside.querySelectorAll(names)].map(
        (node) => node.outerHTML,
      );
    });
    expect(made, type).toEqual([]);
  }
  expect(await problems()).toEqual([]);
  await page.close();
});

it('a survey’s page takes what stands in its address as text', async () => {
  const { page, problems } = await openPage();
  await api('PUT', '/api/surveys/care', surveysSaying('Care')[0]?.[1]);
  await core.tick();
  for (const said of PAYLOADS) {
    const text = encodeURIComponent(said);
    const userSignature = createHmac('sha256', SIGNING_SECRET).update(said).digest('hex');
    for (const path of [
      `/s/${text}`,
      `/s/care?lang=${text}`,
      `/s/care?preview=${text}&trigger=${text}#${text}`,
      `/s/care?userId=${text}&userSignature=${userSignature}`,
    ]) {
      await page.goto(url + path);
      await page.locator('tidemark-survey, .notice').first().waitFor();
    }
  }
  expect(await problems()).toEqual([]);
  await page.close();
});

it('the demo shows events and traits of others as text', async () => {
  const { page, problems } = await openPage();
  await page.goto(`${url}/demo/`);
  await page.locator('#traits dd').first().waitFor();
  const anonymousId = await page.locator('#who code').textContent();
  for (const said of PAYLOADS) {
    const properties = { category: said, name: said, product_id: said, revenue: 1 };
    await send([
      ...Array.from({ length: 3 }, () => ({
        type: 'track',
        event: 'Product Viewed',
        anonymousId,
        properties,
      })),
      { type: 'track', event: 'Order Completed', anonymousId, properties },
      { type: 'track', event: said, anonymousId, properties: { [said]: said } },
      { type: 'identify', anonymousId, traits: { [said]: said, name: said } },
    ]);
    await page.getByRole('button', { name: 'Look at: Hemp rope, 10 m' }).click();
    // The panel shows it: what is tested did reach the page.
    await expect.poll(() => page.locator('#traits').textContent()).toContain(said);
  }
  await page.getByLabel('Your name').fill(PAYLOADS[0] ?? '');
  await page.keyboard.press('Enter');
  await expect.poll(() => page.locator('#who').textContent()).toContain('hacked');
  expect(await page.locator('#traits img, #traits script, #traits svg, #who img, #log img').count()).toBe(0);
  expect(await problems()).toEqual([]);
  await page.close();
});

it('answers that are opened as pages are data: never HTML, never sniffed', async () => {
  await api('PUT', '/api/traits/said', { type: 'last', event: 'Said', property: 'text', expose: 'public' });
  await core.tick();
  const { page, problems } = await openPage();
  for (const said of PAYLOADS) {
    const text = encodeURIComponent(said);
    await send([{ type: 'track', event: 'Said', userId: 'reader', properties: { text: said } }]);
    for (const path of [
      `/v1/me?writeKey=${WEB_KEY}&userId=reader`,
      `/v1/me?writeKey=${text}`,
      `/v1/me?writeKey=${WEB_KEY}&userId=x&url=${text}`,
      `/v1/projects/${text}/settings`,
      `/sourceConfig?writeKey=${text}`,
      `/${text}`,
      `/v1/${text}`,
      `/api/segments/${text}`,
      `/sdk-${text}.js`,
    ]) {
      const answer = await page.goto(url + path);
      const headers = answer?.headers() ?? {};
      expect(headers['content-type'], path).toBe('application/json');
      expect(headers['x-content-type-options'], path).toBe('nosniff');
    }
    expect(await (await fetch(`${url}/v1/me?writeKey=${WEB_KEY}&userId=reader`)).json()).toMatchObject({
      computed: { said },
    });
  }
  expect(await problems()).toEqual([]);
  await page.close();
});
