// People with very many distinct values: kept beside their row, and exact all the same.
// Invariant: what is read is what a count of all values says, whatever happens to the person.
import { expect, it } from 'vitest';
import type { JsonObject } from '../collector/src/wire/message.ts';
import { T0, type TestCollector, withCollector } from './collector.ts';

const TRAITS = {
  n: { type: 'unique_count', event: 'See', property: 'v' },
  list: { type: 'unique_list', event: 'See', property: 'v' },
  most: { type: 'most_frequent', event: 'See', property: 'v' },
  early: {
    type: 'unique_count',
    event: 'See',
    property: 'v',
    within: { from: '2026-06-01', to: '2026-06-10T12:00:00Z' },
  },
};
const SEGMENTS = {
  many: { where: { computed: 'n', op: 'gte', value: 1_300 } },
  fan: { where: { computed: 'most', op: 'eq', value: 'x7' } },
  knows: { where: { computed: 'list', op: 'includes', value: 'x7' } },
};

let serial = 0;
const see = (userId: string, v: string | number): JsonObject => ({
  type: 'track',
  event: 'See',
  userId,
  messageId: `v${++serial}`,
  timestamp: new Date(T0).toISOString(),
  properties: { v },
});

async function expectExactly(
  c: TestCollector,
  userId: string,
  values: readonly (string | number)[],
): Promise<void> {
  const json = values.map((v) => JSON.stringify(v));
  const distinct = [...new Set(json)].sort((a, b) => {
    const [x, y] = [a, b].map((text) => Buffer.from(String(JSON.parse(text)))) as [Buffer, Buffer];
    return Buffer.compare(x, y) || Buffer.compare(Buffer.from(a), Buffer.from(b));
  });
  const times = new Map<string, number>();
  for (const text of json) times.set(text, (times.get(text) ?? 0) + 1);
  const most = Math.max(...times.values());
  const winner = distinct.find((text) => times.get(text) === most) as string;
  const listed = distinct.slice(0, 1_000).map((text) => JSON.parse(text));
  const { computed, segments } = (await c.profile(`user:${userId}`)) as {
    computed: JsonObject;
    segments: { key: string }[];
  };
  expect(computed).toEqual({
    n: distinct.length,
    early: distinct.length,
    list: distinct.length > 1_000 ? { values: listed, truncated: true } : listed,
    most: JSON.parse(winner),
  });
  const keys = segments.map(({ key }) => key);
  expect(keys.includes('many')).toBe(distinct.length >= 1_300);
  expect(keys.includes('fan')).toBe(JSON.parse(winner) === 'x7');
  expect(keys.includes('knows')).toBe(distinct.length <= 1_000 && distinct.includes('"x7"'));
}

async function clean(c: TestCollector): Promise<void> {
  await c.reopen();
}

it('are exact as they grow, through merges, definitions made later, erasure and reopening', async () => {
  await withCollector({ file: true }, async (c) => {
    await c.define({ traits: TRAITS, segments: SEGMENTS });
    const values: (string | number)[] = [];
    for (let size = 0; size < 7; size++) {
      const more = Array.from({ length: 200 }, (_, i) => (i % 50 === 3 ? i : `x${size * 190 + i}`));
      values.push(...more);
      await c.send(
        'web',
        more.map((v) => see('a', v)),
      );
      await expectExactly(c, 'a', values);
    }
    await c.send('web', [
      see('a', 'x7'),
      see('a', 'x7'),
      see('a', 'x7'),
      see('a', 'x7'),
      see('a', 'x7'),
      see('a', 'x7'),
      see('a', 'x7'),
    ]);
    values.push(...Array<string>(7).fill('x7'));
    await expectExactly(c, 'a', values);
    await clean(c);
    await expectExactly(c, 'a', values);

    const others = ['x7', 'y1', 'y2', 3];
    await c.send(
      'web',
      others.map((v) => see('b', v)),
    );
    await c.api('POST', '/api/profiles/merge', { from: 'b', into: 'a' });
    await expectExactly(c, 'a', [...values, ...others]);
    await c.api('POST', '/api/profiles/unmerge', { userId: 'b' });
    await expectExactly(c, 'a', values);
    await expectExactly(c, 'b', others);
    await c.api('POST', '/api/profiles/merge', { from: 'a', into: 'b' });
    await expectExactly(c, 'b', [...values, ...others]);

    for (const key of ['many', 'fan', 'knows']) await c.api('DELETE', `/api/segments/${key}`);
    for (const key of Object.keys(TRAITS)) await c.api('DELETE', `/api/traits/${key}`);
    await c.define({ traits: TRAITS, segments: SEGMENTS });
    await expectExactly(c, 'b', [...values, ...others]);
    await c.api('DELETE', '/api/profiles/user:b');
    await c.send('web', [see('b', 'x7')]);
    await expectExactly(c, 'b', ['x7']);
  });
});
