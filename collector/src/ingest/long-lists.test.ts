import { describe, expect, it } from 'vitest';
import type { Store } from '../storage/port.ts';
import { countGroup, countMembers, findPeople } from './long-lists.ts';

/** People 1 to `count`, of whom every `nth` is looked for; notes what was asked, and the turns that others had. */
function crowd(count: number, nth: number) {
  const asked: { ask: string; look: number; turn: number }[] = [];
  let turn = 0;
  let isOver = false;
  const others = (): void => {
    turn++;
    if (!isOver) setImmediate(others);
  };
  setImmediate(others);
  const query = async (question: { ask: string; after: number; look: number }) => {
    const { ask, after, look } = question;
    if (ask === 'people-by-beginning') return null;
    asked.push({ ask, look, turn });
    const last = Math.min(after + look, count);
    const next = after + look <= count ? last : null;
    const ahead = Array.from({ length: last - after }, (_, i) => after + i + 1);
    return ask === 'people-matching'
      ? { ids: ahead.filter((id) => id % nth === 0), next }
      : { n: ahead.length, next };
  };
  return {
    asked,
    store: { query: query as unknown as Store['query'] }, // answers what is asked of it here
    end: () => {
      isOver = true;
    },
  };
}

const areApart = (asked: readonly { turn: number }[]): boolean =>
  asked.every(({ turn }, i) => i === 0 || turn > (asked[i - 1]?.turn ?? 0));

describe('a search for very many', () => {
  const filter = { q: 'u', version: null, after: 0 };

  it('stops when it has found as many as asked for', async () => {
    const { store, asked, end } = crowd(100_000, 2);
    expect(await findPeople(store, { ...filter, limit: 5 })).toEqual([2, 4, 6, 8, 10]);
    expect(asked).toHaveLength(1);
    end();
  });

  it('goes to the end in stretches, with a turn of others between any two', async () => {
    const { store, asked, end } = crowd(50_000, 20_000);
    expect(await findPeople(store, { ...filter, after: 30_000, limit: 5 })).toEqual([40_000]);
    expect(asked.length).toBeGreaterThan(5);
    expect(Math.max(...asked.map(({ look }) => look))).toBeLessThanOrEqual(512);
    expect(areApart(asked)).toBe(true);
    end();
  });
});

describe('a count', () => {
  it.each([0, 1, 50_000, 120_000])('is the sum of its stretches: %i', async (count) => {
    for (const sum of [(store: Store) => countMembers(store, 1), (store: Store) => countGroup(store, 'g')]) {
      const { store, asked, end } = crowd(count, 1);
      expect(await sum(store as Store)).toBe(count);
      expect(asked).toHaveLength(Math.floor(count / 50_000) + 1);
      expect(areApart(asked)).toBe(true);
      end();
    }
  });
});
