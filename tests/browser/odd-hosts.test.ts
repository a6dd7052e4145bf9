// Pages that give the SDK what it did not ask for: full storage, odd values, words that mean nothing.
// Invariant: none of it throws into the page, sends what was not allowed, or mixes up who it is from.
import { describe, expect, it } from 'vitest';
import { WEB_KEY } from '../collector.ts';
import { idsOnDisk, leaveRecord, named } from './sdk-page.ts';
import { eventually, setStage, tag } from './stage.ts';

const stage = setStage((url) => {
  const quiet = (more = '', before = ''): string =>
    `<!doctype html><title>T</title>${before}${tag(url, `data-page="off" ${more}`)}`;
  return {
    pages: {
      '*': quiet(),
      '/deny': quiet('data-consent="deny"'),
      '/wait': quiet('data-consent="wait"'),
      '/anonymous': quiet('data-consent="anonymous"'),
      '/loud': `<!doctype html><title>T</title>${tag(url)}`,
      '/stub': quiet(
        '',
        `<script>const call = ['screen', 'Home']; call.t = 1700000000000; window.tidemark = [call];</script>`,
      ),
      '/stub-traits': quiet(
        '',
        `<script>const call = ['identify', { plan: 'pro' }, { context: { app: 'shop' } }]; call.t = 1700000000000;
          window.tidemark = [call];</script>`,
      ),
      '/addons': `${quiet('data-use="autocapture errors"')}
      <form id="f"><input name="id" value="secret"><input name="attributes" value="secret">
        <input name="tagName"><input name="closest"><button id="send" type="submit">Send</button></form>
      <div id="note" contenteditable role="button">secret words</div>`,
    },
  };
});
const { open, stored, posts } = stage;

describe('identity', () => {
  it('is not what it was before where storage is full or traits are odd', async () => {
    const page = await open('/');
    await page.evaluate(async () => {
      sdk().identify('ada');
      sdk().track('First');
      await sdk().flush();
      // Full to the last character.
      for (let size = 1 << 22; size >= 1; size >>= 1)
        try {
          for (let i = 0; ; i++) localStorage.setItem(`fill${size}.${i}`, 'x'.repeat(size));
        } catch {}
      sdk().identify('bob', { text: 'x'.repeat(100), big: BigInt(1) });
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      sdk().track('Second');
      await sdk().flush();
    });
    expect(named(await stored(), 'Second')[0]).toMatchObject({ userId: 'bob' });
    await page.reload();
    await stage.ready(page);
    expect(await page.evaluate(() => sdk().user().userId)).not.toBe('ada');
  });

  it('takes texts only, of any characters, as a device’s id', async () => {
    const page = await open('/');
    const ids = await page.evaluate(() => {
      const reset = sdk().reset as (given?: unknown) => void;
      reset(new Event('click'));
      const first = sdk().user().anonymousId;
      reset('a; b=ü');
      return [typeof first, sdk().user().anonymousId];
    });
    expect(ids).toEqual(['string', 'a; b=ü']);
    await page.reload();
    await stage.ready(page);
    expect(await page.evaluate(() => sdk().user().anonymousId)).toBe('a; b=ü');
  });
});

describe('calls', () => {
  it('take null as options, and refuse what cannot be read or written', async () => {
    const page = await open('/');
    const codes = await page.evaluate(async () => {
      const found: unknown[] = [];
      sdk().on('error', ({ code }, messages) => found.push(code, messages.length));
      (sdk().track as (...given: unknown[]) => void)('Nothing', {}, null);
      sdk().page({
        get title(): string {
          throw new Error('of the page');
        },
      });
      sdk().use({
        before: (message) => {
          if (message.event === 'Odd') message.self = message;
          return (message.event === 'True' ? true : message) as never;
        },
      });
      sdk().track('Odd');
      sdk().track('True');
      await sdk().flush();
      return found;
    });
    expect(codes).toEqual(['invalid_field', 1, 'invalid_field', 1]);
    expect((await stored()).map(({ event }) => event).sort()).toEqual(['Nothing', 'True']);
  });

  it('keep the time of a screen that the stub recorded', async () => {
    const page = await open('/stub');
    await page.evaluate(() => sdk().flush());
    const [screen] = await stored();
    expect(screen?.type).toBe('screen');
    expect(screen?.timestamp).toMatch(/^2023-11-14T22:13/);
  });

  it('keep the options of an identify without an id that the stub recorded', async () => {
    const page = await open('/stub-traits');
    await page.evaluate(() => sdk().flush());
    expect(await stored()).toMatchObject([
      { traits: { plan: 'pro' }, context: { app: 'shop' }, timestamp: expect.stringMatching(/^2023/) },
    ]);
  });
});

describe('calls that name nobody', () => {
  it('throw nothing, and make nobody of it', async () => {
    const page = await open('/');
    const found = await page.evaluate(async () => {
      const calls = sdk() as unknown as Record<string, (...given: unknown[]) => unknown>;
      const odd = [Symbol('s'), Object.create(null), { toString: 5 }, 12n, null, undefined];
      const names = ['identify', 'track', 'page', 'screen', 'group', 'alias', 'survey', 'flush', 'reset'];
      const thrown: string[] = [];
      for (const name of names)
        for (const given of odd)
          try {
            await calls[name]?.(given, given, given);
            await calls[name]?.('x', {}, { userSignature: given, timestamp: given });
          } catch (error) {
            thrown.push(`${name}: ${error}`);
          }
      sdk().reset();
      calls.identify?.(Symbol('s'));
      calls.alias?.(undefined);
      const { userId } = sdk().user();
      calls.identify?.('ada');
      calls.identify?.(Symbol('s'), { plan: 'pro' });
      const user = sdk().user();
      try {
        calls.consent?.(Symbol('s'));
      } catch (error) {
        thrown.push(`consent: ${error}`);
      }
      return { thrown, userId, user };
    });
    expect(found).toMatchObject({
      thrown: [],
      userId: null,
      user: { userId: 'ada', traits: { plan: 'pro' } },
    });
  });
});

describe('consent', () => {
  it('is denied by a word that is none', async () => {
    const page = await open('/deny');
    await page.evaluate(async () => {
      sdk().track('Never');
      await sdk().flush();
    });
    const other = await open('/');
    await other.evaluate(async () => {
      (sdk().consent as (word: unknown) => void)(false);
      sdk().track('Never');
      await sdk().flush();
    });
    expect(posts()).toEqual([]);
  });

  it('denied stops a batch that is being compressed', async () => {
    await stage.context.addInitScript(`window.CompressionStream = class {
      constructor() { return new TransformStream({ transform: () => new Promise((go) => setTimeout(go, 300)) }); }
    }`);
    const page = await open('/');
    await page.evaluate(async () => {
      for (let i = 0; i < 19; i++) sdk().track('First', { i, text: 'x'.repeat(1_000) });
      await sdk().flush();
      // Until the chunk that compresses is there.
      await new Promise((resolve) => setTimeout(resolve, 500));
      for (let i = 0; i < 19; i++) sdk().track('Many', { i, text: 'x'.repeat(1_000) });
      void sdk().flush();
      sdk().consent('denied');
      await new Promise((resolve) => setTimeout(resolve, 1_500));
    });
    expect(posts()).toHaveLength(1);
    expect(posts()[0]).not.toContain('"Many"');
  });

  it.each(['/wait', '/anonymous'])('%s: what is held at close is told as closed', async (path) => {
    const page = await open(path);
    await stage.served.down();
    const found = await page.evaluate(async () => {
      const told: unknown[] = [];
      sdk().on('error', ({ code }, messages) => told.push(code, messages.length));
      sdk().track('Held');
      sdk().close();
      await new Promise((resolve) => setTimeout(resolve, 500));
      return told;
    });
    expect(found).toEqual(['closed', 1]);
    await stage.served.up();
  });
});

it('takes over what is sound beside what cannot be read', async () => {
  const page = await open('/');
  await page.evaluate(() => sdk().close());
  const sound = {
    ...{ messageId: 'sound', type: 'track', event: 'Left', anonymousId: 'device' },
    timestamp: new Date().toISOString(),
  };
  await leaveRecord(page, WEB_KEY, '[{}]\n{"messageId":"torn', 1);
  await leaveRecord(page, WEB_KEY, `[{"page":{"path":"/left"}}]\n${JSON.stringify(sound)}\n`, 2);
  await page.reload();
  await eventually(stored, (messages) => named(messages, 'Left').length === 1);
  expect(named(await stored(), 'Left')[0]).toMatchObject({
    messageId: 'sound',
    context: { page: { path: '/left' } },
  });
});

describe('what an earlier page left', () => {
  /** A page that went while the collector was down. */
  async function leave(): Promise<void> {
    const page = await open('/');
    await stage.served.down();
    await page.evaluate(() => sdk().track('Left'));
    await eventually(
      () => idsOnDisk(page),
      (ids) => ids.length === 1,
    );
    await page.close();
    // What a page sends as it goes leaves the browser after it is closed: it must find nobody.
    await new Promise((resolve) => setTimeout(resolve, 500));
    await stage.served.up();
  }

  it('is not asked about while the collector wants a pause', async () => {
    await leave();
    await stage.context.route('**/v1/batch*', (route) =>
      route.fulfill({ status: 503, headers: { 'access-control-allow-origin': '*', 'retry-after': '60' } }),
    );
    const page = await open('/');
    await page.evaluate(async () => {
      sdk().track('New');
      void sdk().flush();
      await new Promise((resolve) => setTimeout(resolve, 2_500));
    });
    expect(stage.served.log).toEqual([]);
  });

  it('is gone, its database too, where consent is denied while it is taken over', async () => {
    await leave();
    let loads = 0;
    await stage.context.route('**/sdk-more.js', async (route) => {
      loads++;
      await new Promise((resolve) => setTimeout(resolve, 800));
      await route.continue();
    });
    const page = await open('/');
    await eventually(
      async () => loads,
      (count) => count > 0,
    );
    await page.evaluate(async () => {
      sdk().consent('denied');
      // Until the chunk has come and could have opened it again.
      await new Promise((resolve) => setTimeout(resolve, 1_800));
    });
    await eventually(
      () => page.evaluate(async () => (await indexedDB.databases()).length),
      (databases) => databases === 0,
    );
    expect(stage.served.log).toEqual([]);
  });
});

it('sends again what something else answered', async () => {
  const page = await open('/');
  let count = 0;
  await page.route('**/v1/batch*', (route) =>
    count++ ? route.continue() : route.fulfill({ status: 200, body: '<p>Sign in</p>' }),
  );
  await page.evaluate(() => sdk().track('Kept'));
  await eventually(stored, (messages) => named(messages, 'Kept').length === 1);
  expect(count).toBe(2);
});

it('sends one page view for two changes of path in one task, and none for a way back', async () => {
  const page = await open('/loud');
  await page.evaluate(async () => {
    const wait = () => new Promise((resolve) => setTimeout(resolve, 50));
    history.pushState({}, '', '/a');
    history.replaceState({}, '', '/b');
    await wait();
    history.pushState({}, '', '/c');
    history.pushState({}, '', '/b');
    await wait();
    await sdk().flush();
  });
  const paths = (await stored()).map(({ properties }) => (properties as { path: string }).path);
  expect(paths.sort()).toEqual(['/b', '/loud']);
  const left = await page.evaluate(() => {
    sdk().close();
    return [...Object.keys(history), ...Object.keys(window).filter((name) => name.startsWith('__tidemark'))];
  });
  expect(left).toEqual([]);
});

it('goes on with page views for one client when the other is closed, and leaves nothing in the end', async () => {
  const page = await open('/loud');
  await page.evaluate(async () => {
    const first = sdk();
    delete window.tidemark;
    const { src } = document.querySelector('script[src]') as HTMLScriptElement;
    await new Promise((resolve) => {
      const node = Object.assign(document.createElement('script'), { src, onload: resolve });
      node.dataset.writeKey = 'wk_web_for_tests';
      document.head.append(node);
    });
    const wait = () => new Promise((resolve) => setTimeout(resolve, 50));
    history.pushState({}, '', '/both');
    await wait();
    first.close();
    history.pushState({}, '', '/second');
    await wait();
    await sdk().flush();
  });
  const all = await eventually(stored, (messages) => messages.length >= 3);
  const views = all.map(({ properties }) => (properties as { path: string }).path);
  expect(views.sort()).toEqual(['/both', '/loud', '/second']);
  const left = await page.evaluate(() => {
    sdk().close();
    return [...Object.keys(history), ...Object.keys(window).filter((name) => name.startsWith('__tidemark'))];
  });
  expect(left).toEqual([]);
});

it('captures nothing typed, whatever fields are named, and survives odd rejections', async () => {
  const page = await open('/addons');
  await eventually(
    () => page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name)),
    (names) =>
      ['autocapture', 'errors'].every((name) => names.some((url) => url.endsWith(`/sdk-${name}.js`))),
  );
  await page.evaluate(async () => {
    document.addEventListener('submit', (event) => event.preventDefault());
    await new Promise((resolve) => setTimeout(resolve, 100));
    addEventListener('unhandledrejection', (event) => event.preventDefault());
  });
  await page.click('#note');
  await page.click('#send');
  await page.evaluate(async () => {
    const odd = Object.assign(new Error('odd'), { stack: 5, name: null });
    for (const reason of [Object.create(null), Symbol('s'), odd])
      dispatchEvent(
        new PromiseRejectionEvent('unhandledrejection', {
          promise: Promise.resolve(),
          reason,
          cancelable: true,
        }),
      );
    await sdk().flush();
  });
  const all = await stored();
  expect(JSON.stringify(all)).not.toContain('secret');
  expect(named(all, 'Form Submitted')[0]?.properties).toMatchObject({ tag: 'form', id: 'f' });
  expect(named(all, 'Error')).toHaveLength(3);
});
