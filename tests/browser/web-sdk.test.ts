// The browser SDK in a real Chromium against the real collector, pages on another origin.
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../collector/src/wire/message.ts';
import { named } from './sdk-page.ts';
import { eventually, root, setStage, tag } from './stage.ts';

declare global {
  interface Window {
    losses?: unknown[];
    views?: unknown[];
    stubbed?: number;
  }
}

/** The stub as the docs give it. */
const [stub = ''] =
  /<script>[^<]*window\.tidemark[\s\S]*?<\/script>/.exec(readFileSync(`${root}/docs/sdk-web.md`, 'utf8')) ??
  [];

const stage = setStage((url) => ({
  pages: {
    '*': `<!doctype html><title>Shop</title>${tag(url)}`,
    '/quiet': `<!doctype html><title>Quiet</title>${tag(url, 'data-page="off"')}`,
    '/plain': '<!doctype html><title>Plain</title>',
    '/twice': `<!doctype html><title>Twice</title>${tag(url)}${tag(url)}`,
    '/stub': `<!doctype html><title>Stub</title>${stub}<script>
      tidemark.identify('early', { plan: 'pro' }); tidemark.track('Before Load', { n: 1 });
      tidemark.page({ n: 2 }, { context: { app: 'x' } }); tidemark.identify({ plan: 'max' }, null, { context: { app: 'y' } });
      window.stubbed = Date.now();
    </script>${tag(url, 'data-page="off"')}`,
    '/blocked': `<!doctype html><title>Blocked</title><script>
      Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } });
      Object.defineProperty(window, 'indexedDB', { get() { throw new DOMException('no', 'SecurityError'); } });
      Object.defineProperty(document, 'cookie', { get() { throw new Error('no'); }, set() { throw new Error('no'); } });
      Object.defineProperty(navigator, 'locks', { value: undefined });
    </script>${tag(url, 'data-page="off"')}`,
  },
}));
const { open, stored } = stage;

describe('calls', () => {
  it('stores each call once, in one profile, with its surroundings', async () => {
    const page = await open('/products?utm_source=news&utm_campaign=spring');
    await page.evaluate(async () => {
      const t = sdk();
      t.track('Product Viewed', { price: 12.5 });
      t.identify('ada', { email: 'ada@example.com' });
      t.page('Checkout');
      t.group('harbour', { plan: 'pro' });
      t.survey('nps', { score: 9 });
      await t.flush();
    });
    const profile = await stage.served.collector.profile('user:ada');
    expect(profile?.eventCount).toBe(6);
    expect(profile?.traits).toEqual({ email: 'ada@example.com' });
    expect(profile?.anonymousIds).toHaveLength(1);
    expect(profile?.groups).toEqual([{ id: 'harbour', traits: { plan: 'pro' } }]);
    const messages = await stored();
    expect(messages.map((m) => m.type).sort()).toEqual([
      'group',
      'identify',
      'page',
      'page',
      'survey',
      'track',
    ]);
    const [viewed] = named(messages, 'Product Viewed');
    expect(viewed?.context).toMatchObject({
      page: {
        path: '/products',
        title: 'Shop',
        url: `${stage.url}/products?utm_source=news&utm_campaign=spring`,
      },
      campaign: { source: 'news', name: 'spring' },
      library: { name: '@tidemark/sdk-web' },
      locale: 'en-US',
    });
    expect(messages.find((m) => m.name === 'Checkout')?.properties).toMatchObject({ path: '/products' });
  });

  it('remembers who it is across pages, and forgets on reset', async () => {
    const page = await open('/quiet');
    const first = await page.evaluate(() => {
      sdk().identify('ada', { plan: 'pro' });
      return sdk().user();
    });
    await page.goto(`${stage.url}/quiet`);
    await stage.ready(page);
    expect(await page.evaluate(() => sdk().user())).toEqual(first);
    const second = await page.evaluate(() => {
      sdk().reset();
      return sdk().user();
    });
    expect(second.userId).toBeNull();
    expect(second.anonymousId).not.toBe(first.anonymousId);
  });

  it('answers with your own segments at once', async () => {
    await stage.served.collector.define({
      segments: { buyers: { where: { event: 'Order Completed' }, expose: 'public' } },
    });
    const page = await open('/quiet');
    const segments = await page.evaluate(
      () =>
        new Promise((resolve) => {
          sdk().on('segments', resolve);
          sdk().track('Order Completed', { revenue: 10 });
        }),
    );
    expect(segments).toEqual(['buyers']);
  });

  it('replays the stub in order, with the times of the calls', async () => {
    expect(Buffer.byteLength(stub.replace(/<\/?script>/g, '').trim())).toBeLessThanOrEqual(400);
    const page = await open('/stub');
    const stubbed = await page.evaluate(async () => {
      sdk().track('After Load');
      await sdk().flush();
      return window.stubbed;
    });
    const messages = await stored();
    expect(messages.map((m) => m.event ?? m.type).reverse()).toEqual([
      'identify',
      'Before Load',
      'page',
      'identify',
      'After Load',
    ]);
    // Also where the options of the call stood in another place than those that hold its time.
    const [, again, view, track] = messages;
    for (const message of [again, view, track])
      expect(Date.parse(String(message?.timestamp))).toBeLessThanOrEqual(stubbed ?? 0);
    expect(track).toMatchObject({ event: 'Before Load', properties: { n: 1 } });
    expect(view).toMatchObject({ properties: { n: 2 }, context: { app: 'x' } });
    expect(again).toMatchObject({ traits: { plan: 'max' }, context: { app: 'y' } });
    expect(messages.every((m) => m.userId === 'early')).toBe(true);
  });

  it('takes a snapshot: what the page changes later is not sent', async () => {
    const page = await open('/quiet');
    await page.evaluate(async () => {
      const properties: Record<string, unknown> = { n: 1, big: 12n };
      sdk().track('Snapshot', properties);
      properties.n = 2;
      const loop: Record<string, unknown> = {};
      loop.self = loop;
      window.losses = [];
      sdk().on('error', (loss) => window.losses?.push((loss as { code: string }).code));
      sdk().track('Loop', loop);
      await sdk().flush();
    });
    expect(named(await stored(), 'Snapshot')[0]?.properties).toEqual({ n: 1, big: '12' });
    expect(await page.evaluate(() => window.losses)).toEqual(['invalid_field']);
  });
});

describe('page views', () => {
  it('sends one at load and one a change of path, none for a hash or the same address', async () => {
    const page = await open('/start');
    await page.evaluate(async () => {
      const wait = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
      history.pushState({}, '', '/next');
      await wait();
      history.pushState({}, '', '/next#part');
      history.replaceState({}, '', '/next#part');
      await wait();
      history.back();
      await wait();
      history.back();
      await new Promise((resolve) => setTimeout(resolve, 200));
      await sdk().flush();
    });
    const views = (await stored())
      .filter((m) => m.type === 'page')
      .map((m) => (m.properties as JsonObject).path);
    expect(views.reverse()).toEqual(['/start', '/next', '/start']);
  });

  it('sends one only with two tags on the page, and none with data-page="off"', async () => {
    const page = await open('/twice');
    await page.waitForTimeout(300);
    await page.evaluate(() => sdk().flush());
    expect(await stored()).toHaveLength(1);
    await page.goto(`${stage.url}/quiet`);
    await stage.ready(page);
    await page.evaluate(() => sdk().flush());
    expect(await stored()).toHaveLength(1);
  });

  it('leaves the page as it was after close', async () => {
    const page = await stage.context.newPage();
    await page.goto(`${stage.url}/plain`);
    await page.evaluate((url) => {
      const original = history.pushState;
      return new Promise<void>((resolve) => {
        const node = Object.assign(document.createElement('script'), { src: `${url}/sdk.js` });
        node.dataset.writeKey = 'wk_web_for_tests';
        node.onload = () => {
          window.views = [history.pushState !== original];
          sdk().close();
          window.views.push(history.pushState === original);
          resolve();
        };
        document.head.append(node);
      });
    }, stage.served.url);
    // A dynamically inserted script is no currentScript of the parser, yet it is while it runs.
    expect(await page.evaluate(() => window.views)).toEqual([true, true]);
  });
});

describe('delivery', () => {
  const trackMany = (page: Page, count: number) =>
    page.evaluate((n) => {
      for (let i = 0; i < n; i++) sdk().track('Many', { i });
    }, count);

  it('keeps 200 events through a navigation in the same task', async () => {
    const page = await open('/quiet');
    await page.evaluate(() => {
      for (let i = 0; i < 200; i++) sdk().track('Many', { i });
      location.href = '/quiet?again';
    });
    await page.waitForURL('**/quiet?again');
    const messages = await eventually(stored, (all) => named(all, 'Many').length >= 200);
    const numbers = named(messages, 'Many').map((m) => (m.properties as { i: number }).i);
    expect(new Set(numbers).size).toBe(200);
    expect(numbers).toHaveLength(200);
  });

  it('delivers after the collector was down and the tab closed, without a new event', async () => {
    const page = await open('/quiet');
    await stage.served.down();
    await trackMany(page, 20);
    await page.waitForTimeout(300);
    await page.close();
    await stage.served.up();
    await open('/quiet');
    const messages = await eventually(stored, (all) => named(all, 'Many').length >= 20);
    expect(named(messages, 'Many')).toHaveLength(20);
  });

  it('survives a reload in the middle', async () => {
    const page = await open('/quiet');
    await trackMany(page, 7);
    await page.reload();
    expect(named(await eventually(stored, (all) => named(all, 'Many').length >= 7), 'Many')).toHaveLength(7);
  });

  it('works with storage, cookies and locks refused', async () => {
    const page = await open('/blocked');
    await page.evaluate(async () => {
      sdk().track('Blocked');
      await sdk().flush();
    });
    expect(named(await stored(), 'Blocked')).toHaveLength(1);
  });

  it('leaves the page’s own keys alone and clears its own', async () => {
    const page = await open('/quiet');
    await page.evaluate(() => localStorage.setItem('cart', 'mine'));
    await trackMany(page, 5);
    await page.evaluate(() => sdk().flush());
    await page.waitForTimeout(200);
    const keys = await page.evaluate(() => Object.keys(localStorage).sort());
    expect(keys).toEqual(['cart', 'tm.id']);
  });

  it('reports what the collector rejects, and never throws into the page', async () => {
    const page = await open('/quiet');
    const codes = await page.evaluate(async () => {
      const seen: string[] = [];
      sdk().on('error', (loss) => seen.push((loss as { code: string }).code));
      sdk().track('', {});
      sdk().track('Large', { text: 'x'.repeat(40_000) });
      await sdk().flush();
      return seen;
    });
    expect(codes.sort()).toEqual(['message_too_large', 'missing_event']);
  });
});
