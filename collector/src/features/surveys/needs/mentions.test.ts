// Which texts speak of a feature.
// Invariant: expectations are written by hand.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mentionsAny } from './mentions.ts';

const found = (terms: string[], text: string): boolean => mentionsAny(terms)(text);

describe('mentions', () => {
  it.each([
    ['dark mode', 'Please add Dark  Mode!', true],
    ['dark mode', 'darkmode', false],
    ['mode', 'a dark model', false],
    ['export', 'exporting takes ages', false],
    ['export*', 'Exporting takes ages', true],
    ['export*', 'reexporting', false],
    ['c++', 'I like C++.', true],
    ['PDF', 'no pdf, please', true],
    ['café', 'the cafe\u0301', true],
    ['größe', 'Die GRÖSSE', false],
    ['don’t', "they don't", true],
    ['导出', '我想导出数据', true],
    ['エクスポート', 'CSVエクスポートが欲しい', true],
    ['v2', 'v23', false],
    ['.*', 'anything', false],
    ['two-factor', 'Two-Factor sign-in', true],
    ['two-factor', 'two factor', false],
  ])('takes "%s" in "%s": %s', (term, text, expected) => {
    expect(found([term], text)).toBe(expected);
  });

  it('takes every sign as it is', () => {
    const signs = [...'!"#$%&\'()+,-./:;<=>?@[\\]^_`{|}~'];
    for (const sign of signs) {
      expect([sign, found([`a${sign}b`], `x a${sign}b y`)]).toEqual([sign, true]);
      expect([sign, found([`a${sign}b`], 'a ab aab b')]).toEqual([sign, false]);
    }
  });

  it('needs one of the terms', () => {
    expect(found(['csv', 'export'], 'my export')).toBe(true);
    expect(found(['csv', 'excel'], 'my export')).toBe(false);
  });

  it('finds every word of its own text and never throws', () => {
    const words = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
    fc.assert(
      fc.property(words, fc.array(words), fc.array(words), (term, before, after) => {
        expect(found([term.toUpperCase()], [...before, term, ...after].join(' '))).toBe(true);
      }),
    );
    const terms = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 20 })
      .filter((term) => /[\p{L}\p{N}]/u.test(term));
    fc.assert(fc.property(terms, fc.string({ unit: 'binary' }), (term, text) => void found([term], text)));
  });
});
