// Summaries of windows over many values.
// Invariant: no test here says how long something takes; they count how often a summary is copied.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../wire/message.ts';
import { type AggregateState, addToAggregate, createAggregateLeaf, summaryOf } from './aggregate-leaf.ts';
import { type Aggregate, aggregateNamed } from './aggregates.ts';
import type { Block } from './blocks.ts';
import type { EngineMessage } from './filter.ts';
import { addToWindow, windowSummary } from './window.ts';

const WINDOW = 1_000_000;

/** The aggregate, counting the copies that its merging makes. */
function counting(name: 'values' | 'days'): { aggregate: Aggregate; copies: () => number } {
  const plain = aggregateNamed(name);
  let copies = 0;
  const aggregate: Aggregate = {
    ...plain,
    merge(a, b) {
      copies++;
      return plain.merge(a, b);
    },
  };
  return { aggregate, copies: () => copies };
}

function fill(aggregate: Aggregate, n: number, value: (i: number) => number): Block[] {
  let blocks: Block[] = [];
  for (let i = 0; i < n; i++)
    blocks = addToWindow(aggregate, [WINDOW], blocks, { stamp: [i, `m${i}`, 0], value: value(i) }, n);
  return blocks;
}

describe('a window over many values', () => {
  it.each(['values', 'days'] as const)('is summed up with one copy: %s', (name) => {
    const { aggregate, copies } = counting(name);
    const blocks = fill(aggregate, 3_000, (i) => i);
    const before = structuredClone(blocks);
    const copied = copies();
    windowSummary(aggregate, blocks, WINDOW, 3_000);
    expect(copies() - copied).toBe(1);
    expect(blocks).toEqual(before);
  });

  it('sums up what merging part by part would', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40), { minLength: 1, maxLength: 600 }), fc.nat(700), (numbers, edge) => {
        const aggregate = aggregateNamed('values');
        const blocks = fill(aggregate, numbers.length, (i) => numbers[i] as number);
        // An edge inside a sealed block is never asked about: see `nextOpening`.
        const sealed = blocks.filter((block) => 'n' in block && block.f <= edge && edge < block.t);
        fc.pre(sealed.length === 0);
        const counts: Record<string, number> = {};
        numbers.forEach((value, i) => {
          if (i > edge) counts[value] = (counts[value] ?? 0) + 1;
        });
        const summary = windowSummary(aggregate, blocks, WINDOW, edge + WINDOW);
        expect(summary ?? {}).toEqual(counts);
      }),
      { numRuns: 100 },
    );
  });

  it('copies once for what still changes with the clock, and leaves what is settled alone', () => {
    const where = { path: 'properties.at', op: 'within_next', value: '1d' } as const;
    const spec = { kind: 'aggregate', event: 'e', where, property: 'v', reach: 'ever' } as const;
    const { aggregate, copies } = counting('values');
    const leaf = { ...createAggregateLeaf(1, { ...spec, aggregate: 'values' }, []), aggregate };
    const state: AggregateState = { a: { '1': 5, '2': 1 } };
    let waiting: AggregateState = state;
    for (let i = 0; i < 200; i++) {
      const body: JsonObject = { properties: { v: i, at: '1970-01-01T12:00:00Z' } };
      const message: EngineMessage = {
        stamp: [i, `m${i}`, 0],
        type: 'track',
        event: 'e',
        groupId: null,
        body: () => body,
      };
      waiting = addToAggregate(leaf, waiting, message, 300) as AggregateState;
    }
    const copied = copies();
    const summary = summaryOf(leaf, waiting, null, 300) as Record<string, number>;
    expect(copies() - copied).toBe(1);
    expect([summary['1'], summary['2'], summary['199']]).toEqual([6, 2, 1]);
    expect(state.a).toEqual({ '1': 5, '2': 1 });
  });
});
