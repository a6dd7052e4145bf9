// What is written as bytes by hand, held against JSON.stringify.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { JsonBytes } from './json-bytes.ts';

const written = (value: unknown, pieceBytes?: number): string => {
  const bytes = new JsonBytes(pieceBytes);
  bytes.value(value);
  return new TextDecoder().decode(bytes.take());
};

const numbers = fc.oneof(
  fc.double(),
  fc.maxSafeInteger(),
  fc.integer(),
  fc.integer({ min: -12, max: 1_200 }),
  // Where a number gets one more digit, and where it is written in one more part.
  fc
    .tuple(fc.integer({ min: 0, max: 17 }), fc.integer({ min: -2, max: 2 }), fc.constantFrom(1, -1))
    .map(([digits, more, sign]) => sign * (10 ** digits + more)),
  fc.integer({ min: Date.UTC(1970), max: Date.UTC(9999) }),
);
/** Any code units, lone surrogates among them, and what is escaped. */
const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) }),
  fc.string({ minLength: 190, maxLength: 210 }),
  fc.string({
    unit: fc.constantFrom('"', '\\', '\n', '\u007f', '\u0080', 'é', '语', '\ud83d', '\ude00', 'a'),
  }),
);
const plain = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    numbers,
    texts,
    fc.constantFrom(null, true, false, undefined),
    fc.array(tie('any')),
    fc.dictionary(texts, tie('any')),
  ),
})).any;

it('writes what JSON.stringify writes', () => {
  fc.assert(
    fc.property(plain, fc.constantFrom(0, 1, 40, 4_096), (value, pieceBytes) => {
      expect(written(value, pieceBytes)).toBe(JSON.stringify(value ?? null));
    }),
    { numRuns: 3_000 },
  );
  fc.assert(
    fc.property(numbers, (n) => {
      expect(written(n)).toBe(JSON.stringify(n));
    }),
    { numRuns: 5_000 },
  );
});

it('leaves what was taken as it was, however much comes after', () => {
  const bytes = new JsonBytes(8);
  const taken = Array.from({ length: 300 }, (_, i) => {
    bytes.value([i, 'x'.repeat(i), { i }]);
    return bytes.take();
  });
  taken.forEach((part, i) => {
    expect(JSON.parse(new TextDecoder().decode(part))).toEqual([i, 'x'.repeat(i), { i }]);
  });
  expect(bytes.take()).toHaveLength(0);
});
