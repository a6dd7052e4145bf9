// Net promoter scores against R 4.6 (package NPS 1.1's formulas) and published worked examples.
// Invariant: twelve digits, as R printed them.
import { describe, expect, it } from 'vitest';
import { compareNps, nps, npsCounts } from './nps.ts';

const counts = (detractors: number, passives: number, promoters: number) => ({
  detractors,
  passives,
  promoters,
});
/** Counts of a list of scores from how often each of 0 to 10 was given. */
const fromScores = (often: readonly number[]) =>
  npsCounts(often.flatMap((times, score) => new Array<number>(times).fill(score)));

describe('the score', () => {
  it.each([
    [54, 108, 162, 0.333333333333, 0.555555555556, 0.04140866625, 0.0811594944978],
    [10, 20, 70, 0.6, 0.44, 0.0663324958071, 0.130009302787],
    [20, 30, 50, 0.3, 0.61, 0.0781024967591, 0.15307808075],
    [50, 0, 50, 0, 1, 0.1, 0.195996398454],
    [1, 1, 1, 0, 0.666666666667, 0.471404520791, 0.9239358829],
  ])('of %i, %i, %i has variance, error and margin', (d, p, pr, value, variance, error, margin) => {
    const found = nps(counts(d, p, pr));
    expect(found?.value).toBeCloseTo(value, 11);
    expect(found?.variance).toBeCloseTo(variance, 11);
    expect(found?.standardError).toBeCloseTo(error, 11);
    expect(found?.margin).toBeCloseTo(margin, 11);
    expect(found?.n).toBe(d + p + pr);
  });

  it.each([
    [54, 108, 162, 0.252173838836, 0.414492827831],
    [10, 20, 70, 0.469990697213, 0.730009302787],
  ])("of %i, %i, %i has Wald's interval", (d, p, pr, lower, upper) => {
    const [low, high] = nps(counts(d, p, pr))?.wald ?? [];
    expect(low).toBeCloseTo(lower, 11);
    expect(high).toBeCloseTo(upper, 11);
  });

  it.each([
    [0, 0, 10, 1],
    [0, 100, 0, 0],
    [10, 0, 0, -1],
  ])('of %i, %i, %i, all of one kind, is never "plus or minus 0"', (d, p, pr, value) => {
    const found = nps(counts(d, p, pr));
    expect(found).toMatchObject({
      value,
      variance: 0,
      standardError: null,
      margin: null,
      wald: null,
      p: null,
    });
    const [low, high] = found?.interval ?? [0, 0];
    expect(high - low).toBeGreaterThan(0.04);
  });

  // The rule of measuringu.com and Rocks (2016); values from R; the ends cut to -1 and 1.
  it.each([
    [10, 20, 70, 0.582524271845, 0.0662393137477, 0.452697602538, 0.712350941151],
    [54, 108, 162, 0.330275229358, 0.0412368369342, 0.24945251413, 0.411097944585],
    [0, 0, 10, 0.769230769231, 0.150102377443, 0.475035515448, 1],
    [10, 0, 0, -0.769230769231, 0.150102377443, -1, -0.475035515448],
    [1, 1, 1, 0, 0.311804782231, -0.61112614338, 0.61112614338],
    [8, 10, 18, 0.25641025641, 0.128040657158, 0.00545517982311, 0.507365332997],
  ])('of %i, %i, %i has the adjusted interval', (d, p, pr, centre, error, lower, upper) => {
    const [low, high] = nps(counts(d, p, pr))?.interval ?? [];
    expect(low).toBeCloseTo(lower, 11);
    expect(high).toBeCloseTo(upper, 11);
    // The centre and error that R has, by the added answers.
    const added = nps(counts(d + 0.75, p + 1.5, pr + 0.75));
    expect(added?.value).toBeCloseTo(centre, 11);
    expect(added?.standardError).toBeCloseTo(error, 11);
  });

  it('is read from scores: the data set of package NPS', () => {
    const found = nps(fromScores([74, 10, 22, 35, 40, 140, 41, 57, 119, 227, 235]));
    expect(found).toMatchObject(counts(362, 176, 462));
    expect(found?.value).toBeCloseTo(0.1, 12);
    expect(found?.variance).toBeCloseTo(0.814, 12);
    expect(found?.standardError).toBeCloseTo(0.0285306852354, 12);
    expect(found?.wald?.[0]).toBeCloseTo(0.0440808844844, 12);
    expect(found?.wald?.[1]).toBeCloseTo(0.1559191155156, 12);
    expect(found?.p).toBeCloseTo(0.000456610394112, 12);
  });

  it('leaves out what is no score', () => {
    expect(npsCounts([-1, 11, 9.5, Number.NaN, 0, 6, 7, 8, 9, 10])).toEqual(counts(2, 2, 2));
    expect(nps(npsCounts([]))).toBeNull();
    expect(nps(counts(-1, 2, 3))).toBeNull();
  });
});

describe('two scores', () => {
  it('differ as in R: two brands of the data set', () => {
    const apples = fromScores([18, 2, 3, 7, 12, 32, 9, 17, 30, 64, 56]);
    const oranges = fromScores([17, 1, 6, 11, 10, 38, 8, 13, 36, 52, 58]);
    expect([nps(apples)?.value, nps(oranges)?.value]).toEqual([0.148, 0.076]);
    const found = compareNps(apples, oranges);
    expect(found?.value).toBeCloseTo(0.072, 12);
    expect(found?.standardError).toBeCloseTo(0.079707465146, 12);
    expect(found?.interval?.[0]).toBeCloseTo(-0.0842237609851, 12);
    expect(found?.interval?.[1]).toBeCloseTo(0.2282237609851, 12);
    expect(found?.p).toBeCloseTo(0.366365054114, 12);
    expect(found?.n).toBe(500);
  });

  it('differ as in R: from counts', () => {
    const found = compareNps(counts(20, 30, 50), counts(30, 30, 40));
    expect(found?.value).toBeCloseTo(0.2, 12);
    expect(found?.standardError).toBeCloseTo(0.11401754251, 11);
    expect(found?.z).toBeCloseTo(1.75411603861, 11);
    expect(found?.p).toBeCloseTo(0.0794106259989, 12);
  });

  it('say nothing about chance where neither varies', () => {
    expect(compareNps(counts(0, 0, 5), counts(0, 5, 0))).toEqual({
      value: 1,
      interval: null,
      n: 10,
      standardError: null,
      z: null,
      p: null,
    });
    expect(compareNps(counts(0, 0, 0), counts(1, 0, 0))).toBeNull();
  });
});

describe('rounding', () => {
  it('of an error that vanishes among very many answers gives none, as for answers of one kind', () => {
    const figures = nps({ detractors: 1, passives: 1e300, promoters: 1 });
    expect(figures).toMatchObject({ value: 0, standardError: null, margin: null, p: null });
  });
});
