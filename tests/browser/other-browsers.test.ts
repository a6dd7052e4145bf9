// The promises that depend on the browser, in Firefox and WebKit against the real collector.
// Invariant: in CI a missing browser is a failure; elsewhere it is a skip that says what to install.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Driver, openFirefox, openWebKit, programs } from './drivers.ts';
import { named, numbersOf, storedIn } from './sdk-page.ts';
import { eventually, type Served, serveCollector, servePages, tag } from './stage.ts';

const BROWSERS = [
  { name: 'Firefox', program: programs.firefox, open: openFirefox, install: 'firefox-esr' },
  { name: 'WebKit', program: programs.webkit, open: openWebKit, install: 'webkit2gtk-driver xvfb' },
];

for (const { name, program, open, install } of BROWSERS) {
  describe.skipIf(program === null && !process.env.CI)(`${name} (from Debian: ${install})`, () => {
    let driver: Driver;
    let served: Served;
    let pages: { url: string; close(): Promise<void> };

    beforeAll(async () => {
      if (program === null) throw new Error(`${name} is not installed: apt-get install ${install}`);
      driver = await open(program);
    });
    afterAll(() => driver?.close());
    beforeEach(async () => {
      served = await serveCollector();
      pages = await servePages({
        '*': `<!doctype html><title>Quiet</title>${tag(served.url, 'data-page="off"')}`,
        '/loud': `<!doctype html><title>Loud</title>${tag(served.url)}`,
        '/denied': `<!doctype html><title>Denied</title>${tag(served.url, 'data-consent="denied"')}`,
        '/none': '<!doctype html><title>None</title>',
      });
    });
    afterEach(async () => {
      await driver.go('about:blank');
      await pages.close();
      await served.close();
    });

    async function go(path: string): Promise<void> {
      await driver.go(pages.url + path);
      await eventually(
        () => driver.run<boolean>('return !!window.tidemark && !Array.isArray(window.tidemark)'),
        (isThere) => isThere,
      );
    }
    const stored = () => storedIn(served.collector);

    it('stores page views and calls once', async () => {
      await go('/loud');
      await driver.run(`
        tidemark.identify('ada', { plan: 'pro' });
        tidemark.track('Viewed', { n: 1 });
        history.pushState({}, '', '/next');
        await new Promise((resolve) => setTimeout(resolve, 50));
        await tidemark.flush();`);
      const messages = await stored();
      expect(messages.map(({ type }) => type).sort()).toEqual(['identify', 'page', 'page', 'track']);
      expect((await served.collector.profile('user:ada'))?.traits).toEqual({ plan: 'pro' });
    });

    it('keeps 200 events through a navigation in the same task', async () => {
      await go('/');
      await driver
        .run(`for (let i = 0; i < 200; i++) tidemark.track('Many', { i }); location.href = '/next';`)
        .catch(() => {
          // The page may be gone before it can answer.
        });
      await eventually(
        () => driver.run<string>('return location.pathname').catch(() => ''),
        (path) => path === '/next',
      );
      const all = await eventually(stored, (messages) => named(messages, 'Many').length >= 200);
      expect(numbersOf(named(all, 'Many'))).toEqual(Array.from({ length: 200 }, (_, i) => i));
    });

    it('delivers after the collector was down and the page left, without a new event', async () => {
      await go('/');
      await served.down();
      await driver.run(`for (let i = 0; i < 20; i++) tidemark.track('Many', { i });
        await new Promise((resolve) => setTimeout(resolve, 300));`);
      await driver.go(`${pages.url}/none`);
      await served.up();
      await go('/');
      const all = await eventually(stored, (messages) => named(messages, 'Many').length >= 20);
      expect(numbersOf(named(all, 'Many'))).toHaveLength(20);
    });

    it('leaves nothing behind where consent is denied', async () => {
      await go('/denied');
      const left = await driver.run<unknown>(`
        tidemark.track('Never');
        await tidemark.flush();
        return [Object.keys(localStorage), document.cookie, (await indexedDB.databases()).length];`);
      expect(left).toEqual([[], '', 0]);
      expect(await stored()).toEqual([]);
    });

    it('loads an add-on by import from the collector', async () => {
      await go('/');
      await driver.run(`
        const { default: errors } = await import(${JSON.stringify(`${served.url}/sdk-errors.js`)});
        tidemark.use(errors());
        dispatchEvent(new ErrorEvent('error', { message: 'broken', error: new TypeError('broken') }));
        await tidemark.flush();`);
      expect(named(await stored(), 'Error')).toHaveLength(1);
    });
  });
}
