// The commonest value while counts change: against a look at all of them each time.
// Invariant: random counts and texts; ties are many.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { commonest } from '../engine/aggregates.ts';
import { type Counted, createRanking } from './ranking.ts';

const key = fc.oneof(
  fc.nat(40).map((n) => JSON.stringify(`v${n}`)),
  fc.nat(20).map(String),
);
const change = fc.tuple(key, fc.nat(3));

it('is that of all values after every change', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.tuple(key, fc.integer({ min: 1, max: 3 })), {
        selector: ([text]) => text,
        maxLength: 60,
      }),
      fc.array(change, { maxLength: 10 }),
      fc.array(change, { maxLength: 80 }),
      async (values, before, after) => {
        const stored = [...values].sort((a, b) => {
          const first = commonest([a, b]);
          return first === a ? -1 : 1;
        });
        let reads = 0;
        const counts = new Map<string, number>(before);
        const ranking = createRanking(counts, async (from, limit) => {
          reads += Math.min(limit, Math.max(0, stored.length - from));
          return stored.slice(from, from + limit);
        });
        const check = async (): Promise<void> => {
          const all = new Map([...stored, ...counts]);
          expect(await ranking.top()).toEqual(
            commonest([...all].filter(([, count]): boolean => count > 0) as Counted[]),
          );
        };
        await check();
        for (const [text, count] of after) {
          counts.set(text, count);
          ranking.note(text, count);
          await check();
        }
        // Each of the store's once.
        expect(reads).toBeLessThanOrEqual(stored.length);
      },
    ),
    { numRuns: 300 },
  );
});
