// Values of sliding windows that left the row: counted in and out, against a look at all messages.
// Invariant: times are coarse, so that many entries lie on an edge, in one block, and leave at one instant.
import { expect, it } from 'vitest';
import { createRandom } from '../../../tests/random.ts';
import { seedFrom } from '../../../tests/seed.ts';
import { type AggregateState, aggregateOpening, createAggregateLeaf } from './aggregate-leaf.ts';
import { type Entry, UNSUMMED } from './aggregates.ts';
import type { Block } from './blocks.ts';
import { afterDepartures, countInWindow, departingAt } from './spilled-windows.ts';
import { addToWindow, blocksOpeningAt, openBlock } from './window.ts';

const SEED = seedFrom(process.env.TIDEMARK_WINDOWS_SEED);
const WINDOWS = [500, 2_000, 6_000];
const leaf = createAggregateLeaf(
  1,
  { kind: 'aggregate', event: 'e', where: undefined, aggregate: 'values', property: 'v', reach: 'sliding' },
  WINDOWS,
);

/** Most exact entries: the newest, and some before and behind each edge, with all of one time. */
function play(
  seed: number,
  { step, perStep, values }: { step: number; perStep: number; values: number },
): number {
  const random = createRandom(seed);
  const all: Entry[] = [];
  const counts = WINDOWS.map(() => new Map<string, number>());
  let state: AggregateState = {};
  let now = 100_000;
  let most = 0;

  function count(key: string, window: number, by: 1 | -1): void {
    const before = counts[window]?.get(key) ?? 0;
    counts[window]?.set(key, before + by);
    state = countInWindow(state, { key, window }, before, by);
  }
  function advance(until: number): void {
    for (let at = aggregateOpening(leaf, state, now); at <= until; at = aggregateOpening(leaf, state, now)) {
      expect(at).toBeGreaterThan(now);
      now = at;
      for (const block of blocksOpeningAt(state.b ?? [], WINDOWS, at, { known: true })) {
        const inside = all.filter(({ stamp }) => block.f <= stamp[0] && stamp[0] <= block.t);
        state = { ...state, b: openBlock(UNSUMMED, WINDOWS, state.b as Block[], block, inside, at) };
      }
      for (const { key, window } of departingAt(leaf, state, at)) count(key, window, -1);
      state = afterDepartures(leaf, state, at);
    }
    now = until;
  }
  function check(): void {
    WINDOWS.forEach((window, i) => {
      const plain = new Map<string, number>();
      for (const { stamp, value } of all)
        if (stamp[0] > now - window && stamp[0] <= now)
          plain.set(JSON.stringify(value), (plain.get(JSON.stringify(value)) ?? 0) + 1);
      const counted = new Map([...(counts[i] as Map<string, number>)].filter(([, n]) => n !== 0));
      expect([...counted].sort(), `window ${window} at ${now}`).toEqual([...plain].sort());
      expect(state.o?.[i]?.n ?? 0).toBe(plain.size);
    });
    const exact = (state.b ?? []).reduce((sum, block) => sum + ('e' in block ? block.e.length : 0), 0);
    most = Math.max(most, exact);
  }

  for (let i = 0; i < 12_000; i++) {
    if (i % perStep === 0) advance(now + random.below(3) * step);
    const late = random.chance(0.1) ? random.below(300) * step : 0;
    const time = now - late;
    const entry: Entry = { stamp: [time, `m${i}`, 0], value: random.below(values) };
    all.push(entry);
    if (time > now - 6_000) {
      state = { o: WINDOWS.map(() => ({ n: 0, top: null })), ...state };
      state.b = addToWindow(UNSUMMED, WINDOWS, state.b ?? [], entry, now);
      WINDOWS.forEach((window, j) => {
        if (time > now - window) count(JSON.stringify(entry.value), j, 1);
      });
    }
    if (i % 500 === 0) check();
  }
  for (let i = 0; i < 40; i++) {
    advance(now + random.below(300));
    check();
  }
  advance(now + 7_000);
  check();
  expect(state.b, 'nothing is left').toBeUndefined();
  return most;
}

it('keep what is of one time in one block in front of an edge, however much it is', () => {
  let blocks: Block[] = [];
  const add = (time: number, i: number): void => {
    const entry: Entry = { stamp: [time, `m${i}`, 0], value: i };
    blocks = addToWindow(UNSUMMED, [1_000, 5_000], blocks, entry, 10_000);
  };
  // The edge of the short window, at 9,000, lies between two of these.
  for (let i = 0; i < 60; i++) add(8_900 + 5 * i, i);
  for (let i = 60; i < 5_000; i++) add(9_300, i);
  for (let i = 5_000; i < 5_300; i++) add(9_301 + i - 5_000, i);
  const exact = blocks.reduce((sum, block) => sum + ('e' in block ? block.e.length : 0), 0);
  expect(exact).toBeLessThan(400);
  expect(blocks).toContainEqual({ f: 9_300, t: 9_300, n: 4_940, a: 0 });
});

it.each([
  { step: 20, perStep: 12, values: 50 },
  { step: 1, perStep: 1, values: 2_000 },
  { step: 100, perStep: 150, values: 300 },
  { step: 500, perStep: 90, values: 20 },
])(`are exact with $perStep entries each $step ms (TIDEMARK_WINDOWS_SEED=${SEED})`, (options) => {
  for (let seed = SEED; seed < SEED + 3; seed++) {
    const ofOneTime = 3 * options.perStep;
    expect(play(seed, options)).toBeLessThan(128 + WINDOWS.length * 2 * (64 + ofOneTime));
  }
});
