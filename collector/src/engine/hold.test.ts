// `trait ... for` over long histories, against the comparison made afresh at every millisecond.
// Invariant: no test here says how long something takes; they say how much is kept.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../wire/message.ts';
import { compileComparison, readTrait } from './comparison.ts';
import type { EngineMessage } from './filter.ts';
import { holdAt } from './hold.ts';
import { addToLeaf, createLeaf, type HoldLeaf, type HoldSpec, type LeafState, refoldLeaf } from './leaf.ts';
import { compareStamps } from './stamp.ts';

/** Writes of a row that are kept as they are, and what stands for all before them. */
const MOST_KEPT = 48;
/** Somebody who did something before they ever wrote a trait. */
const FIRST_SEEN = 3;
const LENGTHS = [1, 4, 40, 400];

function identify(time: number, id: number, traits: JsonObject): EngineMessage {
  const body: JsonObject = { type: 'identify', traits };
  return {
    stamp: [time, `m${String(id).padStart(4, '0')}`, 0],
    type: 'identify',
    event: null,
    groupId: null,
    body: () => body,
  };
}

const holdLeaf = (spec: Omit<HoldSpec, 'kind'>): HoldLeaf =>
  createLeaf(1, { kind: 'hold', ...spec }, LENGTHS) as HoldLeaf;

const inOrder = (messages: readonly EngineMessage[]): EngineMessage[] =>
  [...messages].sort((a, b) => compareStamps(a.stamp, b.stamp));

/** For how many milliseconds before `now` it has held, the one at `now` included; -1: it does not now. */
function heldFor(spec: Omit<HoldSpec, 'kind'>, messages: readonly EngineMessage[], now: number): number {
  const comparison = compileComparison(spec.op, spec.value);
  const traits = new Map<string, JsonValue>();
  const ordered = inOrder(messages);
  let next = 0;
  let held = -1;
  for (let at = FIRST_SEEN; at <= now; at++) {
    for (; next < ordered.length && (ordered[next]?.stamp[0] ?? 0) <= at; next++)
      for (const [key, value] of Object.entries(ordered[next]?.body().traits as JsonObject))
        traits.set(key, value);
    held = comparison.test(
      readTrait((key) => traits.get(key), spec.trait),
      at,
    )
      ? held + 1
      : -1;
  }
  return held;
}

function add(leaf: HoldLeaf, state: LeafState | undefined, sent: EngineMessage[], now: number): LeafState {
  const next = addToLeaf(leaf, state, sent[sent.length - 1] as EngineMessage, now);
  const asked = next && 'late' in next ? refoldLeaf(leaf, inOrder(sent), now) : (next ?? state);
  return asked as LeafState;
}

const date = (ms: number): string => new Date(ms).toISOString();

const cases: [name: string, spec: Omit<HoldSpec, 'kind'>, values: fc.Arbitrary<JsonObject>][] = [
  [
    'a value',
    { trait: 'plan', op: 'eq', value: 'pro' },
    fc.constantFrom({ plan: 'pro' }, { plan: 'pro' }, { plan: 'pro' }, { plan: 'free' }, { plan: null }),
  ],
  [
    'a value that is missing at first',
    { trait: 'plan', op: 'neq', value: 'pro' },
    fc.oneof(
      { weight: 60, arbitrary: fc.constantFrom({ plan: 'free' }, { plan: null }) },
      { weight: 1, arbitrary: fc.constant({ plan: 'pro' }) },
    ),
  ],
  [
    'a name with a dot',
    { trait: 'o.b', op: 'neq', value: 1 },
    fc.constantFrom<JsonObject>(
      { o: { b: 2 } },
      { o: { b: 1 } },
      { 'o.b': 2 },
      { 'o.b': null },
      { o: { b: 1 }, 'o.b': 2 },
    ),
  ],
  [
    'a date lately',
    { trait: 'at', op: 'within_last', value: '1s' },
    fc.integer({ min: -900, max: 300 }).map((ms) => ({ at: date(1_000 + ms) })),
  ],
  [
    'a date soon',
    { trait: 'at', op: 'within_next', value: '1s' },
    fc.integer({ min: 0, max: 400 }).map((ms) => ({ at: date(ms) })),
  ],
];

describe('a trait that holds for a while', () => {
  it.each(cases)('is exact over long histories and late writes: %s', (_, spec, values) => {
    const leaf = holdLeaf(spec);
    const write = fc.record({ traits: values, step: fc.integer({ min: 0, max: 4 }), late: fc.nat(99) });
    fc.assert(
      fc.property(fc.array(write, { minLength: 60, maxLength: 160 }), (writes) => {
        let now = FIRST_SEEN;
        let state: LeafState | undefined;
        const sent: EngineMessage[] = [];
        writes.forEach(({ traits, step, late }, i) => {
          now += step;
          const time = late < 10 ? Math.max(FIRST_SEEN, now - late * 8) : now;
          sent.push(identify(time, (i * 7_919) % 10_000, traits));
          state = add(leaf, state, sent, now);
          expect(state.h?.w.length).toBeLessThanOrEqual(MOST_KEPT);
        });
        const folded = refoldLeaf(leaf, inOrder(sent), now);
        for (const later of [0, 1, 3, 50, 400]) {
          const held = heldFor(spec, sent, now + later);
          for (const length of LENGTHS)
            for (const { h } of [state as LeafState, folded as LeafState])
              expect(holdAt(leaf.hold, h, FIRST_SEEN, length, now + later).holds).toBe(held >= length);
        }
      }),
      { numRuns: 40, endOnFailure: true },
    );
  });

  it('keeps a bounded row of a trait that flips all the time within the longest length', () => {
    const leaf = holdLeaf({ trait: 'plan', op: 'eq', value: 'pro' });
    let state: LeafState | undefined;
    for (let i = 0; i < 1_000; i++) {
      const message = identify(FIRST_SEEN, i, { plan: i % 2 === 0 ? 'pro' : 'free' });
      state = addToLeaf(leaf, state, message, FIRST_SEEN + 1) as LeafState;
      expect(state.h?.w.length).toBeLessThanOrEqual(MOST_KEPT);
    }
  });

  it('adds in place while a leaf is folded anew', () => {
    const leaf = holdLeaf({ trait: 'plan', op: 'eq', value: 'pro' });
    const first = addToLeaf(leaf, undefined, identify(4, 1, { plan: 'pro' }), 9, {
      refolding: true,
    }) as LeafState;
    const second = addToLeaf(leaf, first, identify(5, 2, { plan: 'free' }), 9, {
      refolding: true,
    }) as LeafState;
    expect(second.h).toBe(first.h);
    const third = addToLeaf(leaf, second, identify(6, 3, { plan: 'pro' }), 9) as LeafState;
    expect(third.h).not.toBe(second.h);
  });
});
