// Tests `retention` in a definitions file: what goes, what stays, and who sees what afterwards (contract section 7).
// Invariant: speaks to the collector as its users do; the property test of the law draws retention too.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../collector/src/wire/message.ts';
import { type TestCollector, withCollector } from './collector.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const DEFINITIONS = {
  traits: {
    spent: { type: 'sum', event: 'Order Completed', property: 'revenue' },
    plans: { type: 'unique_list', event: 'Order Completed', property: 'cart.plan' },
  },
  segments: {
    buyers: { where: { event: 'Order Completed', count: { op: 'gte', value: 2 } } },
    lately: { where: { event: 'Order Completed', within: '60d' } },
  },
};
const KEPT_30D = { ...DEFINITIONS, retention: { 'Order Completed': '30d' } };

const order = (id: string, revenue: number, timestamp: string, more: JsonObject = {}): JsonValue => ({
  type: 'track',
  event: 'Order Completed',
  messageId: id,
  userId: 'u1',
  timestamp,
  properties: { revenue, cart: { plan: `plan ${id}`, note: `note-of-${id}` }, note: `mark-of-${id}` },
  ...more,
});

const at = ({ clock }: TestCollector, days: number): string =>
  new Date(clock.now + days * DAY_MS).toISOString();

/** Two orders, of which the first is older than 30 days when its retention is made known. */
async function withOldOrder(body: (collector: TestCollector) => Promise<void>): Promise<void> {
  await withCollector({ file: true, config: DEFINITIONS }, async (collector) => {
    await collector.send('server', [
      order('old', 10, at(collector, -20), { context: { page: { url: 'https://old.example' } } }),
      order('new', 5, at(collector, -1)),
    ]);
    collector.advance(15 * DAY_MS);
    await collector.reopen(KEPT_30D);
    await body(collector);
  });
}

const idsOf = async (collector: TestCollector): Promise<JsonValue[]> =>
  (await collector.all<JsonObject>('/api/profiles/user:u1/events')).map(
    ({ messageId }) => messageId as JsonValue, // every message has one
  );

describe('a message kept no longer', () => {
  it('is shown no more, while traits and segments keep what they had of it', async () => {
    await withOldOrder(async (collector) => {
      expect(await idsOf(collector)).toEqual(['new']);
      const profile = await collector.profile('user:u1');
      expect(profile).toMatchObject({
        computed: { spent: 15, plans: ['plan new', 'plan old'] },
        eventCount: 2,
      });
      expect(await collector.members('buyers')).toEqual(['u1']);
      expect(await collector.verify()).toEqual([]);
    });
  });

  it('leaves no more in the file than what definitions look at', async () => {
    await withOldOrder(async (collector) => {
      await collector.reopen();
      const bytes = readFileSync(String(collector.database)).toString('latin1');
      for (const gone of ['mark-of-old', 'note-of-old', 'https://old.example'])
        expect(bytes).not.toContain(gone);
      for (const left of ['mark-of-new', 'plan old']) expect(bytes).toContain(left);
    });
  });

  it('still counts when people are merged and parted, and for what comes late beside it', async () => {
    await withOldOrder(async (collector) => {
      await collector.send('server', [order('other', 100, at(collector, -2), { userId: 'u2' })]);
      await collector.api('POST', '/api/profiles/merge', { from: 'u1', into: 'u2' });
      expect((await collector.profile('user:u2'))?.computed.spent).toBe(115);
      await collector.api('POST', '/api/profiles/unmerge', { userId: 'u1' });
      expect((await collector.profile('user:u1'))?.computed.spent).toBe(15);
      expect((await collector.profile('user:u2'))?.computed.spent).toBe(100);
      await collector.send('server', [order('late', 1, at(collector, -29))]);
      expect((await collector.profile('user:u1'))?.computed).toEqual({
        spent: 16,
        plans: ['plan late', 'plan new', 'plan old'],
      });
      expect(await collector.verify()).toEqual([]);
    });
  });

  it('leaves windows to the millisecond', async () => {
    await withOldOrder(async (collector) => {
      // The newer order leaves `lately` 60 days after it was made, 16 days of which have gone by.
      collector.advance(44 * DAY_MS);
      expect(await collector.members('lately')).toEqual([]);
      const [, left] = await collector.transitions('lately');
      expect(left).toMatchObject({ change: 'left', at: at(collector, 0) });
    });
  });

  it('is not seen by what is defined later, or changed', async () => {
    await withOldOrder(async (collector) => {
      const { event } = DEFINITIONS.traits.spent;
      await collector.define({
        traits: {
          orders: { type: 'count', event },
          spent: { type: 'sum', event, property: 'revenue', where: { path: 'event', op: 'exists' } },
        },
        segments: { again: { where: { event, count: { op: 'gte', value: 2 } } } },
      });
      expect((await collector.profile('user:u1'))?.computed).toMatchObject({
        orders: 1,
        spent: 5,
        plans: ['plan new', 'plan old'],
      });
      expect(await collector.members('again')).toEqual([]);
      const preview = await collector.api('POST', '/api/segments/preview', {
        where: { event, count: { op: 'gte', value: 2 } },
      });
      expect(preview.json.size).toBe(0);
      expect(await collector.verify()).toEqual([]);
    });
  });

  it('leaves to later definitions since when there is a profile, also where it was the only one', async () => {
    await withCollector({ file: true, config: DEFINITIONS }, async (collector) => {
      await collector.send('server', [order('old', 10, at(collector, -20))]);
      collector.advance(15 * DAY_MS);
      await collector.reopen(KEPT_30D);
      const absent = (days: number) => ({ where: { trait: 'plan', op: 'not_exists', for: `${days}d` } });
      await collector.define({ segments: { for34: absent(34), for36: absent(36) } });
      expect(await idsOf(collector)).toEqual([]);
      expect(await collector.members('for34')).toEqual(['u1']);
      expect(await collector.members('for36')).toEqual([]);
      collector.advance(DAY_MS);
      expect(await collector.members('for36')).toEqual(['u1']);
      expect(await collector.verify()).toEqual([]);
    });
  });

  it('is seen by a definition that only got another name', async () => {
    await withOldOrder(async (collector) => {
      await collector.put('traits', 'spent', {
        ...DEFINITIONS.traits.spent,
        name: 'Spent',
        expose: 'public',
      });
      expect((await collector.profile('user:u1'))?.computed.spent).toBe(15);
    });
  });

  it('is told of in a why and in its person’s export', async () => {
    await withOldOrder(async (collector) => {
      const { json } = await collector.api('GET', '/api/profiles/user:u1/segments/buyers/why');
      expect(json.why).toMatchObject({
        holds: true,
        actual: 2,
        messages: {
          total: 2,
          newest: [{ messageId: 'new' }, { messageId: 'old', event: 'Order Completed', expired: true }],
        },
      });
      const { text } = await collector.api('GET', '/api/profiles/user:u1/export');
      const exported = JSON.parse(text);
      expect(exported.events.map(({ messageId }: JsonObject) => messageId)).toEqual(['new']);
      expect(exported.expired).toEqual([
        {
          messageId: 'old',
          type: 'track',
          event: 'Order Completed',
          timestamp: at(collector, -35),
          receivedAt: at(collector, -15),
          left: { properties: { revenue: 10, cart: { plan: 'plan old' } } },
        },
      ]);
    });
  });

  it('goes with its person', async () => {
    await withOldOrder(async (collector) => {
      await collector.api('DELETE', '/api/profiles/user:u1');
      await collector.reopen();
      expect(readFileSync(String(collector.database)).toString('latin1')).not.toContain('plan old');
    });
  });

  it('is a repeat when it comes again', async () => {
    await withOldOrder(async (collector) => {
      const again = await collector.send('server', [order('old', 10, at(collector, -35))]);
      expect(again).toMatchObject({ accepted: 0, duplicates: 1, rejected: [] });
    });
  });

  it('is not taken for a loss', async () => {
    const numbered = (seq: number) => ({ context: { tm: { client: 'c1', seq } } });
    await withCollector({ file: true, config: DEFINITIONS }, async (collector) => {
      const day = at(collector, -20).slice(0, 10);
      await collector.send('server', [
        order('a', 1, at(collector, -20), numbered(1)),
        order('b', 1, at(collector, -20), numbered(3)),
      ]);
      const sources = (await collector.api('GET', '/api/sources')).json.data as JsonObject[]; // a list
      const path = `/api/sources/${sources[0]?.id}/completeness?from=${day}&to=${day}`;
      const before = await collector.api('GET', path);
      expect(before.json).toMatchObject({ data: [{ received: 2, expected: 3 }] });
      collector.advance(15 * DAY_MS);
      await collector.reopen(KEPT_30D);
      expect(await idsOf(collector)).toEqual([]);
      expect((await collector.api('GET', path)).json).toEqual(before.json);
    });
  });
});

describe('a message that comes too late', () => {
  it('is rejected as too_old, kept with its reason, and taken to the very millisecond', async () => {
    await withOldOrder(async (collector) => {
      const edge = collector.clock.now - 30 * DAY_MS;
      const answer = await collector.send('server', [
        order('edge', 1, new Date(edge).toISOString()),
        order('past', 1, new Date(edge - 1).toISOString()),
      ]);
      expect(answer).toMatchObject({
        accepted: 1,
        rejected: [{ index: 1, messageId: 'past', code: 'too_old' }],
      });
      expect(answer.rejected[0]?.message).toMatch(
        /^"Order Completed" is kept for 30d here, .*send it sooner/,
      );
      const { json } = await collector.api('GET', '/api/rejected');
      expect(json.data).toMatchObject([{ code: 'too_old', message: { messageId: 'past' } }]);
    });
  });

  it('is rejected alike whoever sends it, so that nobody learns who was erased', async () => {
    await withCollector({ config: { retention: { Old: '1d' } } }, async (collector) => {
      await collector.send('server', [{ type: 'track', userId: 'ada', event: 'A' }]);
      await collector.api('DELETE', '/api/profiles/user%3Aada?suppress=true');
      const say = (key: 'web' | 'server', userId: string) => {
        const timestamp = at(collector, -2);
        return collector.send(key, [{ type: 'track', event: 'Old', messageId: 'm', userId, timestamp }]);
      };
      const anybody = await say('web', 'bob');
      expect(anybody).toMatchObject({ accepted: 0, rejected: [{ code: 'too_old' }] });
      for (const _ of ['first', 'again']) expect(await say('web', 'ada')).toEqual(anybody);
      expect(await say('server', 'ada')).toMatchObject({ rejected: [{ code: 'suppressed' }] });
      // Nothing of the erased one's is kept.
      const rows = await collector.all<{ code: string; message: JsonObject | null }>('/api/rejected');
      expect(rows.map(({ code, message }) => [code, message?.userId])).toEqual([
        ['suppressed', undefined],
        ['too_old', 'bob'],
      ]);
    });
  });

  it('is taken where its event is kept for ever, or is no event of that name', async () => {
    const retention = { $page: '1d', a: '1d' };
    await withCollector({ config: { retention } }, async (collector) => {
      const timestamp = at(collector, -9);
      const send = (message: JsonObject) =>
        collector.send('web', [{ anonymousId: 'd1', timestamp, ...message }]);
      expect(await send({ type: 'track', event: 'b' })).toMatchObject({ accepted: 1 });
      expect(await send({ type: 'track', event: '$page' })).toMatchObject({ accepted: 1 });
      expect(await send({ type: 'identify', traits: { a: 1 } })).toMatchObject({ accepted: 1 });
      expect(await send({ type: 'track', event: 'a' })).toMatchObject({ rejected: [{ code: 'too_old' }] });
      expect(await send({ type: 'page', name: 'a' })).toMatchObject({ rejected: [{ code: 'too_old' }] });
    });
  });
});

describe('letting go', () => {
  it('is done anew every six hours', async () => {
    await withOldOrder(async (collector) => {
      await collector.send('server', [order('soon', 1, at(collector, -30))]);
      collector.advance(5 * HOUR_MS);
      await collector.tick();
      expect(await idsOf(collector)).toEqual(['new', 'soon']);
      collector.advance(HOUR_MS);
      await collector.tick();
      expect(await idsOf(collector)).toEqual(['new']);
      expect((await collector.profile('user:u1'))?.computed.spent).toBe(16);
    });
  });

  it('goes on from tick to tick where there are many, and is counted in the metrics', async () => {
    await withCollector({ file: true }, async (collector) => {
      const batch = (from: number) =>
        Array.from({ length: 500 }, (_, i) => order(`m${from + i}`, 1, at(collector, -20)));
      for (let from = 0; from < 2_500; from += 500) await collector.send('server', batch(from));
      collector.advance(15 * DAY_MS);
      await collector.reopen(KEPT_30D);
      expect(await idsOf(collector)).toHaveLength(500);
      await collector.tick();
      expect(await idsOf(collector)).toEqual([]);
      const { text } = await collector.fetch('/metrics', {
        headers: { authorization: 'Bearer ak_admin_for_tests' },
      });
      expect(text).toContain('tidemark_messages_expired_total 2500\n');
    });
  });

  it('follows the file: longer, shorter, and for ever again', async () => {
    await withOldOrder(async (collector) => {
      await collector.reopen(DEFINITIONS);
      const sent = await collector.send('server', [order('older', 1, at(collector, -99))]);
      expect(sent).toMatchObject({ accepted: 1 });
      await collector.reopen(KEPT_30D);
      expect(await idsOf(collector)).toEqual(['new']);
      await collector.reopen({ ...DEFINITIONS, retention: { 'Order Completed': '1h' } });
      expect(await idsOf(collector)).toEqual([]);
      expect((await collector.profile('user:u1'))?.computed.spent).toBe(16);
      expect(await collector.verify()).toEqual([]);
    });
  });
});
