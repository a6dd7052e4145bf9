// Who is proven, where the source requires it: people who come and go on one page, and pages that go.
// Invariant: a message arrives by the proof that held for its user, or is told as refused; never by another's.
import { createHmac } from 'node:crypto';
import type { Page } from 'playwright-core';
import { beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../collector/src/wire/message.ts';
import { SIGNING_SECRET } from '../collector.ts';
import { idsOnDisk, named, numbersOf } from './sdk-page.ts';
import { eventually, setStage, tag } from './stage.ts';

/** Defined in every page of this file. */
declare global {
  /** The proof of each user. */
  var signatures: Record<string, string>;
  /** Codes of what was lost, with the names of the events. */
  var losses: string[];
}

const sign = (userId: string): string => createHmac('sha256', SIGNING_SECRET).update(userId).digest('hex');
const PROOFS = { ada: sign('ada'), bo: sign('bo'), constructor: sign('constructor') };

/** A request to a collector that is down fails at once, also where the machine is busy. */
const GONE_MS = 2_000;

const stage = setStage((url) => ({
  pages: {
    '*': `<!doctype html><title>T</title>${tag(url, 'data-page="off"')}`,
    '/loud': `<!doctype html><title>T</title>${tag(url, 'data-flush-interval="60000"')}`,
    '/signed': `<!doctype html><title>T</title>${tag(url, `data-flush-interval="60000" data-user-signature="${PROOFS.ada}"`)}`,
    '/bare': '<!doctype html><title>No SDK</title>',
  },
}));
const { stored } = stage;

beforeEach(async () => {
  const { collector } = stage.served;
  const { json } = await collector.api('GET', '/api/sources');
  const [source] = json.data as JsonObject[];
  await collector.api('PATCH', `/api/sources/${source?.id}`, { requireSignature: true });
  await stage.context.addInitScript(`
    window.signatures = ${JSON.stringify(PROOFS)};
    window.losses = [];`);
});

async function open(path = '/'): Promise<Page> {
  const page = await stage.open(path);
  await page.evaluate(() => {
    sdk().on('error', ({ code }, messages) => {
      for (const { event, type } of messages) losses.push(`${code}: ${event ?? type}`);
    });
  });
  return page;
}

/** The events and other types stored, by user, each in the order they were made. */
async function storedBy(userId: string | undefined): Promise<unknown[]> {
  return (await stored())
    .filter((message) => message.userId === userId)
    .sort((a, b) => (String(a.messageId) < String(b.messageId) ? -1 : 1))
    .map(({ event, type }) => event ?? type);
}

const batches = () =>
  stage.posts().map((body) => JSON.parse(body) as { userSignature?: string; batch: JsonObject[] });
/** Copies that came over the wire. */
const copies = (event: string): number =>
  batches().flatMap(({ batch }) => batch.filter((message) => message.event === event)).length;

describe('a page where people come and go', () => {
  it('proves each of them for what they did until they left', async () => {
    const page = await open();
    await page.evaluate(async () => {
      sdk().identify('ada', {}, { userSignature: signatures.ada });
      await sdk().flush();
      sdk().track('Cart Saved');
      sdk().track('Logged Out');
      sdk().reset();
      sdk().track('Looked Around');
      await sdk().flush();
      sdk().identify('bo', {}, { userSignature: signatures.bo });
      sdk().track('X');
      sdk().reset();
      sdk().identify('ada', {}, { userSignature: signatures.ada });
      sdk().track('Back');
      await sdk().flush();
    });
    expect(await page.evaluate(() => losses)).toEqual([]);
    expect(await storedBy('ada')).toEqual(['identify', 'Cart Saved', 'Logged Out', 'identify', 'Back']);
    expect(await storedBy('bo')).toEqual(['identify', 'X']);
    expect(await storedBy(undefined)).toEqual(['Looked Around']);
    for (const event of ['Cart Saved', 'Logged Out', 'X', 'Back']) expect(copies(event)).toBe(1);
    for (const { batch } of batches())
      expect(new Set(batch.map(({ userId }) => userId ?? batch[0]?.userId)).size).toBe(1);
  });

  it('keeps what is waiting through an outage, and in order', async () => {
    const page = await open();
    await stage.served.down();
    await page.evaluate(() => {
      for (const [turn, user] of ['ada', 'bo', 'ada', 'bo'].entries()) {
        sdk().identify(user, {}, { userSignature: signatures[user] });
        for (let i = 0; i < 30; i++) sdk().track(`Many ${user}`, { i: turn * 30 + i });
        sdk().reset();
      }
    });
    await page.waitForTimeout(300);
    await stage.served.up();
    await page.evaluate(() => {
      dispatchEvent(new Event('online'));
      return sdk().flush();
    });
    const all = await eventually(stored, (messages) => messages.length >= 124);
    expect(await page.evaluate(() => losses)).toEqual([]);
    for (const user of ['ada', 'bo']) {
      expect(numbersOf(named(all, `Many ${user}`))).toHaveLength(60);
      expect(await storedBy(user)).toHaveLength(62);
    }
    const sent = batches().flatMap(({ batch }) => batch.filter(({ type }) => type === 'track'));
    expect(sent.map(({ properties }) => (properties as { i: number }).i)).toEqual(
      Array.from({ length: 120 }, (_, i) => i),
    );
  });

  it('proves one for a single call, and the other before and after it', async () => {
    const page = await open();
    await page.evaluate(async () => {
      sdk().identify('ada', {}, { userSignature: signatures.ada });
      sdk().track('Before');
      sdk().track('Helped', {}, { userId: 'bo', userSignature: signatures.bo });
      sdk().track('After');
      sdk().identify('bo', {}, { userSignature: signatures.bo });
      sdk().track('Hers');
      await sdk().flush();
    });
    expect(await page.evaluate(() => losses)).toEqual([]);
    expect(await storedBy('ada')).toEqual(['identify', 'Before', 'After']);
    expect(await storedBy('bo')).toEqual(['Helped', 'identify', 'Hers']);
  });

  it('proves nobody after reset by what was known before it', async () => {
    const page = await open();
    await page.evaluate(async () => {
      sdk().identify('ada', {}, { userSignature: signatures.ada });
      sdk().track('Hers');
      sdk().reset();
      sdk().identify('ada');
      sdk().track('Said to be hers');
      await sdk().flush();
    });
    expect(await page.evaluate(() => losses)).toEqual([
      'signature_required: identify',
      'signature_required: Said to be hers',
    ]);
    expect(await storedBy('ada')).toEqual(['identify', 'Hers']);
  });

  it('proves what its user did just before the proof came, in one request', async () => {
    await open('/');
    const first = await open('/');
    await first.evaluate(async () => {
      sdk().identify('ada', {}, { userSignature: signatures.ada });
      await sdk().flush();
    });
    const before = batches().length;
    // The page view is made as the user of the page before, and the page says who that is only then.
    const page = await open('/loud');
    await page.evaluate(async () => {
      sdk().identify('ada', {}, { userSignature: signatures.ada });
      await sdk().flush();
    });
    expect(await page.evaluate(() => losses)).toEqual([]);
    expect(await storedBy('ada')).toEqual(['identify', 'page', 'identify']);
    expect(batches().length - before).toBeLessThanOrEqual(2);
  });

  it.each(['/loud', '/signed'])(
    'waits on %s for the proof of who comes after somebody proven',
    async (path) => {
      const page = await open(path);
      await page.evaluate(async (isSigned) => {
        sdk().identify('ada', {}, isSigned ? {} : { userSignature: signatures.ada });
        sdk().identify('bo');
        sdk().track('His');
        sdk().identify('bo', {}, { userSignature: signatures.bo });
        sdk().reset();
        sdk().track('Nobody’s');
        sdk().identify('ada', {}, { userSignature: signatures.ada });
        await sdk().flush();
      }, path === '/signed');
      expect(await page.evaluate(() => losses)).toEqual([]);
      expect(await storedBy('ada')).toEqual(['identify', 'identify']);
      expect(await storedBy('bo')).toEqual(['identify', 'His', 'identify']);
      expect(await storedBy(undefined)).toEqual(['page', 'Nobody’s']);
    },
  );

  it('sends what a device did along with what users of one proof did', async () => {
    const page = await open('/loud');
    await page.evaluate(async () => {
      sdk().track('Nobody’s');
      sdk().identify('ada', {}, { userSignature: signatures.ada });
      sdk().track('Hers');
      await sdk().flush();
    });
    expect(await page.evaluate(() => losses)).toEqual([]);
    expect(batches()).toHaveLength(1);
  });

  it('takes the proof from the tag, until reset', async () => {
    const page = await open('/signed');
    await page.evaluate(async () => {
      sdk().identify('ada');
      sdk().reset();
      sdk().identify('bo', {}, { userSignature: signatures.bo });
      sdk().track('X');
      await sdk().flush();
    });
    expect(await page.evaluate(() => losses)).toEqual([]);
    expect(await storedBy('ada')).toEqual(['identify']);
    expect(await storedBy('bo')).toEqual(['identify', 'X']);
    // Before anybody was named it was a device's, and needed no request of its own.
    expect(batches()[0]?.batch.map(({ type }) => type)).toEqual(['page', 'identify']);
  });

  it('proves users of any name', async () => {
    const page = await open();
    await page.evaluate(
      async ([name, proof]) => {
        sdk().identify('constructor', {}, { userSignature: signatures.constructor as unknown as string });
        sdk().track('A');
        sdk().identify(name, {}, { userSignature: proof });
        sdk().track('B');
        sdk().reset();
        await sdk().flush();
      },
      ['__proto__', sign('__proto__')] as const,
    );
    expect(await page.evaluate(() => losses)).toEqual([]);
    expect(await storedBy('constructor')).toEqual(['identify', 'A']);
    expect(await storedBy('__proto__')).toEqual(['identify', 'B']);
  });
});

describe('a page that goes', () => {
  it('sends what several did with the proof of each', async () => {
    const page = await open();
    await page.evaluate(() => {
      sdk().identify('ada', {}, { userSignature: signatures.ada });
      sdk().track('Hers');
      sdk().reset();
      sdk().identify('bo', {}, { userSignature: signatures.bo });
      sdk().track('His');
      sdk().reset();
      sdk().track('Nobody’s');
      location.href = '/bare';
    });
    await page.waitForURL('**/bare');
    await eventually(stored, (all) => all.length >= 5);
    expect(await storedBy('ada')).toEqual(['identify', 'Hers']);
    expect(await storedBy('bo')).toEqual(['identify', 'His']);
    expect(await storedBy(undefined)).toEqual(['Nobody’s']);
  });

  it('leaves no proof on disk; the next page uses its own for the same user, and tells what it cannot prove', async () => {
    const page = await open();
    await stage.served.down();
    const kept = await page.evaluate(async () => {
      sdk().identify('ada', {}, { userSignature: signatures.ada });
      sdk().track('Hers');
      sdk().reset();
      sdk().identify('bo', {}, { userSignature: signatures.bo });
      sdk().track('His');
      await new Promise((resolve) => setTimeout(resolve, 300));
      return JSON.stringify({ ...localStorage }) + document.cookie;
    });
    expect(await idsOnDisk(page)).toHaveLength(4);
    await page.close();
    // What it sends as it goes, with the proofs it knows, finds nobody: it must not be under way any more.
    await new Promise((resolve) => setTimeout(resolve, GONE_MS));
    await stage.served.up();
    const next = await open();
    const disk = await next.evaluate(async () => {
      const database = await new Promise<IDBDatabase>((resolve) => {
        const request = indexedDB.open('tm.queue');
        request.onsuccess = () => resolve(request.result);
      });
      const records = await new Promise<string[]>((resolve) => {
        const request = database.transaction('m').objectStore('m').getAll();
        request.onsuccess = () => resolve(request.result);
      });
      database.close();
      sdk().reset();
      sdk().identify('ada', {}, { userSignature: signatures.ada });
      return records.join('') + JSON.stringify({ ...localStorage });
    });
    for (const proof of [PROOFS.ada, PROOFS.bo]) expect(kept + disk).not.toContain(proof);
    await eventually(
      () => next.evaluate(() => losses),
      (codes) => codes.length >= 2,
    );
    expect(await next.evaluate(() => losses)).toEqual([
      'signature_required: identify',
      'signature_required: His',
    ]);
    await eventually(
      () => storedBy('ada'),
      (all) => all.length >= 3,
    );
    expect(await storedBy('ada')).toEqual(['identify', 'Hers', 'identify']);
    expect(await storedBy('bo')).toEqual([]);
  });
});
