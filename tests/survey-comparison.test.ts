// Branches compare in the page as conditions do in the collector.
// Invariant: for every operator and value both give the same answer.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compileComparison } from '../collector/src/engine/comparison.ts';
import type { Value } from '../collector/src/engine/values.ts';
import { OPS, type Op } from '../collector/src/wire/definition-words.ts';
import type { JsonValue } from '../collector/src/wire/message.ts';
import { compare } from '../sdk-web/src/survey/compare.ts';

const NOW = Date.parse('2026-06-10T12:00:00Z');

/** Texts that look like numbers and dates, and some that only nearly do. */
const texts = fc.oneof(
  fc.constantFrom(
    ...['', ' ', '0', '9', '10', '1.0', '+1', '-1', '1e1', '.5', '5.', '1e999', '0x10', ' 1', '1 '],
    ...['2026-06-10', '2026-06-09', '2026-02-29', '2028-02-29', '2026-13-01', '0099-01-01', '99-01-01'],
    ...['2026-06-10T12:00', '2026-06-10T12:00:00Z', '2026-06-10T14:00+02', '2026-06-10T14:00:00+0200'],
    ...['2026-06-10T14:00:00.000+02:00', '2026-06-10t12:00Z', '2026-06-10 12:00', '2026-06-10T12:00:60Z'],
    ...['2026-06-10T24:00', '2026-06-10T12:00:00,5Z', '2026-06-10T12:00:00.', '2026-06-10T12:00:00.1239Z'],
    ...['2026-06-10Z', '2026-06-10T12', '2026-06-10T12:00:00+2', '2026-06-10T12:00:00-24:00', 'accepted'],
    ...['2026-06-10T12:00:00.0000000000000000000Z', '2026-06-10T12:00:00.00000000000000000000Z', 'A', 'a'],
  ),
  fc.string({ maxLength: 4 }),
  fc.integer({ min: -20, max: 20 }).map(String),
);
/** Around now, in the forms that dates have. */
const dates = fc
  .integer({ min: -400, max: 400 })
  .map((hours) => new Date(NOW + hours * 3_600_000).toISOString())
  .chain((iso) => fc.constantFrom(iso, iso.slice(0, 10), iso.slice(0, 16)));
const scalars = fc.oneof(texts, dates, fc.integer({ min: -20, max: 20 }), fc.double(), fc.boolean());
const answers: fc.Arbitrary<JsonValue | undefined> = fc.oneof(
  scalars,
  fc.constant(undefined),
  fc.constant(null),
  fc.array(texts, { maxLength: 3 }),
  fc.dictionary(fc.constantFrom('best', 'worst', 'r1'), texts),
);
const expected: Record<string, fc.Arbitrary<JsonValue | undefined>> = {
  in: fc.array(scalars, { maxLength: 3 }),
  not_in: fc.array(scalars, { maxLength: 3 }),
  within_last: fc.constantFrom('1s', '5m', '36h', '30d', '2w'),
  within_next: fc.constantFrom('1s', '5m', '36h', '30d', '2w'),
  exists: fc.constant(undefined),
  not_exists: fc.constant(undefined),
};

it.each(OPS)('%s', (op: Op) => {
  let held = 0;
  fc.assert(
    fc.property(answers, expected[op] ?? scalars, fc.boolean(), (answer, other, same) => {
      const isAnswerable = same && !Array.isArray(other) && !/^(ex|not_ex|within)/.test(op);
      const value = !isAnswerable ? answer : op === 'includes' ? [String(other)] : other;
      const ours = compare(op, value, other, NOW);
      const theirs = compileComparison(op, other).test((value ?? undefined) as Value, NOW);
      if (theirs) held++;
      expect({ op, value, other, holds: ours }).toEqual({ op, value, other, holds: theirs });
    }),
    { numRuns: 3_000 },
  );
  // Each operator was seen to hold.
  expect(held).toBeGreaterThan(0);
});

it('fails on an operator that there is not', () => {
  expect(compare('like', 1, 1, NOW)).toBe(false);
});
