// Kano: the 25 cells, and figures computed in R 4.6.
// Invariant: the ski rows are the inputs of Sauerwein, Bailom, Matzler and Hinterhuber (1996), in percent.
import { describe, expect, it } from 'vitest';
import { KANO_ANSWERS, type KanoCategory, kano, kanoCategory, kanoCounts } from './kano.ts';

const counts = (A: number, O: number, M: number, I: number, R: number, Q: number) => ({ A, O, M, I, R, Q });

describe('the table', () => {
  it('has every cell', () => {
    const table = KANO_ANSWERS.map((f) => KANO_ANSWERS.map((d) => kanoCategory(f, d)).join(' '));
    expect(table).toEqual(['Q A A A O', 'R I I I M', 'R I I I M', 'R I I I M', 'R R R R Q']);
  });

  it('counts all 25 cells', () => {
    const all = KANO_ANSWERS.flatMap((f) => KANO_ANSWERS.map((d) => [f, d] as const));
    expect(kanoCounts([...all, ['like', 'perhaps'], ['', 'like']])).toEqual(counts(3, 1, 3, 9, 7, 2));
    expect(kanoCategory('like', 'constructor')).toBeNull();
  });
});

describe('a feature', () => {
  it.each([
    [
      'edge grip',
      counts(7, 33, 49.3, 9.5, 0.3, 1.5),
      0.404858299595,
      -0.832995951417,
      'M',
      0.162027833002,
      0.887673956262,
    ],
    [
      'ease of turn',
      counts(10.4, 45.1, 30.5, 11.5, 1.2, 1.2),
      0.569230769231,
      -0.775384615385,
      'O',
      0.146146146146,
      0.860860860861,
    ],
    ['service', counts(63.8, 21.6, 2.9, 8.5, 0.7, 2.5), 0.882231404959, -0.253099173554, 'A', 0.422, 0.883],
    ['plain', counts(30, 20, 25, 20, 3, 2), 0.526315789474, -0.473684210526, 'A', 0.05, 0.75],
    ['a tie of M and I', counts(10, 10, 40, 40, 0, 0), 0.2, -0.5, 'M', 0, 0.6],
    ['indifferent', counts(0, 0, 0, 100, 0, 0), 0, 0, 'I', 1, 0],
  ] as const)('%s', (_, input, better, worse, category, strength, total) => {
    const found = kano(input);
    expect(found?.better?.value).toBeCloseTo(better, 11);
    expect(found?.worse?.value).toBeCloseTo(worse, 11);
    expect(found?.category).toBe(category);
    expect(found?.categoryStrength).toBeCloseTo(strength, 11);
    expect(found?.totalStrength?.value).toBeCloseTo(total, 11);
  });

  it.each([
    ['MOAIRQ', 'M'],
    ['OAIRQ', 'O'],
    ['AIRQ', 'A'],
    ['IRQ', 'I'],
    ['RQ', 'R'],
  ])('a tie of %s goes to %s', (tied, winner) => {
    const input = counts(0, 0, 0, 0, 0, 0);
    for (const category of tied) input[category as KanoCategory] = 7;
    expect(kano(input)).toMatchObject({ category: winner, categoryStrength: 0 });
  });

  it("has Wilson's intervals on better and, mirrored, on worse", () => {
    // 40 of 100: R 4.6 prop.test(correct = FALSE); questionable and reverse answers are no part of the base.
    const found = kano(counts(40, 0, 40, 20, 50, 50));
    expect(found?.better?.interval?.[0]).toBeCloseTo(0.3094012864, 9);
    expect(found?.better?.interval?.[1]).toBeCloseTo(0.4979974132, 9);
    expect(found?.worse?.interval?.[0]).toBeCloseTo(-0.4979974132, 9);
    expect(found?.worse?.interval?.[1]).toBeCloseTo(-0.3094012864, 9);
    expect([found?.better?.n, found?.n]).toEqual([100, 200]);
  });

  it('has no better and worse of questionable and reverse answers alone, and is null without any', () => {
    expect(kano(counts(0, 0, 0, 0, 3, 2))).toMatchObject({ better: null, worse: null, category: 'R' });
    expect(kano(counts(0, 0, 0, 0, 0, 0))).toBeNull();
  });
});
