// The cache against a plain memory of what was loaded when.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createCache } from './cache.ts';

it('answers nothing older than its time, holds no more than its size, and keeps no failure', async () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd'),
    waitMs: fc.nat(60),
    fails: fc.boolean(),
    forgets: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.nat(3),
      fc.nat(100),
      async (steps, size, ttlMs) => {
        let now = 0;
        let loads = 0;
        const cache = createCache(size, ttlMs, () => now);
        /** Keys in the order of their last load, with its time: what may be answered again. */
        const kept = new Map<string, { at: number; value: number }>();
        for (const { key, waitMs, fails, forgets } of steps) {
          now += waitMs;
          if (forgets) {
            cache.forget(key);
            kept.delete(key);
          }
          const before = loads;
          const value = await cache
            .read(key, async () => {
              loads++;
              if (fails) throw new Error('no');
              return loads;
            })
            .catch(() => null);
          const entry = kept.get(key);
          if (entry && now < entry.at + ttlMs) {
            expect([value, loads]).toEqual([entry.value, before]);
            continue;
          }
          expect(loads).toBe(before + 1);
          expect(value).toBe(fails ? null : loads);
          kept.delete(key);
          if (size === 0) continue;
          kept.set(key, { at: now, value: loads });
          for (const oldest of kept.keys()) if (kept.size > size) kept.delete(oldest);
          if (fails) kept.delete(key);
        }
      },
    ),
  );
});

it('asks once for those who ask at once', async () => {
  const cache = createCache(10, 1_000, () => 0);
  let answer = (_: string): void => {};
  let loads = 0;
  const load = (): Promise<string> => {
    loads++;
    return new Promise((resolve) => {
      answer = resolve;
    });
  };
  const both = [cache.read('k', load), cache.read('k', load)];
  answer('v');
  await expect(Promise.all(both)).resolves.toEqual(['v', 'v']);
  expect(loads).toBe(1);
});
