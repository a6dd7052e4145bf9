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
        { day: '2026-06-09', expected: 1, received: 1, reported: 0, completeness: 1 },
        { day: '2026-06-10', expected: 6, received: 5, reported: 1, completeness: 5 / 6 },
      ],
      next: null,
    });
    expect((await read('?from=2026-06-09&to=2026-06-09')).data).toHaveLength(1);
    for (const query of ['?from=yesterday', '?from=2026-06-11&to=2026-06-10', '?from=2020-01-01'])
      expect((await collector.api('GET', `/api/sources/${source}/completeness${query}`)).status).toBe(400);
    expect((await collector.api('GET', '/api/sources/other/completeness')).status).toBe(404);
  }));

it('tells which messages are stored, to the kind of key that sent them', () =>
  withCollector({}, async (collector) => {
    await collector.send('web', [numbered('a', 1, { id: 'here' })]);
    const ask = (key: string, messageIds: JsonValue) =>
      collector.fetch('/v1/seen', { method: 'POST', body: JSON.stringify({ writeKey: key, messageIds }) });
    expect((await ask(WEB_KEY, ['here', 'not'])).json).toEqual({ seen: ['here'] });
    expect((await ask(WEB_KEY, [])).json).toEqual({ seen: [] });
    expect((await ask(ADMIN_KEY, ['here'])).status).toBe(401);
    expect((await ask(WEB_KEY, 'here')).status).toBe(400);
    expect((await ask(WEB_KEY, [1])).status).toBe(400);
  }));
