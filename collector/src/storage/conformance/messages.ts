// What every storage backend must do with messages.
// Invariant: speaks only the port's three verbs.
import { describe, expect, it } from 'vitest';
import { compareStamps, type Stamp } from '../../engine/stamp.ts';
import type { HistoryRange, NewMessage } from '../port.ts';
import { type Bench, message } from './rows.ts';

export function describeMessages(bench: Bench): void {
  const { commit } = bench;
  describe('messages', () => {
    it('gives a node’s messages in order: time, then id by UTF-8 bytes, then web before server', async () => {
      const at = { time: 5_000 };
      await commit({
        messages: [
          message(1, { ...at, messageId: '\u{1f600}' }),
          message(2, { ...at, messageId: '\uffee' }),
          message(3, { ...at, messageId: 'a', kind: 'server' }),
          message(4, { ...at, messageId: 'a' }),
          message(5, { time: 4_999, messageId: 'z' }),
          message(6, { ...at, messageId: 'other', node: 2 }),
        ],
      });
      const range = { node: 1, from: null, to: null, until: 9_999 };
      const order = [5, 4, 3, 2, 1];
      const read = await bench.store.read({
        history: [range, { ...range, order: 'descending' }, { ...range, limit: 2 }],
      });
      expect(read.history.map((rows) => rows.map(({ seq }) => seq))).toEqual([
        order,
        [...order].reverse(),
        order.slice(0, 2),
      ]);
    });

    it('goes on from any place in an instant, page by page, both ways and with a filter', async () => {
      const many = 40;
      await commit({
        messages: Array.from({ length: many }, (_, i) =>
          message(i + 1, {
            time: i < 4 ? 4_000 : i < many - 4 ? 5_000 : 6_000,
            messageId: `m${String((i * 7) % 20).padStart(2, '0')}`,
            kind: i < 20 ? 'web' : 'server',
            name: i % 2 === 0 ? 'Even' : 'Odd',
          }),
        ),
      });
      const all = { node: 1, from: null, to: null, until: 9_999 };
      const ask = async (range: HistoryRange) =>
        (await bench.store.read({ history: [range] })).history[0] ?? [];
      const whole = await ask(all);
      expect(whole).toHaveLength(many);
      const filters: HistoryRange[] = [
        all,
        { ...all, kept: 'still' },
        { ...all, only: { types: [], events: ['Even'], bodies: false } },
        { ...all, only: { types: ['track'], events: [], bodies: true } },
      ];
      for (const range of filters) {
        const rows = await ask(range);
        const wanted = range.only?.events.length ? whole.filter(({ event }) => event === 'Even') : whole;
        expect(rows.map(({ seq }) => seq)).toEqual(wanted.map(({ seq }) => seq));
        for (const [i, { stamp }] of whole.entries()) {
          const before = rows.filter(({ stamp: other }) => compareStamps(other, stamp) < 0);
          const after = rows.filter(({ stamp: other }) => compareStamps(other, stamp) >= 0);
          expect(await ask({ ...range, from: stamp, limit: 3 }), `from ${i}`).toEqual(after.slice(0, 3));
          const back = { ...range, to: stamp, order: 'descending', limit: 3 } as const;
          expect(await ask(back), `before ${i}`).toEqual(before.slice(-3).reverse());
        }
      }
      const [first, last] = [whole[6], whole[12]].map((row) => row?.stamp ?? null);
      const between = await ask({ ...all, from: first ?? null, to: last ?? null, limit: 99 });
      expect(between).toEqual(whole.slice(6, 12));
      expect(await ask({ ...all, from: first ?? null, until: 5_000, limit: 99 })).toHaveLength(many - 6 - 4);
    });

    it('keeps every field of a message', async () => {
      await commit({
        messages: [message(7, { device: 3, trusted: true, kind: 'server', text: '{"a":"\u00e9"}' })],
      });
      const { history } = await bench.store.read({
        history: [{ node: 1, from: null, to: null, until: 9_999 }],
      });
      expect(history[0]).toEqual([
        {
          seq: 7,
          node: 1,
          device: 3,
          stamp: [1_007, 'm7', 1],
          type: 'track',
          event: 'Order Completed',
          groupId: null,
          expired: 0,
          receivedAt: 2_000,
          trusted: true,
          text: '{"a":"\u00e9"}',
        },
      ]);
    });

    it('bounds a range by whole stamps, the end not included, and by the clock', async () => {
      await commit({
        messages: ['a', 'b', 'c', 'd'].map((id, i) => message(i + 1, { time: 5_000, messageId: id })),
      });
      const from: Stamp = [5_000, 'b', 0];
      const to: Stamp = [5_000, 'd', 0];
      const read = await bench.store.read({
        history: [
          { node: 1, from, to, until: 5_000 },
          { node: 1, from: null, to: null, until: 4_999 },
        ],
      });
      expect(read.history.map((rows) => rows.map(({ stamp }) => stamp[1]))).toEqual([['b', 'c'], []]);
    });

    it('finds what expires by event and time, and puts what is left in its place', async () => {
      await commit({
        messages: [
          message(1, { time: 1_000 }),
          message(2, { time: 5_000 }),
          message(3, { time: 1_000, name: 'Other' }),
          message(4, { time: 1_000, type: 'page', name: null }),
        ],
      });
      const events = { type: 'track', event: 'Order Completed', before: 5_000 } as const;
      const pages = { type: 'page', event: null, before: 1_001 } as const;
      const never = { type: 'track', event: 'Nobody Sent This', before: 9_999 } as const;
      const asked = { ask: 'expiring', after: 0, limit: 3 } as const;
      const first = await bench.store.query({ ...asked, horizons: [events, pages, never] });
      expect([first.rows.map(({ seq }) => seq), first.next]).toEqual([[1], 3]);
      const second = await bench.store.query({ ...asked, after: 3, horizons: [events, pages] });
      expect([second.rows.map(({ seq }) => seq), second.next]).toEqual([[4], 4]);
      expect(await bench.store.query({ ...asked, after: 4, horizons: [events, pages] })).toEqual({
        rows: [],
        next: null,
      });
      await commit({ expired: [{ seq: 1, number: 6, text: '{"a":1}' }] });
      expect((await bench.store.query({ ...asked, horizons: [events] })).rows).toEqual([]);
      const range = { node: 1, from: null, to: null, until: 9_999 };
      const { history } = await bench.store.read({
        history: [range, { ...range, kept: 'still' }, { ...range, kept: 'no longer', order: 'descending' }],
      });
      expect(history[0]?.find(({ seq }) => seq === 1)).toMatchObject({ expired: 6, text: '{"a":1}' });
      expect(history.slice(1).map((rows) => rows.map(({ seq }) => seq).sort())).toEqual([[2, 3, 4], [1]]);
    });

    it('finds no more than 200 at a time', async () => {
      await commit({ messages: Array.from({ length: 250 }, (_, i) => message(i + 1, { time: 1_000 })) });
      const horizons = [{ type: 'track', event: 'Order Completed', before: 5_000 } as const];
      const first = await bench.store.query({ ask: 'expiring', after: 0, limit: 1_000, horizons });
      expect([first.rows.length, first.next]).toEqual([200, 200]);
      const second = await bench.store.query({ ask: 'expiring', after: 200, limit: 1_000, horizons });
      expect([second.rows.length, second.next]).toEqual([50, 250]);
    });

    it('knows the ids it has seen, web apart from server', async () => {
      await commit({ messages: [message(1), message(2, { kind: 'server' })] });
      const { seen } = await bench.store.read({
        seen: [
          { messageId: 'm1', kind: 'web' },
          { messageId: 'm1', kind: 'server' },
          { messageId: 'm2', kind: 'server' },
        ],
      });
      expect([...seen].sort()).toEqual(['server:m2', 'web:m1']);
    });

    it('holds back messages of the future until told that they arrived', async () => {
      await commit({
        messages: [
          message(1, { time: 9_000, pending: true }),
          message(2, { time: 8_000, pending: true }),
          message(3),
        ],
      });
      const due = async (until: number) =>
        (await bench.store.query({ ask: 'due-messages', until, limit: 10 })).map(({ row }) => row.seq);
      expect(await due(8_500)).toEqual([2]);
      expect(await due(9_000)).toEqual([2, 1]);
      expect(await bench.store.query({ ask: 'next-due' })).toBe(8_000);
      await commit({ arrived: [2] });
      expect(await due(9_000)).toEqual([1]);
      expect(await bench.store.query({ ask: 'message-count', until: 8_000 })).toBe(2);
    });

    it('tells the numbers that SDKs gave their messages, in slices of those looked at', async () => {
      const numbered = (seq: number, tm: unknown): NewMessage =>
        message(seq, { text: JSON.stringify({ context: { tm } }) });
      await commit({
        messages: [
          numbered(1, { client: 'a', seq: 1 }),
          message(2),
          numbered(3, { client: 'a', seq: 2, lost: 4 }),
          numbered(4, { client: 7, seq: 'x' }),
          numbered(5, { client: 'b', seq: 1 }),
        ],
      });
      const ask = (after: number, to = 9_000) =>
        bench.store.query({ ask: 'ledger', after, limit: 3, from: 0, to });
      expect(await ask(0)).toEqual({
        rows: [
          { client: 'a', number: 1, lost: 0, time: 1_001 },
          { client: 'a', number: 2, lost: 4, time: 1_003 },
        ],
        next: 3,
      });
      expect(await ask(3)).toEqual({ rows: [{ client: 'b', number: 1, lost: 0, time: 1_005 }], next: 5 });
      expect(await ask(3, 1_005)).toEqual({ rows: [], next: 5 });
      expect(await ask(5)).toEqual({ rows: [], next: null });
    });
  });
}
