// What others wrote, as it is printed.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { legible, legibleInLine } from './legible.ts';

it('shows what a terminal would obey, and leaves the rest', () => {
  expect(legible('a\x1b[31mb\x9b2Jc\x07\r\x7f')).toBe('a\\u001b[31mb\\u009b2Jc\\u0007\\u000d\\u007f');
  expect(legible('invoice\u202efdp.exe\u2066x\u2069')).toBe('invoice\\u202efdp.exe\\u2066x\\u2069');
  expect(legible('Zoë, 日本, 👩‍💻\n\tnext')).toBe('Zoë, 日本, 👩‍💻\n\tnext');
  expect(legibleInLine('one\ntwo\tthree')).toBe('one\\u000atwo\\u0009three');
});

it('is the same JSON, and holds no control character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const json = legible(JSON.stringify({ text }));
      expect(JSON.parse(json)).toEqual({ text });
      expect(json).not.toMatch(/\p{Cc}/u);
      expect(legibleInLine(text)).not.toMatch(/\p{Cc}/u);
    }),
  );
});
