// Device timelines of many runs, a till that many share, and users of many devices.
// Invariant: no test here says how long something takes; those about cost count how often a run's stamp is looked at.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom, type Random } from '../../../tests/random.ts';
import {
  addLink,
  countingPairs,
  covers,
  isSameTimeline,
  type Merge,
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

/** A random first link, and what is known of the pair with it. Many have one stamp. */
function drawPair(random: Random, user: number, held: Pair | undefined, device: number): Pair {
  const kind = random.chance(0.3) ? 'trusted' : 'plain';
  const stamp: Stamp = [random.below(30), `m${random.below(3)}`, 0];
  // Names in another order than numbers.
  const pair = held ?? { user, device, name: `d${99 - device}`, trusted: null, plain: null };
  const first = pair[kind];
  return { ...pair, [kind]: first && compareStamps(first, stamp) <= 0 ? first : stamp };
}

describe('devices past the cap', () => {
  const caps = { ids: 8, merges: 2 };

  it('of one user are those that all pairs together leave out, in whatever order they came', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = createRandom(seed);
        const all = new Map<number, Pair>();
        let counting: Map<number, Pair> | null = null;
        for (let done = 0; done < 40; done++) {
          const device = random.below(20);
          const pair = drawPair(random, 1, all.get(device), device);
          all.set(device, pair);
          if (counting) {
            const out = pushedOut(counting, pair, caps);
            counting.set(device, pair);
            if (out !== null) counting.delete(out);
          } else if (all.size >= caps.ids - 1) counting = countingPairs(all.values(), caps);
        }
        const { devicesOf, flagged } = resolveIdentities([1], [], [...all.values()], caps);
        expect(all.size).toBeGreaterThan(caps.ids);
        expect(new Set(counting?.keys())).toEqual(devicesOf(1));
        expect(devicesOf(1).size).toBe(caps.ids - 1);
        expect(flagged).toEqual(new Set([1]));
        expect(counting).toEqual(countingPairs(all.values(), caps));
      }),
      { numRuns: 300 },
    );
  });

  it('of merged users are the same where only those of each are looked at that may count', () => {
    let refused = 0;
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = createRandom(seed);
        const users = [1, 2, 3, 4];
        const all = new Map<string, Pair>();
        for (let done = 0; done < 40; done++) {
          const [user, device] = [random.pick(users), random.below(20)];
          const key = pairKey(user, device);
          all.set(key, drawPair(random, user, all.get(key), device));
        }
        const merges = Array.from({ length: random.below(4) }, (_, i): Merge => {
          const [from, into] = [random.pick(users), random.pick(users)];
          return { from, into, stamp: [random.below(30), `merge${i}`, 1] };
        });
        const pairs = [...all.values()];
        const some = users.flatMap((user) => [
          ...countingPairs(
            pairs.filter((pair) => pair.user === user),
            caps,
          ).values(),
        ]);
        const whole = resolveIdentities(users, merges, pairs, caps);
        const part = resolveIdentities(users, merges, some, caps);
        refused += whole.refusedMerges.size;
        expect(part.root).toEqual(whole.root);
        expect(part.refusedMerges).toEqual(whole.refusedMerges);
        for (const user of users) expect(part.devicesOf(user)).toEqual(whole.devicesOf(user));
      }),
      { numRuns: 500 },
    );
    expect(refused).toBeGreaterThan(0);
  });

  it('come after the links of the very message that merges', () => {
    const stamp: Stamp = [5, 'm', 1];
    const own: Pair = { user: 2, device: 7, name: 'd7', trusted: stamp, plain: null };
    const first: Pair = { user: 1, device: 6, name: 'd6', trusted: [1, 'm', 1], plain: null };
    const { refusedMerges } = resolveIdentities([1, 2], [{ from: 1, into: 2, stamp }], [own, first], {
      ids: 3,
      merges: 1,
    });
    expect(refusedMerges.size).toBe(1);
  });
});
