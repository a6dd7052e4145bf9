// The short way to JSON against the careful one.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isPlain } from './plain.ts';
import { snapshot } from './snapshot.ts';

const anything = fc.anything({
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
});

it('is taken only where JSON.stringify alone writes what the careful way would', () => {
  let taken = 0;
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), anything), (value) => {
      if (!isPlain(value)) return;
      taken++;
      expect(JSON.stringify(value)).toBe(JSON.stringify(snapshot(value)));
    }),
    { numRuns: 1_000 },
  );
  expect(taken).toBeGreaterThan(200);
});

it('is not taken for what JSON.stringify fails at, or takes long for', () => {
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  let wide: unknown = 'x';
  for (let i = 0; i < 60; i++) wide = [wide, wide];
  class Money {
    amount = 1;
  }
  for (const value of [
    circle,
    wide,
    1n,
    () => 1,
    Symbol('s'),
    new Money(),
    new Map(),
    { toJSON: 1 },
    JSON.parse('{"__proto__":{"a":1}}'),
    Array(3_000).fill(0),
  ])
    expect(isPlain({ value })).toBe(false);
  for (const value of [null, undefined, Number.NaN, new Date(), [], {}, Object.create(null), 'x'])
    expect(isPlain({ value })).toBe(true);
});
