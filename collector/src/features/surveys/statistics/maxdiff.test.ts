// Best-worst counts against a published example, R 4.6 with support.BWS 0.4-6, and a small set of our own.
// Invariant: of the package's data only its counts are stated here.
import { describe, expect, it } from 'vitest';
import { type BestWorstSet, bestWorstRatio, bestWorstScore, type MaxDiff, maxDiff } from './maxdiff.ts';

const ITEMS = [...'ABCDEFG'];

/** Answers as positions in a design's sets, "14" being the first best and the fourth worst. */
function person(design: readonly string[], answers: readonly string[]): BestWorstSet[] {
  return design.map((set, i) => {
    const shown = [...set].map((digit) => ITEMS[Number(digit) - 1] as string);
    const [best, worst] = [...(answers[i] as string)].map((place) => shown[Number(place) - 1] as string);
    return { shown, best: best as string, worst: worst as string };
  });
}

const of = (found: MaxDiff | null, key: 'best' | 'worst' | 'shown' | 'ratio') =>
  ITEMS.map((item) => found?.items.find((one) => one.item === item)?.[key]);
const netOf = (found: MaxDiff | null) =>
  ITEMS.map((item) => {
    const { best, worst } = found?.items.find((one) => one.item === item) ?? { best: 0, worst: 0 };
    return best - worst;
  });

describe('one person: docs.displayr.com, Counts Analysis of MaxDiff Data', () => {
  const sets = ['CDE:CE', 'ADE:AE', 'BDF:BF', 'ACF:CF', 'ABC:CB', 'BEF:BF'].map((text) => {
    const [shown, [best, worst]] = text.split(':') as [string, string];
    return { shown: [...(shown as string)], best: best as string, worst: worst as string };
  });
  const found = maxDiff([sets], [...'ABCDEF']);

  it('has the counts and scores', () => {
    expect(
      Object.fromEntries(found?.items.map(({ item, best, worst }) => [item, [best, worst]]) ?? []),
    ).toEqual({
      ...{ A: [1, 0], B: [2, 1], C: [3, 0], D: [0, 0], E: [0, 2], F: [0, 3] },
    });
    expect(found?.items.map(({ item }) => item).join('')).toBe('CABDEF');
    const scores = found?.items.map(({ score }) => score?.value ?? Number.NaN) ?? [];
    for (const [i, score] of [1, 1 / 3, 1 / 3, 0, -2 / 3, -1].entries())
      expect(scores[i]).toBeCloseTo(score, 12);
  });

  it('is sure of nothing', () => {
    expect(found?.items.every(({ score }) => score?.interval === null)).toBe(true);
  });
});

describe('tallies: support.BWS, data set fruit, 100 people, each item shown four times', () => {
  it.each([
    ['Apple', 213, 15, 198, 0.495, 3.7682887363],
    ['Orange', 149, 51, 98, 0.245, 1.7092596723],
    ['Grapes', 108, 112, -4, -0.01, 0.9819805061],
    ['Banana', 72, 102, -30, -0.075, 0.8401680504],
    ['Peach', 67, 92, -25, -0.0625, 0.8533820185],
    ['Melon', 16, 228, -212, -0.53, 0.2649064714],
    ['Pear', 75, 100, -25, -0.0625, 0.8660254038],
  ])('%s', (_, best, worst, net, score, ratio) => {
    const tally = { best, worst, shown: 400 };
    expect(best - worst).toBe(net);
    expect(bestWorstScore(tally)).toBeCloseTo(score, 12);
    expect(bestWorstRatio(tally)).toBeCloseTo(ratio, 9);
  });
});

describe('three people, seven sets of four', () => {
  const design = ['1467', '2346', '2457', '1256', '1345', '3567', '1237'];
  const people = [
    person(design, ['14', '14', '14', '14', '14', '14', '14']),
    person(design, ['41', '21', '41', '21', '41', '31', '31']),
    person(design, ['23', '31', '14', '42', '31', '24', '24']),
  ];
  const found = maxDiff(people, ITEMS);

  it('has the counts that R has', () => {
    expect(of(found, 'best')).toEqual([4, 5, 3, 3, 2, 2, 2]);
    expect(of(found, 'worst')).toEqual([5, 4, 1, 0, 1, 3, 7]);
    expect(netOf(found)).toEqual([-1, 1, 2, 3, 1, -1, -5]);
    expect(found).toMatchObject({ n: 3, sets: 21, rejected: 0 });
    const sum = (key: 'best' | 'worst') => found?.items.reduce((all, item) => all + item[key], 0);
    expect([sum('best'), sum('worst')]).toEqual([21, 21]);
  });

  it('has the standardised scores and ratios', () => {
    const scores = ITEMS.map((item) => found?.items.find((one) => one.item === item)?.score?.value);
    const wanted = [-0.083333, 0.083333, 0.166667, 0.25, 0.083333, -0.083333, -0.416667];
    for (const [i, score] of wanted.entries()) expect(scores[i]).toBeCloseTo(score, 5);
    expect(scores[3]).toBe(3 / 12);
    expect(of(found, 'ratio')[3]).toBeNull();
    expect(of(found, 'ratio')[0]).toBeCloseTo(Math.sqrt(4 / 5), 12);
  });

  it('has the counts of each person', () => {
    expect(people.map((one) => netOf(maxDiff([one], ITEMS)))).toEqual([
      [4, 2, 1, 0, -1, -2, -4],
      [-4, -1, 1, 0, 1, 1, 2],
      [-1, 0, 0, 3, 1, 0, -3],
    ]);
  });

  it("has Student's t interval over people, as all saw each item equally often", () => {
    // Item G: -4, 2, -3 of 4: mean -5/12, sd 0.803638..., t(2) = 4.30265...; R's t.test cut to -1.
    const score = found?.items.find(({ item }) => item === 'G')?.score;
    const own = [-4 / 4, 2 / 4, -3 / 4];
    const sd = Math.sqrt(own.reduce((sum, x) => sum + (x + 5 / 12) ** 2, 0) / 2);
    expect(score?.interval?.[0]).toBe(-1);
    expect(score?.interval?.[1]).toBeCloseTo(
      Math.min(1, -5 / 12 + (4.302652729749464 * sd) / Math.sqrt(3)),
      12,
    );
    const c = found?.items.find(({ item }) => item === 'C')?.score;
    const others = [1 / 4, 1 / 4, 0];
    const spread = Math.sqrt(others.reduce((sum, x) => sum + (x - 1 / 6) ** 2, 0) / 2);
    expect(c?.interval?.[0]).toBeCloseTo(1 / 6 - (4.302652729749464 * spread) / Math.sqrt(3), 12);
  });

  it('rejects a set whose best is its worst, or was not shown, or that shows an item twice', () => {
    const bad: BestWorstSet[] = [
      { shown: ['A', 'B', 'C'], best: 'A', worst: 'A' },
      { shown: ['A', 'B', 'C'], best: 'A', worst: 'G' },
      { shown: ['A', 'B', 'B'], best: 'A', worst: 'B' },
    ];
    expect(maxDiff([...people, bad], ITEMS)).toEqual({ ...found, rejected: 3 });
    expect(maxDiff([bad], ITEMS)).toBeNull();
    expect(maxDiff([], ITEMS)).toBeNull();
  });
});

it('an item that was never shown has no score', () => {
  const found = maxDiff([[{ shown: ['A', 'B'], best: 'A', worst: 'B' }]], ['A', 'B', 'Z']);
  expect(found?.items.find(({ item }) => item === 'Z')).toMatchObject({ score: null, ratio: null, shown: 0 });
});
