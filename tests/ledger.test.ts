// The loss ledger: what SDKs numbered against what arrived, and the question that spares a second sending.
// Invariant: a number counts once, whatever is sent twice.
import { expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../collector/src/wire/message.ts';
import { ADMIN_KEY, T0, WEB_KEY, withCollector } from './collector.ts';

const DAY_MS = 86_400_000;
let ids = 0;
const numbered = (
  client: string,
  seq: JsonValue,
  more: { at?: number; lost?: number; id?: string } = {},
): JsonObject => ({
  type: 'track',
  event: 'E',
  anonymousId: 'd',
  messageId: more.id ?? `m${++ids}`,
  timestamp: new Date(more.at ?? T0).toISOString(),
  context: { tm: { client, seq, ...(more.lost === undefined ? {} : { lost: more.lost }) } },
});

it('measures completeness by day from the numbers that came', () =>
  withCollector({}, async (collector) => {
    const source = ((await collector.api('GET', '/api/sources')).json.data as { id: string }[])[0]?.id;
    const read = async (query = '') =>
      (await collector.api('GET', `/api/sources/${source}/completeness${query}`)).json;
    expect(await read()).toEqual({ data: [], next: null });
    await collector.send('web', [
      // Three of four, one of them sent twice; the fourth was told lost.
      numbered('a', 1, { id: 'twice' }),
      numbered('a', 1, { id: 'twice' }),
      numbered('a', 2),
      numbered('a', 4, { lost: 1 }),
      // Over midnight: 1 yesterday, 2 and 3 today.
      numbered('b', 1, { at: T0 - DAY_MS }),
      numbered('b', 3),
      numbered('b', 2),
      // Not numbered, or not by an SDK.
      numbered('c', 'x'),
      { type: 'track', event: 'E', anonymousId: 'd', timestamp: new Date(T0).toISOString() },
    ]);
    expect(await read()).toEqual({
      data: [
        { day: '2026-06-09', expected: 1, received: 1, reported: 0, doubtful: 0, completeness: 1 },
        { day: '2026-06-10', expected: 6, received: 5, reported: 1, doubtful: 0, completeness: 5 / 6 },
      ],
      next: null,
    });
    expect((await read('?from=2026-06-09&to=2026-06-09')).data).toHaveLength(1);
    // What an instance numbered before the days asked for is not missing in them.
    expect((await read('?from=2026-06-10')).data).toMatchObject([{ expected: 6, received: 5 }]);
    for (const query of [
      '?from=yesterday',
      '?from=2026-02-31',
      '?from=2026-06-11&to=2026-06-10',
      '?from=2020-01-01',
    ])
      expect((await collector.api('GET', `/api/sources/${source}/completeness${query}`)).status).toBe(400);
    expect((await collector.api('GET', '/api/sources/other/completeness')).status).toBe(404);
  }));

it('believes no instance more than is plausible, and counts those that claim more', () =>
  withCollector({}, async (collector) => {
    const source = ((await collector.api('GET', '/api/sources')).json.data as { id: string }[])[0]?.id;
    const read = async () =>
      ((await collector.api('GET', `/api/sources/${source}/completeness`)).json.data as JsonObject[])[0];
    const honest = Array.from({ length: 200 }, (_, i) => numbered(`h${i >> 3}`, (i & 7) + 1));
    await collector.send('web', honest);
    expect(await read()).toMatchObject({ expected: 200, received: 200, completeness: 1, doubtful: 0 });
    // A page that was open for days before, with nothing missing in these; and numbers out of thin air.
    await collector.send('web', [numbered('old', 500), numbered('old', 501), numbered('forged', 1e15)]);
    expect(await read()).toMatchObject({ expected: 203, received: 203, reported: 0, doubtful: 0 });
    // One that claims a gap, and losses, of any size: a score and four for each that came.
    await collector.send('web', [
      numbered('liar', 1),
      numbered('liar', 1e15, { lost: 1e12 }),
      numbered('h0', 9, { lost: -5 }),
    ]);
    expect(await read()).toEqual({
      day: '2026-06-10',
      expected: 206 + 28,
      received: 206,
      reported: 28,
      doubtful: 1,
      completeness: 206 / 234,
    });
  }));

it('tells which messages are stored, to the kind of key that sent them', () =>
  withCollector({}, async (collector) => {
    await collector.send('web', [numbered('a', 1, { id: 'here' })]);
    const ask = (key: string, messageIds: JsonValue) =>
      collector.fetch('/v1/seen', { method: 'POST', body: JSON.stringify({ writeKey: key, messageIds }) });
    expect((await ask(WEB_KEY, ['here', 'not'])).json).toEqual({ seen: ['here'] });
    expect((await ask(WEB_KEY, [])).json).toEqual({ seen: [] });
    const many = Array.from({ length: 10_000 }, (_, i) => `many${i}`);
    many[9_999] = 'here';
    expect((await ask(WEB_KEY, many)).json).toEqual({ seen: ['here'] });
    expect((await ask(ADMIN_KEY, ['here'])).status).toBe(401);
    expect((await ask(WEB_KEY, 'here')).status).toBe(400);
    expect((await ask(WEB_KEY, [1])).status).toBe(400);
  }));
