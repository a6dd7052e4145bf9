// Key words: TF-IDF and log-odds, reckoned by hand from the formulas.
// Invariant: who is the group and who the rest only changes the sign.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyTerms, tfIdf } from './key-terms.ts';

const ANSWERS = [
  ['export', 'slow', 'slow'],
  ['export', 'slow'],
  ['export', 'price'],
  ['export', 'support', 'nice'],
];

describe('TF-IDF', () => {
  it('weighs uses by rarity; a word that everybody has weighs nothing', () => {
    const found = tfIdf(ANSWERS);
    expect(found.map(({ term, answers }) => [term, answers])).toEqual([
      ['slow', 2],
      ['nice', 1],
      ['price', 1],
      ['support', 1],
      ['export', 4],
    ]);
    expect(found[0]?.weight).toBeCloseTo(3 * Math.log(2), 12);
    expect(found[1]?.weight).toBeCloseTo(Math.log(4), 12);
    expect(found[4]?.weight).toBe(0);
    expect(tfIdf([])).toEqual([]);
    expect(tfIdf([[], []])).toEqual([]);
  });
});

describe('log-odds', () => {
  const found = keyTerms(ANSWERS.slice(0, 2), ANSWERS.slice(2));

  it('agree with equations 16, 19 and 20 of Monroe, Colaresi and Quinn', () => {
    // Counts by answers: group export 2, slow 2, of 4; rest export 2, price, support, nice 1 each, of 5. The
    // prior weighs as much as all 9: slow 2, export 4.
    const slow = found.find(({ term }) => term === 'slow');
    const value = Math.log((2 + 2) / (4 + 9 - 2 - 2)) - Math.log((0 + 2) / (5 + 9 - 0 - 2));
    expect(slow).toMatchObject({ group: 2, rest: 0 });
    expect(slow?.value).toBeCloseTo(value, 12);
    const error = Math.sqrt(1 / 4 + 1 / 2);
    expect(slow?.z).toBeCloseTo(value / error, 12);
    expect(slow?.interval?.[0]).toBeCloseTo(value - 1.959963984540054 * error, 12);
    const exported = found.find(({ term }) => term === 'export');
    expect(exported?.value).toBeCloseTo(Math.log(6 / 7) - Math.log(6 / 8), 12);
  });

  it('come most typical first', () => {
    expect(found[0]?.term).toBe('slow');
    expect(found.map(({ z }) => z)).toEqual(found.map(({ z }) => z).toSorted((a, b) => b - a));
  });

  it('count a word once an answer', () => {
    const shouting = [
      ['export', ...new Array<string>(50).fill('slow')],
      ['export', 'slow'],
    ];
    expect(keyTerms(shouting, ANSWERS.slice(2))).toEqual(found);
  });

  it('find what a group says among many', () => {
    const base = (i: number) => ['app', `word${i % 7}`];
    const group = Array.from({ length: 200 }, (_, i) => [...base(i), ...(i % 3 === 0 ? ['crash'] : [])]);
    const rest = Array.from({ length: 800 }, (_, i) => [...base(i), ...(i % 40 === 0 ? ['crash'] : [])]);
    const [first, second] = keyTerms(group, rest);
    expect(first?.term).toBe('crash');
    expect(first?.z).toBeGreaterThan(4);
    expect(Math.abs(second?.z ?? 9)).toBeLessThan(2);
  });

  it('are mirrored when the sides change', () => {
    const words = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 });
    const answers = fc.array(words, { maxLength: 6 });
    fc.assert(
      fc.property(answers, answers, (one, other) => {
        const there = keyTerms(one, other);
        for (const back of keyTerms(other, one))
          expect(there.find(({ term }) => term === back.term)?.value).toBeCloseTo(-back.value, 10);
      }),
    );
  });

  it('are none when a side has no words, or all have one', () => {
    expect(keyTerms([], ANSWERS)).toEqual([]);
    expect(keyTerms(ANSWERS, [[]])).toEqual([]);
    expect(keyTerms([['slow']], [['slow']])).toEqual([]);
  });
});
