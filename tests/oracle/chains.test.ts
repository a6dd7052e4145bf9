// Sequences, first events and traits that hold, in the model, against cases worked out by hand.
// Invariant: every expectation here is read off the contract, never off the collector.
import { describe, expect, it } from 'vitest';
import type { Condition, SequenceCondition } from '../../collector/src/wire/definitions.ts';
import type { JsonObject } from '../../collector/src/wire/message.ts';
import type { ModelMessage } from './history.ts';
import { changes, identify, inside, T0, told, track } from './tell.ts';

const HOUR = 3_600_000;

describe('sequence', () => {
  const chain = (sent: ModelMessage[], condition: SequenceCondition, at: number) =>
    inside(told(...sent), condition, at).length === 1;
  const a = (at: number) => track('u', 'a', at);
  const b = (at: number) => track('u', 'b', at);

  it('needs each step strictly after the one before, by time and then messageId', () => {
    const ab: SequenceCondition = { sequence: [{ event: 'a' }, { event: 'b' }] };
    const early = a(0);
    expect(chain([early, b(0)], ab, 0)).toBe(true);
    expect(chain([b(0), a(0)], ab, 0)).toBe(false);
    expect(chain([a(0)], { sequence: [{ event: 'a' }, { event: 'a' }] }, 0)).toBe(false);
    expect(chain([a(0), a(0)], { sequence: [{ event: 'a' }, { event: 'a' }] }, 0)).toBe(true);
  });

  it('ends a step at its within, which is out', () => {
    const ab: SequenceCondition = { sequence: [{ event: 'a' }, { event: 'b', within: '5s' }] };
    expect(chain([a(0), b(4_999)], ab, 9_000)).toBe(true);
    expect(chain([a(0), b(5_000)], ab, 9_000)).toBe(false);
    // Another first step may do what the earliest cannot, and the latest neither.
    expect(chain([a(0), a(3_000), b(5_000), a(6_000)], ab, 9_000)).toBe(true);
  });

  it('bounds every present step by the outer window', () => {
    const sliding: SequenceCondition = { sequence: [{ event: 'a' }, { event: 'b' }], within: '10s' };
    expect(changes(told(a(0), b(4_000)), sliding, 4_000, HOUR)).toEqual([['-', 10_000]]);
    const from = new Date(T0 + 1).toISOString();
    const to = new Date(T0 + 4_000).toISOString();
    const fixed: SequenceCondition = { ...sliding, within: { from, to } };
    expect(chain([a(1), b(4_000)], fixed, HOUR)).toBe(true);
    expect(chain([a(0), b(4_000)], fixed, HOUR)).toBe(false);
    expect(chain([a(1), b(4_001)], fixed, HOUR)).toBe(false);
  });

  it('holds an absent step from its instant on, if none came before it', () => {
    const gone: SequenceCondition = { sequence: [{ event: 'a' }, { absent: { event: 'b' }, within: '5s' }] };
    expect(changes(told(a(0)), gone, 0, HOUR)).toEqual([['+', 5_000]]);
    expect(changes(told(a(0), b(4_999)), gone, 0, HOUR)).toEqual([]);
    expect(changes(told(a(0), b(5_000)), gone, 0, HOUR)).toEqual([['+', 5_000]]);
    // What came before the step, or at its instant by an earlier id, stops nothing.
    expect(changes(told(b(0), a(0)), gone, 0, HOUR)).toEqual([['+', 5_000]]);
    expect(changes(told(a(0), b(0)), gone, 0, HOUR)).toEqual([]);
    // Some chain is enough.
    expect(changes(told(a(0), b(1_000), a(2_000)), gone, 0, HOUR)).toEqual([['+', 7_000]]);
  });

  it('lets the outer window end what an absent step began', () => {
    const gone: SequenceCondition = {
      sequence: [{ event: 'a' }, { absent: { event: 'b' }, within: '5s' }],
      within: '8s',
    };
    expect(changes(told(a(0)), gone, 0, HOUR)).toEqual([
      ['+', 5_000],
      ['-', 8_000],
    ]);
  });
});

describe('first', () => {
  it('asks for the first such event ever', () => {
    const fresh: Condition = { first: 'a', within: '10s' };
    expect(changes(told(track('u', 'a', 0), track('u', 'a', 8_000)), fresh, 0, HOUR)).toEqual([
      ['-', 10_000],
    ]);
    const big: Condition = { ...fresh, where: { path: 'properties.v', op: 'gte', value: 5 } };
    const sent = told(track('u', 'a', 0, { v: 1 }), track('u', 'a', 8_000, { v: 5 }));
    expect(inside(sent, big, 12_000)).toEqual(['user:u']);
  });
});

describe('trait for', () => {
  const held: Condition = { trait: 'plan', op: 'eq', value: 'pro', for: '10s' };

  it('holds after so long without a break', () => {
    expect(changes(told(identify('u', 0, { plan: 'pro' })), held, 0, HOUR)).toEqual([['+', 10_000]]);
    const broken = told(identify('u', 0, { plan: 'pro' }), identify('u', 10_000, { plan: 'free' }));
    expect(changes(broken, held, 0, HOUR)).toEqual([]);
    const resumed = told(
      identify('u', 0, { plan: 'pro' }),
      identify('u', 3_000, { plan: null }),
      identify('u', 4_000, { plan: 'pro' }),
    );
    expect(changes(resumed, held, 0, HOUR)).toEqual([['+', 14_000]]);
  });

  it('collapses several values at one instant to the last', () => {
    const at5 = [identify('u', 5_000, { plan: 'free' }), identify('u', 5_000, { plan: 'pro' })];
    expect(changes(told(identify('u', 0, { plan: 'pro' }), ...at5), held, 0, HOUR)).toEqual([['+', 10_000]]);
    // The first message alone makes nothing held: the person is not known before it.
    expect(changes(told(...at5), held, 0, HOUR)).toEqual([['+', 15_000]]);
  });

  it('takes a trait never set for missing since the first message', () => {
    const missing: Condition = { trait: 'plan', op: 'neq', value: 'pro', for: '10s' };
    expect(changes(told(track('u', 'e', 2_000)), missing, 0, HOUR)).toEqual([['+', 12_000]]);
    const set = told(track('u', 'e', 2_000), identify('u', 4_000, { plan: 'free' }));
    expect(changes(set, missing, 0, HOUR)).toEqual([['+', 12_000]]);
  });

  it('makes a relative comparison afresh at each moment', () => {
    // Within the last 20 s from 5 s to 25 s; for 10 s of that from 15 s on.
    const date = new Date(T0 + 5_000).toISOString();
    const recent: Condition = { trait: 'at', op: 'within_last', value: '20s', for: '10s' };
    expect(changes(told(identify('u', 0, { at: date })), recent, 0, HOUR)).toEqual([
      ['+', 15_000],
      ['-', 25_000],
    ]);
    // Within the next 4 s from 1 s to 5 s, its own instant excluded.
    const soon: Condition = { trait: 'at', op: 'within_next', value: '4s', for: '3s' };
    expect(changes(told(identify('u', 0, { at: date })), soon, 0, HOUR)).toEqual([
      ['+', 4_000],
      ['-', 5_000],
    ]);
  });

  it('finds a name with a dot by itself, else by walking', () => {
    const leaf: Condition = { trait: 'o.b.0', op: 'eq', value: 1 };
    const is = (traits: JsonObject) => inside(told(identify('u', 0, traits)), leaf, 0).length === 1;
    expect(is({ o: { b: [1] } })).toBe(true);
    expect(is({ 'o.b.0': 2, o: { b: [1] } })).toBe(false);
    expect(is({ 'o.b': [1] })).toBe(false);
  });
});
