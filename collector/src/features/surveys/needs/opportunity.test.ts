// The opportunity score and its interval.
// Invariant: expectations come from the formula or from a simulation with another method, never from the code.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Estimate, kano, proportion } from '../statistics/index.ts';
import { importanceOf, type Opportunity, opportunityOf } from './opportunity.ts';
import type { Stated } from './stated.ts';

const NOTHING: Stated = { maxdiff: null, kano: null, themes: null };
const spoken = (mentions: number, people: number): Stated => ({
  ...NOTHING,
  themes: { share: proportion(mentions, people), people, mentions, interviews: { people: 0, mentions: 0 } },
});
const share = (count: number, n: number): Estimate => proportion(count, n) as Estimate;

function endsOf(found: Opportunity | null): [number, number] {
  if (!found?.interval) throw new Error('there is no interval');
  return found.interval;
}

describe('importance', () => {
  it('is the best-worst score, else Kano’s total strength, else the share of speakers', () => {
    const maxdiff = {
      ...{ best: 6, worst: 2, shown: 10, error: 0.1 },
      score: { value: 0.4, interval: [0.2, 0.6] as [number, number], n: 10 },
    };
    const felt = kano({ A: 2, O: 3, M: 1, I: 3, R: 1, Q: 0 });
    const all: Stated = { ...spoken(3, 10), maxdiff, kano: felt };
    expect(importanceOf(all)).toEqual({ value: 0.7, interval: [0.6, 0.8], n: 10, from: 'maxdiff' });
    expect(importanceOf({ ...all, maxdiff: null })).toMatchObject({ value: 0.6, n: 10, from: 'kano' });
    expect(importanceOf({ ...all, maxdiff: null, kano: null })).toMatchObject({ value: 0.3, from: 'themes' });
    expect(importanceOf(NOTHING)).toBeNull();
  });
});

describe('opportunity', () => {
  it('is Ulwick’s, halved', () => {
    // 0.8 + (0.8 - 0.2) = 1.4; 0.3 + 0 = 0.3.
    expect(opportunityOf(spoken(80, 100), share(20, 100))?.value).toBeCloseTo(0.7, 12);
    expect(opportunityOf(spoken(30, 100), share(60, 100))?.value).toBeCloseTo(0.15, 12);
    expect(opportunityOf(spoken(100, 100), share(0, 50))).toMatchObject({
      value: 1,
      n: { stated: 100, revealed: 50 },
    });
  });

  it('is not known without both sides', () => {
    expect(opportunityOf(NOTHING, share(1, 2))).toBeNull();
    expect(opportunityOf(spoken(1, 2), null)).toBeNull();
  });

  it('has no interval where the best-worst score has none', () => {
    const maxdiff = {
      ...{ best: 1, worst: 0, shown: 1, error: null },
      score: { value: 1, interval: null, n: 1 },
    };
    expect(opportunityOf({ ...NOTHING, maxdiff }, share(1, 2))).toMatchObject({
      value: 0.5 + 0.25,
      interval: null,
    });
  });

  it('has the interval of the importance alone where use is surely greater', () => {
    // Then it is importance / 2: the ends are those of Jeffreys' interval for 30 of 100 (R: qbeta(c(.025, .975), 30.5, 70.5)), halved.
    const { interval } = opportunityOf(spoken(30, 100), share(99_000, 100_000)) ?? {};
    expect(interval?.[0]).toBeCloseTo(0.2167 / 2, 2);
    expect(interval?.[1]).toBeCloseTo(0.3946 / 2, 2);
  });

  it('lies with its ends in 0 to 1, its value between them, whatever the counts', () => {
    const counts = fc
      .integer({ min: 1, max: 5_000 })
      .chain((n) => fc.tuple(fc.integer({ min: 0, max: n }), fc.constant(n)));
    fc.assert(
      fc.property(counts, counts, ([mentions, people], [used, all]) => {
        const found = opportunityOf(spoken(mentions, people), share(used, all));
        const [lower, upper] = endsOf(found);
        expect(lower).toBeGreaterThanOrEqual(0);
        expect(upper).toBeLessThanOrEqual(1);
        expect(lower).toBeLessThan(upper);
        // Jeffreys' distribution leans inwards from a share of 0 or 1, so that the value may be just outside there.
        expect(found?.value).toBeGreaterThanOrEqual(lower - 1 / people - 1 / all);
        expect(found?.value).toBeLessThanOrEqual(upper + 1 / people + 1 / all);
      }),
      { numRuns: 60 },
    );
  });

  it('covers the true opportunity about as often as it says, also at the kink', () => {
    const random = mulberry(7);
    const draw = (p: number, n: number): number =>
      Array.from({ length: n }, random).filter((x) => x < p).length;
    for (const [importance, use] of [
      [0.7, 0.2],
      [0.5, 0.5],
      [0.2, 0.6],
    ] as const) {
      const truth = (importance + Math.max(importance - use, 0)) / 2;
      let covered = 0;
      const runs = 200;
      for (let i = 0; i < runs; i++) {
        const found = opportunityOf(spoken(draw(importance, 80), 80), share(draw(use, 300), 300));
        const [lower, upper] = endsOf(found);
        if (lower <= truth && truth <= upper) covered++;
      }
      // 95 % of 200 is 190 with a standard deviation of 3; at the kink the maximum makes it lean upwards.
      expect(covered).toBeGreaterThanOrEqual(178);
    }
  });
});

/** A seeded generator, so that a run repeats (T. Ettinger's mulberry32). */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
