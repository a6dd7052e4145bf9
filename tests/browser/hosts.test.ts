// What the SDK is to the page it is on: quiet, within its rights, and gone when told to go.
// Invariant: a page that refuses the SDK something sees no exception, and the loss is counted.
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../collector/src/wire/message.ts';
import type { Analytics } from '../../sdk-web/src/types.ts';
import { named } from './sdk-page.ts';
import { eventually, setStage, tag } from './stage.ts';

declare global {
  interface Window {
    violations?: string[];
  }
}

/** What strict pages allow: scripts with a nonce, and what those load; or scripts by address. */
const STRICT = ["'nonce-n0'", "'nonce-n0' 'strict-dynamic'", "COLLECTOR 'nonce-n0'"];

const stage = setStage((url) => {
  const quiet = (attributes = ''): string =>
    `<!doctype html><title>T</title>${tag(url, `data-page="off" ${attributes}`)}`;
  const strict = `<!doctype html><title>Strict</title><script nonce="n0">
      window.violations = [];
      document.addEventListener('securitypolicyviolation', (e) => violations.push(e.violatedDirective + ' ' + e.blockedURI));
      </script>${tag(url, 'nonce="n0" data-use="autocapture vitals errors leave"')}`;
  return {
    pages: {
      '*': quiet(),
      '/denied': quiet('data-consent="denied"'),
      '/anonymous': quiet('data-consent="anonymous"'),
      '/wait': quiet('data-consent="wait"'),
      '/gpc-deny': quiet('data-gpc="deny"'),
      '/gpc-ignore': quiet('data-gpc="ignore"'),
      '/loud': `<!doctype html><title>T</title>${tag(url)}`,
      '/addons': `<!doctype html><title>T</title>
      <form id="f" name="sign-up" action="/target?secret=1"><input name="password" value="hidden-value">
        <input type="submit" value="hidden-label"></form>
      <a id="a" href="/there?token=1" data-tm-plan="pro">Go  there</a>
      <button id="b" data-tm-event="Bought" data-tm-price="3"><span id="inner">Buy</span></button>
      <div data-tm-ignore><button id="quiet">No</button></div>
      <div style="height: 5000px"></div>
      ${tag(url, 'data-page="off" data-use="autocapture errors leave vitals"')}`,
      ...Object.fromEntries(STRICT.map((_, i) => [`/strict${i}`, strict])),
    },
    headers: {
      ...Object.fromEntries(
        STRICT.map((source, i) => [
          `/strict${i}`,
          {
            'content-security-policy': `default-src 'none'; script-src ${source.replace('COLLECTOR', url)}; connect-src ${url}; require-trusted-types-for 'script'; trusted-types 'none'`,
          },
        ]),
      ),
    },
  };
});
const { open, stored, posts } = stage;
/** Everything of ours that the page's origin holds. */
const traces = (page: Page) =>
  page.evaluate(async () => ({
    keys: Object.keys(localStorage).filter((key) => key.startsWith('tm.')),
    cookie: document.cookie,
    databases: (await indexedDB.databases()).map(({ name }) => name),
  }));
const NOTHING = { keys: [], cookie: '', databases: [] };

describe('consent', () => {
  it('denied: stores and sends nothing, also when it is said again', async () => {
    const page = await open('/denied');
    await page.evaluate(async () => {
      sdk().track('Never');
      sdk().identify('ada');
      sdk().consent('denied');
      await sdk().flush();
    });
    expect(posts()).toEqual([]);
    expect(await traces(page)).toEqual(NOTHING);
  });

  it('denied later: purges what is held and removes every key and cookie', async () => {
    const page = await open('/');
    await page.evaluate(() => localStorage.setItem('cart', 'mine'));
    await stage.served.down();
    await page.evaluate(() => sdk().track('Held'));
    await page.waitForFunction(async () => (await indexedDB.databases()).length > 0);
    expect((await traces(page)).keys).toContain('tm.id');
    const flushed = await page.evaluate(async () => {
      sdk().consent('denied');
      return sdk().flush();
    });
    expect(flushed).toEqual({ delivered: 0, pending: 0, dropped: 0 });
    await eventually(
      () => traces(page),
      (found) => JSON.stringify(found) === JSON.stringify(NOTHING),
    );
    expect(await page.evaluate(() => localStorage.cart)).toBe('mine');
    await stage.served.up();
    await page.reload();
    await stage.ready(page);
    await page.evaluate(async () => {
      sdk().track('After');
      await sdk().flush();
    });
    expect((await stored()).map((message) => message.event)).toEqual(['After']);
  });

  it('anonymous: sends with an id of this page only, and says so', async () => {
    const page = await open('/anonymous');
    const ids = await page.evaluate(async () => {
      sdk().identify('ada', { plan: 'pro' });
      sdk().alias('ada');
      sdk().group('g');
      sdk().track('Seen');
      await sdk().flush();
      return sdk().user();
    });
    // In no list of people: found by who the page says they are.
    expect(await stored()).toEqual([]);
    const { collector } = stage.served;
    const messages = await collector.all<JsonObject>(`/api/profiles/anon:${ids.anonymousId}/events`);
    expect(messages.map((message) => message.event)).toEqual(['Seen']);
    expect(messages[0]).toMatchObject({
      anonymousId: ids.anonymousId,
      context: { tm: { consent: 'anonymous' } },
    });
    expect(messages[0]).not.toHaveProperty('userId');
    expect(ids.userId).toBeNull();
    expect(await traces(page)).toEqual(NOTHING);
  });

  it('wait: holds calls in memory until the first answer, then sends them as they were', async () => {
    for (const answer of ['granted', 'anonymous', 'denied'] as const) {
      const page = await open('/wait');
      const before = await page.evaluate(async () => {
        const properties = { n: 1 };
        sdk().identify('ada');
        sdk().track('Waited', properties);
        properties.n = 2;
        await sdk().flush();
        return document.title;
      });
      expect(before).toBe('T');
      expect(await traces(page)).toEqual(NOTHING);
      const sentBefore = posts().length;
      await page.evaluate(async (state) => {
        history.pushState({}, '', '/elsewhere');
        sdk().consent(state);
        await sdk().flush();
      }, answer);
      const mine = posts().slice(sentBefore).join('');
      if (answer === 'denied') expect(mine).toBe('');
      else expect(mine).toContain('"n":1');
      expect(mine.includes('"userId":"ada"')).toBe(answer === 'granted');
      if (answer !== 'denied') expect(mine).toContain('/wait');
      await page.evaluate(() => sdk().consent('denied'));
      await eventually(
        () => traces(page),
        (found) => JSON.stringify(found) === JSON.stringify(NOTHING),
      );
      await page.close();
    }
  });

  it('Global Privacy Control: anonymous, nothing or ignored, as the tag says', async () => {
    const signal = `Object.defineProperty(navigator, 'globalPrivacyControl', { value: true })`;
    for (const [path, expected] of [
      ['/', 'anonymous'],
      ['/gpc-deny', 'denied'],
      ['/gpc-ignore', 'granted'],
      ['/denied', 'denied'],
    ] as const) {
      const sentBefore = posts().length;
      const page = await open(path, signal);
      await page.evaluate(async () => {
        sdk().track('E');
        await sdk().flush();
      });
      const mine = posts().slice(sentBefore).join('');
      expect([
        path,
        mine === '' ? 'denied' : mine.includes('"consent":"anonymous"') ? 'anonymous' : 'granted',
      ]).toEqual([path, expected]);
      if (expected !== 'granted') expect(await traces(page)).toEqual(NOTHING);
      await page.close();
    }
  });

  it('an answer given beats Global Privacy Control', async () => {
    const page = await open('/', `Object.defineProperty(navigator, 'globalPrivacyControl', { value: true })`);
    await page.evaluate(async () => {
      sdk().consent('granted');
      sdk().identify('ada');
      await sdk().flush();
    });
    expect(await stage.served.collector.profile('user:ada')).toBeDefined();
  });
});

describe('a page that refuses', () => {
  const throwing = (owner: string, name: string): string =>
    `Object.defineProperty(${owner}, '${name}', { configurable: true, get() { throw new DOMException('no', 'SecurityError'); } });`;
  const missing = (owner: string, name: string): string =>
    `Object.defineProperty(${owner}, '${name}', { configurable: true, value: undefined });`;
  const refusals: Record<string, string> = {
    'localStorage throws': throwing('window', 'localStorage'),
    'localStorage is missing': missing('window', 'localStorage'),
    'localStorage is full': `Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };
      window.localStorage.x = 'x'.repeat(1000); let room = 5 * 1024 * 1024;
      try { for (;;) { localStorage['host' + room] = 'x'.repeat(room); room = room / 2 | 0 || 1; if (room === 1) break; } } catch {}`,
    'indexedDB throws': throwing('window', 'indexedDB'),
    'indexedDB is missing': missing('window', 'indexedDB'),
    'indexedDB never opens': `IDBFactory.prototype.open = () => ({});`,
    'indexedDB is full': `IDBObjectStore.prototype.put = function () { throw new DOMException('full', 'QuotaExceededError'); };`,
    'crypto is missing': missing('window', 'crypto'),
    'crypto throws': `Crypto.prototype.getRandomValues = () => { throw new Error('no'); };`,
    'locks are missing': missing('navigator', 'locks'),
    'locks throw': `LockManager.prototype.request = () => { throw new Error('no'); };`,
    'cookies throw': `Object.defineProperty(document, 'cookie', { get() { throw new Error('no'); }, set() { throw new Error('no'); } });`,
    'Blob is slow to exist': missing('window', 'CompressionStream'),
    'everything stored is refused': [
      throwing('window', 'localStorage'),
      throwing('window', 'indexedDB'),
      missing('navigator', 'locks'),
    ].join(''),
  };
  it.each(Object.keys(refusals))('still delivers, without an exception: %s', async (name) => {
    const page = await open('/', refusals[name]);
    const flushed = await page.evaluate(async () => {
      for (let i = 0; i < 5; i++) sdk().track('E', { i });
      sdk().identify('ada');
      return sdk().flush();
    });
    expect(flushed).toEqual({ delivered: 6, pending: 0, dropped: 0 });
    expect(named(await stored(), 'E')).toHaveLength(5);
  });

  it.each([
    ['fetch throws', `window.fetch = () => { throw new Error('no'); };`],
    ['fetch is missing', missing('window', 'fetch')],
    ['fetch rejects', `window.fetch = () => Promise.reject(new Error('no'));`],
  ])('keeps what cannot be sent and counts what does not fit: %s', async (_, before) => {
    const page = await open('/', before);
    const told = await page.evaluate(async () => {
      const codes: string[] = [];
      sdk().on('error', ({ code }, messages) => codes.push(...messages.map(() => code)));
      // 100 kB each: five fit into 512 KB.
      for (let i = 0; i < 8; i++) sdk().track('E', { text: 'x'.repeat(100_000) });
      const flushed = await sdk().flush();
      return { codes, flushed };
    });
    expect(told.codes).toEqual(['queue_full', 'queue_full', 'queue_full']);
    expect(told.flushed).toEqual({ delivered: 0, pending: 5, dropped: 0 });
  });

  it('tells its losses in the ledger', async () => {
    const page = await open('/');
    await page.evaluate(async () => {
      const circle: Record<string, unknown> = {};
      circle.self = circle;
      sdk().track('Fine');
      sdk().track('Circle', circle);
      sdk().track('Fine');
      await sdk().flush();
    });
    const ledger = (await stored())
      .map(({ context }) => (context as { tm: { seq: number; lost?: number } }).tm)
      .sort((a, b) => a.seq - b.seq)
      .map(({ seq, lost }) => ({ seq, lost }));
    expect(ledger).toEqual([{ seq: 1 }, { seq: 3, lost: 1 }]);
  });
});

describe('a strict page', () => {
  it.each(STRICT.map((source, i) => [source, i] as const))(
    'sees no violation, Trusted Types included: script-src %s',
    async (_, i) => {
      const page = await open(`/strict${i}`);
      const modules = await eventually(
        () => page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name)),
        (names) =>
          ['autocapture', 'vitals', 'errors', 'leave'].every((name) =>
            names.some((url) => url.endsWith(`/sdk-${name}.js`)),
          ),
      );
      expect(modules.length).toBeGreaterThan(4);
      await page.evaluate(() => document.body.click());
      await page.evaluate(() => sdk().flush());
      expect(await page.evaluate(() => window.violations)).toEqual([]);
      expect((await stored()).some((message) => message.type === 'page')).toBe(true);
    },
  );
});

describe('add-ons', () => {
  it('capture clicks and forms without values, errors, vitals and page leaves', async () => {
    const page = await open('/addons');
    await eventually(
      () => page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name)),
      (names) =>
        ['autocapture', 'vitals', 'errors', 'leave'].every((name) =>
          names.some((url) => url.endsWith(`/sdk-${name}.js`)),
        ),
    );
    await page.evaluate(() => {
      document.addEventListener('submit', (event) => event.preventDefault());
      document.addEventListener('click', (event) => {
        if ((event.target as Element).id === 'a') event.preventDefault();
      });
      window.addEventListener('error', (event) => event.preventDefault());
    });
    await page.click('#a');
    await page.click('#inner');
    await page.click('#quiet');
    await page.click('input[type=submit]');
    await page.evaluate(() => {
      dispatchEvent(
        new ErrorEvent('error', {
          message: 'broken',
          error: new TypeError('broken'),
          filename: 'f.js',
          lineno: 3,
        }),
      );
      dispatchEvent(new ErrorEvent('error', { message: 'broken', error: new TypeError('broken') }));
      scrollTo(0, 2_500);
    });
    await page.waitForFunction(() => scrollY > 2_000);
    await page.evaluate(
      () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
    );
    // Of the same origin: what the browser does not carry out any more as a page closes, the next one sends.
    await page.goto(new URL('/', page.url()).href);
    const all = await eventually(
      stored,
      (messages) => named(messages, 'Page Left').length > 0 && named(messages, 'Web Vital').length > 2,
    );
    expect(named(all, 'Element Clicked').map(({ properties }) => properties)).toEqual(
      expect.arrayContaining([
        { tag: 'a', id: 'a', label: 'Go there', href: '/there', plan: 'pro' },
        { tag: 'input' },
      ]),
    );
    expect(named(all, 'Element Clicked')).toHaveLength(2);
    expect(named(all, 'Bought').map(({ properties }) => properties)).toEqual([
      { tag: 'button', id: 'b', label: 'Buy', price: '3' },
    ]);
    expect(named(all, 'Form Submitted').map(({ properties }) => properties)).toEqual([
      { tag: 'form', id: 'f', name: 'sign-up', action: '/target' },
    ]);
    expect(named(all, 'Error').map(({ properties }) => properties)).toEqual([
      expect.objectContaining({ message: 'broken', name: 'TypeError', source: 'f.js', line: 3 }),
    ]);
    const [left] = named(all, 'Page Left');
    const { engagedMs, scrollDepth, path } = (left?.properties ?? {}) as {
      engagedMs: number;
      scrollDepth: number;
      path: string;
    };
    expect(path).toBe('/addons');
    expect(engagedMs).toBeGreaterThan(0);
    expect(scrollDepth).toBeGreaterThan(40);
    expect(scrollDepth).toBeLessThan(100);
    expect(JSON.stringify(all)).not.toMatch(/hidden-|secret|token/);
  });
});

describe('sessions', () => {
  it('last until 30 minutes of silence, over midnight, and remember where they began', async () => {
    // The page's clock, which the test moves.
    const page = await open(
      '/start?utm_source=news&utm_campaign=spring&gclid=g1',
      `{ const real = Date.now.bind(Date); let shift = new Date(new Date().toDateString()).getTime() + 86_400_000 - 60_000 - real();
         window.moveClock = (ms) => { shift += ms; }; Date.now = () => real() + shift; }`,
    );
    await page.evaluate(async () => {
      const move = (window as unknown as { moveClock(ms: number): void }).moveClock;
      sdk().track('S', { i: 0 });
      history.pushState({}, '', '/later');
      move(29 * 60_000);
      sdk().track('S', { i: 1 });
      move(29 * 60_000);
      sdk().track('S', { i: 2 });
      move(31 * 60_000);
      sdk().track('S', { i: 3 });
      await sdk().flush();
    });
    const sessions = named(await stored(), 'S')
      .sort((a, b) => (a.properties as { i: number }).i - (b.properties as { i: number }).i)
      .map(({ context }) => context as { session: { id: string; landing: string }; campaign?: object });
    expect(sessions).toHaveLength(4);
    const [first, second, third, fourth] = sessions.map(({ session }) => session.id);
    expect([second, third]).toEqual([first, first]);
    expect(fourth).not.toBe(first);
    expect(sessions[1]?.session.landing).toContain('/start?utm_source=news');
    expect(sessions[2]?.campaign).toEqual({ source: 'news', name: 'spring', gclid: 'g1' });
    expect(sessions[3]?.session.landing).toContain('/later');
    expect(sessions[3]).not.toHaveProperty('campaign');
  });

  it('end with reset: who comes next is not told together with who was here', async () => {
    const page = await open('/');
    await page.evaluate(async () => {
      sdk().identify('ada');
      sdk().reset();
      sdk().track('Next');
      await sdk().flush();
    });
    const sessions = (await stored()).map(
      ({ context }) => (context as { session: { id: string } }).session.id,
    );
    expect(new Set(sessions).size).toBe(2);
  });

  it('are one over tabs and pages', async () => {
    const track = (page: Page) =>
      page.evaluate(async () => {
        sdk().track('S');
        await sdk().flush();
      });
    await track(await open('/one'));
    await track(await open('/two'));
    const ids = named(await stored(), 'S').map(
      ({ context }) => (context as { session: { id: string } }).session.id,
    );
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
  });
});

describe('plugins', () => {
  it('see every message before it is queued and after it is settled', async () => {
    const page = await open('/');
    const after = await page.evaluate(async () => {
      const seen: unknown[] = [];
      let started = 0;
      sdk().use({
        start: () => {
          started++;
          return () => void started--;
        },
        before(message) {
          if (message.event === 'Dropped') return null;
          return { ...message, properties: { ...(message.properties as object), added: true } };
        },
        after: (messages) => void seen.push(...messages.map(({ event }) => event)),
      });
      sdk().use({
        before() {
          throw new Error('of the plugin');
        },
      });
      sdk().track('Kept');
      sdk().track('Dropped');
      await sdk().flush();
      sdk().close();
      return { seen, started };
    });
    expect(after).toEqual({ seen: ['Kept'], started: 0 });
    const all = await stored();
    expect(all.map(({ event, properties }) => ({ event, properties }))).toEqual([
      { event: 'Kept', properties: { added: true } },
    ]);
  });
});

describe('identity', () => {
  it('is shared by subdomains through the widest cookie, and by tabs through storage', async () => {
    const port = new URL(stage.url).port;
    const first = await stage.context.newPage();
    await first.goto(`http://shop.app.localhost:${port}/`);
    await stage.ready(first);
    const id = await first.evaluate(() => {
      sdk().identify('ada');
      return sdk().user().anonymousId;
    });
    const second = await stage.context.newPage();
    await second.goto(`http://www.app.localhost:${port}/`);
    await stage.ready(second);
    expect(await second.evaluate(() => sdk().user().anonymousId)).toBe(id);
    const third = await stage.context.newPage();
    await third.goto(`http://shop.app.localhost:${port}/`);
    await stage.ready(third);
    await third.evaluate(() => sdk().reset());
    const users = await Promise.all([first, third].map((page) => page.evaluate(() => sdk().user())));
    expect(users[0]).toEqual(users[1]);
    expect(users[0]?.userId).toBeNull();
    // Somebody signs in here and out there: here too, also where it is read again, on a page opened anew.
    await first.evaluate(() => sdk().identify('ada'));
    const elsewhere = await second.evaluate(() => {
      sdk().reset();
      return sdk().user();
    });
    await first.reload();
    await stage.ready(first);
    const again = await first.evaluate(() => [sdk().user(), sdk().user(), sdk().user()]);
    expect(again).toEqual([elsewhere, elsewhere, elsewhere]);
  });
});

describe('close', () => {
  it('leaves no listener, timer, lock or wrapper, and no memory, over 1,000 cycles', async () => {
    const page = await open('/');
    await page.evaluate(`import('${stage.served.url}/sdk-more.js')`);
    const cdp = await stage.context.newCDPSession(page);
    await cdp.send('Performance.enable');
    const measure = async () => {
      await cdp.send('HeapProfiler.collectGarbage');
      const { metrics } = await cdp.send('Performance.getMetrics');
      const of = (name: string): number => metrics.find((metric) => metric.name === name)?.value ?? 0;
      return { heap: of('JSHeapUsedSize'), listeners: of('JSEventListeners') };
    };
    const cycle = (count: number) =>
      page.evaluate(
        async ([times, url]) => {
          const script = async () => {
            (window.tidemark as Analytics).close();
            delete window.tidemark;
            const node = Object.assign(document.createElement('script'), { src: `${url}/sdk.js` });
            node.dataset.writeKey = 'wk_web_for_tests';
            await new Promise((resolve) => {
              node.onload = resolve;
              document.head.append(node);
            });
            node.remove();
          };
          for (let i = 0; i < times; i++) await script();
          // Timers that were not removed would fire within this.
          await new Promise((resolve) => setTimeout(resolve, 1_200));
        },
        [count, stage.served.url] as const,
      );
    await cycle(100);
    const before = await measure();
    await cycle(1_000);
    const after = await measure();
    expect(after.listeners).toBeLessThanOrEqual(before.listeners);
    // A kept client would be at least 5 kB each.
    expect(after.heap - before.heap).toBeLessThan(1_000 * 1_000);
    const held = await page.evaluate(async () => (await navigator.locks.query()).held?.length);
    expect(held).toBeLessThanOrEqual(1);
  });
});
