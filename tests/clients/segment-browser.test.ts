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

/** @param from Segment's package, or ours in its shapes: the code is the same. */
function bundle(settings: string, from = '@segment/analytics-next'): string {
  const built = buildSync({
    stdin: {
      contents: `import { AnalyticsBrowser } from '${from}';
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
    conditions: ['tidemark-source'],
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
  ['the same code on our own client', '{}', '@tidemark/sdk-web/segment'],
  [
    'batches',
    "{ integrations: { 'Segment.io': { deliveryStrategy: { strategy: 'batching', config: { size: 10, timeout: 300 } } } } }",
  ],
])('stores every call once: %s', async (_, settings, from?: string) => {
  pages = await servePages({
    '/': '<!doctype html><title>T</title><script src="/app.js"></script>',
    '/app.js': bundle(settings, from).replace('COLLECTOR', served.url),
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

/** Segment's snippet 5.2.1, with nothing changed but the address that its script comes from. */
const SNIPPET = `!function(){var i="analytics",analytics=window[i]=window[i]||[];if(!analytics.initialize)if(analytics.invoked)window.console&&console.error&&console.error("Segment snippet included twice.");else{analytics.invoked=!0;analytics.methods=["trackSubmit","trackClick","trackLink","trackForm","pageview","identify","reset","group","track","ready","alias","debug","page","screen","once","off","on","addSourceMiddleware","addIntegrationMiddleware","setAnonymousId","addDestinationMiddleware","register"];analytics.factory=function(e){return function(){if(window[i].initialized)return window[i][e].apply(window[i],arguments);var n=Array.prototype.slice.call(arguments);if(["track","screen","alias","group","page","identify"].indexOf(e)>-1){var c=document.querySelector("link[rel='canonical']");n.push({__t:"bpc",c:c&&c.getAttribute("href")||void 0,p:location.pathname,u:location.href,s:location.search,t:document.title,r:document.referrer})}n.unshift(e);analytics.push(n);return analytics}};for(var n=0;n<analytics.methods.length;n++){var key=analytics.methods[n];analytics[key]=analytics.factory(key)}analytics.load=function(key,n){var t=document.createElement("script");t.type="text/javascript";t.async=!0;t.setAttribute("data-global-segment-analytics-key",i);t.src="COLLECTOR/analytics.js/v1/" + key + "/analytics.min.js";var r=document.getElementsByTagName("script")[0];r.parentNode.insertBefore(t,r);analytics._loadOptions=n};analytics._writeKey="${WEB_KEY}";;analytics.SNIPPET_VERSION="5.2.1";
  analytics.load("${WEB_KEY}");
  analytics.page();
  }}();`;

it('runs Segment’s own snippet with only the script’s address changed', async () => {
  pages = await servePages({
    '*': `<!doctype html><title>T</title><script>${SNIPPET.replace('COLLECTOR', served.url)}
      window.early = location.pathname;
      analytics.identify('u1', { email: 'ada@example.com' });
      analytics.track('Early', { n: 1 });
      analytics.page({ n: 3 }, { context: { app: 'x' } });
      analytics.identify({ plan: 'pro' }, { context: { app: 'y' } });
      history.replaceState({}, '', '/moved');
      analytics.ready(function () {
        analytics.track('Late', { n: 2 }, function () { window.called = true; });
        analytics.group('g1', { name: 'Acme' });
        analytics.addSourceMiddleware(function (step) { step.payload.obj.properties.more = 1; step.next(step.payload); });
        analytics.track('Changed');
        window.who = [analytics.user().id(), analytics.user().anonymousId()];
      });
    </script>`,
  });
  const context = await browser.newContext();
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  await page.goto(`${pages.url}/first?utm_source=news`);
  const profile = await eventually(
    () => served.collector.profile('user:u1'),
    (found) => (found?.eventCount ?? 0) >= 8,
  );
  expect(profile?.eventCount).toBe(8);
  expect(profile?.traits).toEqual({ email: 'ada@example.com', plan: 'pro' });
  expect(profile?.groups).toEqual([{ id: 'g1', traits: { name: 'Acme' } }]);
  const events = await served.collector.all<JsonObject>('/api/profiles/user:u1/events');
  const of = (event: string) => events.find((message) => message.event === event);
  // As the page was when the call was made, not when the script had come.
  expect(of('Early')).toMatchObject({ properties: { n: 1 }, context: { page: { path: '/first' } } });
  expect(of('Late')).toMatchObject({ properties: { n: 2 }, context: { page: { path: '/moved' } } });
  const [second, first] = events.filter(({ type }) => type === 'page');
  expect(first?.properties).toMatchObject({ path: '/first', title: 'T' });
  // With options after what stands in the place of a name or an id.
  const surroundings = { page: { path: '/first' } };
  expect(second).toMatchObject({
    properties: { n: 3, path: '/first' },
    context: { ...surroundings, app: 'x' },
  });
  expect(events.find(({ type, traits }) => type === 'identify' && 'plan' in Object(traits))).toMatchObject({
    context: { ...surroundings, app: 'y' },
  });
  expect(of('Changed')?.properties).toEqual({ more: 1 });
  expect(await page.evaluate('window.called')).toBe(true);
  expect(await page.evaluate('window.who')).toEqual(['u1', profile?.anonymousIds[0]]);
  expect(faults).toEqual([]);
  await context.close();
});

it('takes another id for the device without signing the user out, again and again', async () => {
  pages = await servePages({
    '*': `<!doctype html><title>T</title><script>${SNIPPET.replace('COLLECTOR', served.url).replace('analytics.page();', '')}
      analytics.setAnonymousId('old');
      analytics.ready(function () {
        analytics.track('Loaded');
        window.who = [analytics.user().id(), analytics.user().anonymousId(), analytics.user().traits()];
      });
    </script>`,
  });
  const context = await browser.newContext();
  const page = await context.newPage();
  const who = async () => {
    await page.waitForFunction('window.who');
    return page.evaluate('window.who');
  };
  await page.goto(pages.url);
  expect(await who()).toEqual([null, 'old', {}]);
  await page.evaluate(`
    analytics.setAnonymousId('first');
    analytics.identify('ada', { plan: 'pro' });
    analytics.track('Before');
    analytics.setAnonymousId('old');
    analytics.setAnonymousId(undefined);
    analytics.track('After');
  `);
  expect(await page.evaluate('analytics.user().id()')).toBe('ada');
  // The cookie and the storage agree: the next page knows them still, and so does the one after it.
  for (const path of ['/next', '/third']) {
    await page.goto(pages.url + path);
    expect(await who()).toEqual(['ada', 'old', { plan: 'pro' }]);
    const cookies = await context.cookies();
    expect(cookies.map(({ name, value }) => [name, value])).toEqual([['tm.id', 'old']]);
  }
  const profile = await eventually(
    () => served.collector.profile('user:ada'),
    (found) => (found?.eventCount ?? 0) >= 6,
  );
  expect(profile?.anonymousIds.sort()).toEqual(['first', 'old']);
  const events = await served.collector.all<JsonObject>('/api/profiles/user:ada/events');
  const of = (event: string) => events.filter((message) => message.event === event);
  expect(of('Before')).toMatchObject([{ userId: 'ada', anonymousId: 'first' }]);
  expect(of('After')).toMatchObject([{ userId: 'ada', anonymousId: 'old' }]);
  expect(of('Loaded').filter(({ userId }) => userId === 'ada')).toHaveLength(2);
  expect(events).toHaveLength(6);
  // One session all the while.
  expect(new Set(events.map((event) => Object(Object(event.context).session).id)).size).toBe(1);
  await context.close();
});

it('tracks links and forms, and page views by path, called before and after the script came', async () => {
  const calls = (name: string): string => `
    analytics.trackLink(document.getElementById('a'), '${name} Link', { n: 1 });
    analytics.trackClick([document.getElementById('a')], '${name} Click', function (el) { return { id: el.id }; });
    analytics.trackForm(document.getElementById('f'), '${name} Form', { n: 1 }, { context: { app: 'x' } });
    analytics.trackSubmit({ 0: document.getElementById('f'), length: 1 }, function (el) { return '${name} Submit ' + el.id; });
    analytics.pageview('/${name}');`;
  pages = await servePages({
    '*': `<!doctype html><title>T</title><a id="a" href="#here">A</a>
      <form id="f" target="frame" action="/sent"><button id="b">Send</button></form><iframe name="frame"></iframe>
      <script>${SNIPPET.replace('COLLECTOR', served.url).replace('analytics.page();', '')}
      ${calls('early')}
      analytics.ready(function () { ${calls('late')} window.isReady = true; });
    </script>`,
    '/sent': '<!doctype html>',
  });
  const context = await browser.newContext();
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  await page.goto(pages.url);
  await page.waitForFunction('window.isReady');
  await page.click('#a');
  await page.click('#b');
  const id = (await page.evaluate('analytics.user().anonymousId()')) as string;
  await eventually(
    () => served.collector.profile(`anon:${id}`),
    (found) => (found?.eventCount ?? 0) >= 10,
  );
  const events = await served.collector.all<JsonObject>(`/api/profiles/anon:${id}/events`);
  for (const name of ['early', 'late']) {
    const of = (event: string) => events.filter((message) => message.event === `${name} ${event}`);
    expect(of('Link')).toMatchObject([{ properties: { n: 1 } }]);
    expect(of('Click')).toMatchObject([{ properties: { id: 'a' } }]);
    expect(of('Form')).toMatchObject([{ properties: { n: 1 }, context: { app: 'x' } }]);
    expect(of('Submit f')).toHaveLength(1);
    expect(
      events.filter(({ type, properties }) => type === 'page' && Object(properties).path === `/${name}`),
    ).toMatchObject([{ properties: { title: 'T' } }]);
  }
  expect(events).toHaveLength(10);
  expect(faults).toEqual([]);
  await context.close();
});
