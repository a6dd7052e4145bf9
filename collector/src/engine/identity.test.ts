// Device timelines of many runs, a till that many share, and users of many devices.
// Invariant: no test here says how long something takes; they count how often a run's stamp is looked at.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../tests/random.ts';
import {
  addLink,
  countingPairs,
  covers,
  isSameTimeline,
  MAX_PROFILE_IDS,
  movesBetween,
  ownerAt,
  type Pair,
  pairKey,
  pushedOut,
  type Run,
  resolveIdentities,
  runCutBy,
  tidy,
} from './identity.ts';
import { compareStamps, type Stamp } from './stamp.ts';

const RUNS = 4_000;
const at = (time: number): Stamp => [time, 'm', 0];

/** Runs of two users in turn, one a second, that count how often their stamps are read. */
function sharedDevice(): { timeline: Run[]; looks: () => number } {
  let looks = 0;
  const timeline = Array.from({ length: RUNS }, (_, i) => ({
    user: i % 2,
    get stamp(): Stamp {
      looks++;
      return at(i * 1_000);
    },
  }));
  return { timeline, looks: () => looks };
}

describe('a device of many runs', () => {
  it.each([
    ['at its end', RUNS * 1_000],
    ['in the middle', (RUNS / 2) * 1_000 + 1],
    ['before its first run', -1],
  ])('is asked and linked %s by looking at a few runs', (_, time) => {
    const { timeline, looks } = sharedDevice();
    ownerAt(timeline, at(time));
    runCutBy(timeline, at(time), 7);
    addLink(timeline, at(time), 7, null);
    expect(looks()).toBeLessThan(50);
  });

  it('is compared with what it becomes by looking at each run no more than a few times', () => {
    const { timeline, looks } = sharedDevice();
    const appended = addLink(timeline, at(RUNS * 1_000), 7, null);
    const others = sharedDevice();
    movesBetween(timeline, [...others.timeline, ...appended.slice(RUNS)]);
    expect(looks() + others.looks()).toBeLessThan(10 * RUNS);
  });

  it('stays the very same where a link changes nothing', () => {
    const timeline = tidy([{ stamp: at(1), user: 1 }]);
    expect(addLink(timeline, at(2), 1, null)).toBe(timeline);
  });

  const runs = fc
    .uniqueArray(fc.record({ time: fc.nat(30), user: fc.integer({ min: 1, max: 3 }) }), {
      selector: ({ time }) => time,
      maxLength: 20,
    })
    .map((list) => tidy(list.map(({ time, user }) => ({ stamp: at(time), user }))));

  it('moves from whom it belonged to before to whom it belongs to after, and nothing else', () => {
    const plainOwner = (timeline: readonly Run[], stamp: Stamp): number | null =>
      (timeline.findLast((run) => compareStamps(run.stamp, stamp) <= 0) ?? timeline[0])?.user ?? null;
    fc.assert(
      fc.property(runs, runs, (before, after) => {
        const moves = movesBetween(before, after);
        for (let time = -1; time <= 32; time++) {
          const owners = { before: plainOwner(before, at(time)), after: plainOwner(after, at(time)) };
          const covering = moves.filter((move) => covers(move, at(time)));
          const expected = owners.before === owners.after ? [] : [owners];
          expect(covering.map((move) => ({ before: move.before, after: move.after }))).toEqual(expected);
        }
        expect(isSameTimeline(before, after)).toBe(JSON.stringify(before) === JSON.stringify(after));
      }),
      { numRuns: 300 },
    );
  });
});

describe('devices past the cap of a user', () => {
  it('are those that all pairs together leave out, in whatever order they came', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = createRandom(seed);
        const all = new Map<number, Pair>();
        let counting: Map<number, Pair> | null = null;
        for (let done = 0; done < 3 * MAX_PROFILE_IDS; done++) {
          const device = random.below(2 * MAX_PROFILE_IDS);
          const time = random.below(5_000);
          const trusted = random.chance(0.3);
          const held = all.get(device) ?? { user: 1, device, trusted: null, plain: null };
          const kind = trusted ? 'trusted' : 'plain';
          const stamp: Stamp = [time, `m${device}`, 0];
          const first = held[kind];
          const pair = { ...held, [kind]: first && compareStamps(first, stamp) <= 0 ? first : stamp };
          all.set(device, pair);
          if (counting) {
            const out = pushedOut(counting, pair);
            if (out !== device) counting.set(device, pair);
            if (out !== null) counting.delete(out);
          } else if (all.size >= MAX_PROFILE_IDS - 1) counting = countingPairs(all.values());
        }
        const { refusedPairs } = resolveIdentities([1], [], [...all.values()]);
        const left = [...all.keys()].filter((device) => !(counting ?? all).has(device));
        expect(left.length).toBeGreaterThan(0);
        expect(left.map((device) => pairKey(1, device)).sort()).toEqual([...refusedPairs].sort());
        expect(counting ?? all).toEqual(countingPairs(all.values()));
      }),
      { numRuns: 20 },
    );
  });
});
