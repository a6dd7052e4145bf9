// Ids under any clock.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { nextId } from './ids.ts';

const random = (): string => crypto.randomUUID();

it('holds the time, the version and the variant', () => {
  const now = Date.parse('2200-01-02T03:04:05.678Z');
  const id = nextId(now, random);
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(Number.parseInt(id.slice(0, 13).replace('-', ''), 16)).toBe(now);
});

it('is greater than the one before, also within a millisecond and when the clock goes back', () => {
  // The random part is as unhelpful as it can be: the order must not depend on it.
  const lowest = (): string => '00000000-0000-4000-8000-000000000000';
  let before = '';
  fc.assert(
    fc.property(fc.nat(10_000), fc.integer({ min: 1, max: 10_000 }), (ms, count) => {
      for (let i = 0; i < count; i++) {
        const id = nextId(Date.parse('2201-01-01') + ms, lowest);
        expect(id > before).toBe(true);
        before = id;
      }
    }),
    { numRuns: 20 },
  );
});
