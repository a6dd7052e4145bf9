import fc from 'fast-check';
import { expect, it } from 'vitest';
import { uuidv7 } from './ids.ts';

const ones = (): string => '-bfff-ffffffffffff';

it('holds the time, the version and the variant', () => {
  const now = Date.parse('2200-01-02T03:04:05.678Z');
  const id = uuidv7(now, ones);
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(Number.parseInt(id.slice(0, 13).replace('-', ''), 16)).toBe(now);
});

it('is greater than the one before, also within a millisecond and when the clock goes back', () => {
  let before = '';
  fc.assert(
    fc.property(fc.nat(10_000), fc.integer({ min: 1, max: 3_000 }), (ms, count) => {
      for (let i = 0; i < count; i++) {
        const id = uuidv7(Date.parse('2201-01-01') + ms, () => crypto.randomUUID().slice(18));
        expect(id > before).toBe(true);
        before = id;
      }
    }),
    { numRuns: 30 },
  );
});
