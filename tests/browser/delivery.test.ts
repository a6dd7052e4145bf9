// What must hold of delivery in a real Chromium, against the real collector: nothing lost, nothing twice.
// Invariant: what is counted is what the collector stored and what went over the wire to it.
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { WEB_KEY } from '../collector.ts';
import { bytesOnDisk, idsOnDisk, leaveRecord, named, numbersOf } from './sdk-page.ts';
import { eventually, scripts, setStage, tag } from './stage.ts';

/** Given to pages by the test that uses it. */
declare function tell(name: string, i: number): Promise<void>;
declare global {
  interface Window {
    codes?: string[];
  }
}

const stage = setStage((url) => ({
  pages: {
    '*': `<!doctype html><title>Quiet</title>${tag(url, 'data-page="off"')}`,
    // Served, not routed: a browser whose requests are looked at may drop those of a page that goes.
    '/bare': '<!doctype html><title>No SDK</title>',
  },
}));
const { open, stored } = stage;
/** Messages that came over the wire and were accepted or known, by name: every copy counts. */
const onTheWire = (event: string): number =>
  stage
    .posts()
    .flatMap((body) => (JSON.parse(body) as { batch: { event?: string }[] }).batch)
    .filter((message) => message.event === event).length;

describe('200 events and a navigation in the same task', () => {
  const leave = async (page: Page, to: string) =>
    page.evaluate((path) => {
      for (let i = 0; i < 200; i++) sdk().track('Many', { i });
      location.href = path;
    }, to);

  it('stores at least 150 without another page of ours, the rest with the next, and hardly any twice', async () => {
    const page = await open();
    // The next page has no SDK: only what left with this one can arrive.
    await leave(page, '/bare');
    await page.waitForURL('**/bare');
    await eventually(stored, (all) => named(all, 'Many').length >= 150);
    await page.goto(`${stage.url}/back`);
    const all = await eventually(stored, (messages) => named(messages, 'Many').length >= 200);
    expect(numbersOf(named(all, 'Many'))).toEqual(Array.from({ length: 200 }, (_, i) => i));
    // Until its disk is empty this page may still send something.
    await eventually(
      () => idsOnDisk(page),
      (ids) => ids.length === 0,
    );
    expect(onTheWire('Many')).toBeLessThanOrEqual(202);
  });

  it('does so when the next page has the SDK too and starts at once', async () => {
    const page = await open();
    await leave(page, '/next');
    await page.waitForURL('**/next');
    const all = await eventually(stored, (messages) => named(messages, 'Many').length >= 200);
    expect(numbersOf(named(all, 'Many'))).toEqual(Array.from({ length: 200 }, (_, i) => i));
    await eventually(
      () => idsOnDisk(page),
      (ids) => ids.length === 0,
    );
    expect(onTheWire('Many')).toBeLessThanOrEqual(202);
  });
});

it('sends what is being compressed as it is when the page goes', async () => {
  await stage.context.addInitScript(`window.CompressionStream = class {
    constructor() { return new TransformStream({ transform: () => new Promise(() => {}) }); }
  }`);
  const page = await open();
  await page.evaluate(async () => {
    // The first large one goes as it is, and fetches the chunk that compresses.
    for (let i = 0; i < 19; i++) sdk().track('First', { i, text: 'x'.repeat(1_000) });
    await sdk().flush();
    while (!performance.getEntriesByType('resource').some(({ name }) => name.endsWith('/sdk-more.js')))
      await new Promise((resolve) => setTimeout(resolve, 10));
    await new Promise((resolve) => setTimeout(resolve, 100));
    // At work for ever.
    for (let i = 0; i < 19; i++) sdk().track('Many', { i, text: 'x'.repeat(1_000) });
    void sdk().flush();
    await new Promise((resolve) => setTimeout(resolve, 500));
  });
  expect(named(await stored(), 'First')).toHaveLength(19);
  expect(named(await stored(), 'Many')).toEqual([]);
  await page.goto('about:blank');
  const all = await eventually(stored, (messages) => named(messages, 'Many').length >= 19);
  expect(numbersOf(named(all, 'Many'))).toHaveLength(19);
});

describe('a collector that is down', () => {
  it('gets all 20 within 5 s of the page opened again, without a new event', async () => {
    const page = await open();
    await stage.served.down();
    await page.evaluate(() => {
      for (let i = 0; i < 20; i++) sdk().track('Many', { i });
    });
    await eventually(
      () => idsOnDisk(page),
      (ids) => ids.length === 20,
    );
    await page.close();
    await stage.served.up();
    await open();
    const all = await eventually(stored, (messages) => named(messages, 'Many').length >= 20, 5_000);
    expect(numbersOf(named(all, 'Many'))).toHaveLength(20);
  });

  it('gets all that several tabs kept, which together is no more than the bound, and what is new', async () => {
    const tabs = await Promise.all([0, 1, 2].map((tab) => open(`/?tab=${tab}`)));
    await stage.served.down();
    const refused: [name: string, i: number][] = [];
    for (const [tab, page] of tabs.entries()) {
      await page.exposeFunction('tell', (name: string, i: number) => refused.push([name, i]));
      await page.evaluate(
        ([name]) => {
          sdk().on('error', ({ code }, messages) => {
            for (const { properties } of messages)
              if (code === 'queue_full') tell(name, (properties as { i: number }).i);
          });
          // 350 kB each.
          for (let i = 0; i < 35; i++) sdk().track(name, { i, text: 'x'.repeat(10_000) });
        },
        [`Tab ${tab}`] as const,
      );
      // Each message is kept or told, also where it was on its way when the collector went.
      await eventually(
        async () => (await idsOnDisk(page)).length + refused.length,
        (count) => count === 35 * (tab + 1),
      );
      expect(await bytesOnDisk(page)).toBeLessThanOrEqual(512 * 1024);
    }
    expect(await bytesOnDisk(tabs[0] as Page)).toBeGreaterThan(500 * 1024);
    // The newest: none of the first tab's, the last of the second's, all of the third's.
    const numbers = (tab: number) => refused.filter(([name]) => name === `Tab ${tab}`).map(([, i]) => i);
    const kept = 35 - numbers(1).length;
    expect([numbers(0), numbers(2).length]).toEqual([[], 35]);
    expect(numbers(1).sort((a, b) => a - b)).toEqual(Array.from({ length: 35 - kept }, (_, i) => kept + i));
    for (const page of tabs) await page.close();
    await stage.served.up();
    const page = await open();
    const codes = await page.evaluate(async () => {
      const seen: string[] = [];
      sdk().on('error', ({ code }) => seen.push(code));
      for (let i = 0; i < 10; i++) {
        sdk().track('New', { i });
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      return seen;
    });
    expect(codes).toEqual([]);
    const all = await eventually(stored, (messages) => messages.length >= 45 + kept);
    expect(numbersOf(named(all, 'Tab 0'))).toHaveLength(35);
    expect(numbersOf(named(all, 'Tab 1'))).toHaveLength(kept);
    expect(numbersOf(named(all, 'New'))).toHaveLength(10);
  });

  it('keeps pages that take over from others within the bound, time and again', async () => {
    // The scripts are had from a cache while the collector is down.
    await stage.context.route('**/sdk*.js', (route) =>
      route.fulfill({
        contentType: 'text/javascript',
        headers: { 'access-control-allow-origin': '*' },
        body: scripts[new URL(route.request().url()).pathname] as string,
      }),
    );
    await stage.served.down();
    for (let turn = 0; turn < 4; turn++) {
      const page = await open(`/?${turn}`);
      if (turn)
        await page.waitForFunction(() =>
          performance.getEntriesByType('resource').some(({ name }) => name.endsWith('/v1/seen')),
        );
      await page.evaluate(async () => {
        for (let i = 0; i < 30; i++) sdk().track('Many', { i, text: '漢'.repeat(3_000) });
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      });
      expect(await bytesOnDisk(page)).toBeLessThanOrEqual(512 * 1024);
      await page.close();
    }
  });

  it('keeps journals within the bound too, where there is nothing else', async () => {
    await stage.context.addInitScript(
      `Object.defineProperty(window, 'indexedDB', { get() { throw new Error('no'); } });`,
    );
    const tabs = await Promise.all([0, 1].map((tab) => open(`/?tab=${tab}`)));
    await stage.served.down();
    for (const page of tabs)
      await page.evaluate(async () => {
        for (let i = 0; i < 35; i++) sdk().track('Many', { i, text: 'x'.repeat(10_000) });
        await new Promise((resolve) => setTimeout(resolve, 1_500));
      });
    const bytes = await tabs[0]?.evaluate(() =>
      Object.keys(localStorage)
        .filter((key) => key.startsWith('tm.j.'))
        .reduce((sum, key) => sum + localStorage[key].length, 0),
    );
    expect(bytes).toBeGreaterThan(500 * 1024);
    expect(bytes).toBeLessThanOrEqual(512 * 1024);
  });

  it('gets what was tracked in the very task that closed the tab', async () => {
    const page = await open();
    await stage.served.down();
    await page.evaluate(() => {
      for (let i = 0; i < 20; i++) sdk().track('Many', { i });
      location.href = 'about:blank';
    });
    await page.waitForURL('about:blank');
    await page.close();
    await stage.served.up();
    await open();
    await eventually(stored, (messages) => named(messages, 'Many').length >= 20, 5_000);
  });

  it('waits while the browser is offline, and goes on when it is back', async () => {
    const page = await open();
    await stage.context.setOffline(true);
    await page.evaluate(() => {
      for (let i = 0; i < 20; i++) sdk().track('Many', { i });
    });
    await eventually(
      () => idsOnDisk(page),
      (ids) => ids.length === 20,
    );
    expect(onTheWire('Many')).toBe(0);
    await stage.context.setOffline(false);
    await eventually(stored, (messages) => named(messages, 'Many').length >= 20);
    expect(onTheWire('Many')).toBe(20);
  });
});

it('survives its renderer being killed', async () => {
  const page = await open();
  await stage.served.down();
  await page.evaluate(() => {
    for (let i = 0; i < 20; i++) sdk().track('Many', { i });
  });
  // A second: what the promise allows. Nothing shorter is claimed.
  await page.waitForTimeout(1_000);
  const crashed = page.waitForEvent('crash');
  void page.goto('chrome://crash').catch(() => {});
  await crashed;
  await page.close();
  await stage.served.up();
  await open();
  const all = await eventually(stored, (messages) => named(messages, 'Many').length >= 20);
  expect(numbersOf(named(all, 'Many'))).toHaveLength(20);
});

describe('five tabs of 1,000 events, one of them killed at a random moment', () => {
  const EVENTS = 1_000;
  const seeds = Number(process.env.TIDEMARK_TAB_SEEDS ?? 2);
  it.each(Array.from({ length: seeds }, (_, i) => i + 1))(
    'loses and doubles nothing (seed %i)',
    async (seed) => {
      const tabs = await Promise.all([0, 1, 2, 3, 4].map((tab) => open(`/?tab=${tab}`)));
      const victim = seed % 5;
      // Multiplicative hashing spreads the seeds over the second that tracking takes.
      const momentMs = ((seed * 2_654_435_761) % 1_000) + 50;
      const tracking = tabs.map((page, tab) =>
        page
          .evaluate(
            async ([name, count]) => {
              for (let i = 0; i < count; i++) {
                sdk().track(name, { i });
                // In bursts of ten, as a busy page does, over about a second.
                if (i % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 10));
              }
            },
            [`Tab ${tab}`, EVENTS] as const,
          )
          .catch(() => {}),
      );
      const survivor = tabs[(victim + 1) % 5] as Page;
      await new Promise((resolve) => setTimeout(resolve, momentMs));
      const dying = tabs[victim] as Page;
      const crashed = dying.waitForEvent('crash');
      void dying.goto('chrome://crash').catch(() => {});
      await crashed;
      // Everything on disk now, whoever wrote it.
      const onDisk = await idsOnDisk(survivor);
      await dying.close();
      await Promise.all(tracking);
      await open('/?after');
      await eventually(
        async () => {
          const all = await stored();
          const ids = new Set(all.map((message) => message.messageId));
          const whole = [0, 1, 2, 3, 4].filter((tab) => named(all, `Tab ${tab}`).length === EVENTS).length;
          return { whole, missing: onDisk.filter((id) => !ids.has(id)).length };
        },
        ({ whole, missing }) => whole >= 4 && missing === 0,
        60_000,
      );
      const all = await stored();
      for (let tab = 0; tab < 5; tab++) {
        const numbers = numbersOf(named(all, `Tab ${tab}`));
        expect(new Set(numbers).size).toBe(numbers.length);
        if (tab !== victim) expect(numbers).toHaveLength(EVENTS);
      }
      // In the end nobody holds anything back that could be sent again.
      await eventually(
        () => idsOnDisk(survivor),
        (ids) => ids.length === 0,
      );
    },
  );
});

it('sends again when a page comes back from the back cache, also what others took over meanwhile', async () => {
  const page = await open();
  await stage.served.down();
  // What a browser tells a page that it keeps as it is, and the timers it holds, are played here.
  await page.evaluate(() => {
    for (let i = 0; i < 5; i++) sdk().track('Many', { i });
    dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }));
  });
  await eventually(
    () => idsOnDisk(page),
    (ids) => ids.length === 5,
  );
  // Given back by the browser, a moment after the page let go.
  await eventually(
    () => page.evaluate(async () => (await navigator.locks.query()).held?.length),
    (held) => held === 0,
  );
  await stage.served.up();
  await open('/other');
  await eventually(stored, (messages) => named(messages, 'Many').length === 5);
  const held = await page.evaluate(async () => {
    dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
    for (let i = 5; i < 8; i++) sdk().track('Many', { i });
    await sdk().flush();
    return (await navigator.locks.query()).held?.length;
  });
  expect(held).toBeGreaterThan(0);
  const all = await eventually(stored, (messages) => named(messages, 'Many').length >= 8);
  expect(numbersOf(named(all, 'Many'))).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  await eventually(
    () => idsOnDisk(page),
    (ids) => ids.length === 0,
  );
});

it('takes over with a second client what a first one had taken over and not sent', async () => {
  const page = await open();
  await stage.served.down();
  await page.evaluate(() => {
    for (let i = 0; i < 5; i++) sdk().track('Many', { i });
  });
  await eventually(
    () => idsOnDisk(page),
    (ids) => ids.length === 5,
  );
  await page.close();
  await stage.served.up();
  let isDown = true;
  await stage.context.route('**/v1/*', (route) => (isDown ? route.abort() : route.continue()));
  const next = await open();
  // The first has asked for what was left, in vain, and tried to send it.
  await eventually(
    async () =>
      next.evaluate(
        () => performance.getEntriesByType('resource').filter(({ name }) => /v1/.test(name)).length,
      ),
    (count) => count > 1,
  );
  isDown = false;
  await next.evaluate(async () => {
    const { src } = document.querySelector('script[src]') as HTMLScriptElement;
    sdk().close();
    delete window.tidemark;
    const node = Object.assign(document.createElement('script'), { src });
    node.dataset.writeKey = 'wk_web_for_tests';
    node.dataset.page = 'off';
    document.head.append(node);
  });
  const all = await eventually(stored, (messages) => named(messages, 'Many').length >= 5);
  expect(numbersOf(named(all, 'Many'))).toEqual([0, 1, 2, 3, 4]);
});

it('corrects a clock that is two days off to within 2 s', async () => {
  const page = await stage.context.newPage();
  await page.addInitScript(`{
    const now = Date.now.bind(Date);
    Date.now = () => now() - 2 * 86_400_000;
  }`);
  await page.goto(stage.url);
  await stage.ready(page);
  const before = Date.now();
  await page.evaluate(() => {
    sdk().track('Late');
    return sdk().flush();
  });
  const [late] = named(await stored(), 'Late');
  expect(Math.abs(Date.parse(late?.timestamp as string) - before)).toBeLessThan(2_000);
});

it('gives up what nobody could send for 30 days, and says so', async () => {
  const page = await stage.context.newPage();
  // A record as an earlier page would have left it.
  await page.goto(`${stage.url}/robots.txt`);
  await page.evaluate(() => sdk().close());
  const record = (messageId: string, ageMs: number) => ({
    ...{ type: 'track', event: messageId, properties: { i: 0 }, anonymousId: 'd', messageId },
    timestamp: new Date(Date.now() - ageMs).toISOString(),
  });
  const messages = [record('old', 31 * 86_400_000), record('young', 86_400_000)];
  await leaveRecord(page, WEB_KEY, `[{}]\n${messages.map((one) => `${JSON.stringify(one)}\n`).join('')}`);
  await page.close();
  const next = await stage.context.newPage();
  await next.addInitScript(`window.codes = [];
    Object.defineProperty(window, 'tidemark', { configurable: true, set(value) {
      Object.defineProperty(window, 'tidemark', { value, writable: true, configurable: true });
      value.on('error', ({ code }, messages) => window.codes.push(code + ' ' + messages[0].messageId)); } });`);
  await next.goto(stage.url);
  await eventually(stored, (all) => named(all, 'young').length === 1);
  expect(named(await stored(), 'old')).toEqual([]);
  expect(await next.evaluate(() => window.codes)).toEqual(['too_old old']);
  await eventually(
    () => idsOnDisk(next),
    (ids) => ids.length === 0,
  );
});
