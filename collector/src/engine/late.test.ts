// Late messages folded from what is kept beside a row, against a refold of all messages.
// Invariant: what is kept goes through its stored form each time, in blocks of a few matches.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject, MessageType } from '../wire/message.ts';
import { answerSpan } from './answers.ts';
import type { EngineMessage } from './filter.ts';
import { holdAt } from './hold.ts';
import {
  addToLeaf,
  allMatches,
  createLeaf,
  type Leaf,
  type LeafSpec,
  type LeafState,
  leafOpening,
  refoldLeaf,
  refoldShed,
  rowHolds,
} from './leaf.ts';
import { sequenceAt } from './sequence.ts';
import {
  compareBlocks,
  createBlock,
  decodeBlock,
  encodeBlock,
  insertMatch,
  matchesIn,
  type ShedBlock,
  type ShedMatch,
  splitBlock,
  stampIn,
} from './shed.ts';
import { compareStamps } from './stamp.ts';

const START = Date.parse('2026-01-01T00:00:00Z');
const WINDOW = 4_000;
const BLOCK = 7;

const relative = { path: 'properties.at', op: 'within_next', value: '1s' } as const;
type Case = [name: string, spec: LeafSpec, windows: number[]];
const SPECS: Case[] = (
  [
    ['a chain', [{ event: 'A' }, { event: 'B', within: '1s' }, { event: 'C', within: '2s' }]],
    ['a chain without limits', [{ event: 'A' }, { event: 'B' }, { event: 'D' }]],
    ['an absence', [{ event: 'A' }, { absent: { event: 'C' }, within: '2s' }]],
    ['an absence for which many wait', [{ event: '*' }, { absent: { event: 'D' }, within: '3s' }]],
    ['a chain, then an absence', [{ event: 'A' }, { event: 'B' }, { absent: { event: 'D' }, within: '1s' }]],
    ['a step that depends on the clock', [{ event: 'A', where: relative }, { event: 'B' }]],
    [
      'an absence that depends on it',
      [{ event: 'B' }, { absent: { event: 'A', where: relative }, within: '2s' }],
    ],
  ] as const
).flatMap(([name, sequence]) =>
  (['ever', 'sliding', { from: START + 2_000, to: START + 9_000 }] as const).map(
    (reach): Case => [
      `${name}, ${typeof reach === 'string' ? reach : 'in a fixed range'}`,
      { kind: 'sequence', reach, sequence } as never as LeafSpec, // literals in place of parsed definitions
      reach === 'sliding' ? [WINDOW] : [],
    ],
  ),
);
SPECS.push(
  ['a held trait', { kind: 'hold', trait: 'plan', op: 'eq', value: 'pro' }, [1_000]],
  ['a held trait with a dot', { kind: 'hold', trait: 'o.b', op: 'neq', value: 'pro' }, [1_000]],
  ['a held date', { kind: 'hold', trait: 'at', op: 'within_next', value: '1s' }, [1_000]],
  ['an answer', { kind: 'answer', survey: 'nps', question: 'score', op: 'gte', value: 5 }, []],
  ['the latest surveys', { kind: 'recent', of: 'surveys', most: 3 }, []],
  ['the latest submissions', { kind: 'recent', of: { survey: 'nps', statuses: ['completed'] }, most: 3 }, []],
);

interface Said {
  wait: number;
  late: number;
  name: string;
  v: number;
}

function messageOf({ name, v }: Said, time: number, i: number): EngineMessage {
  const at = new Date(time + v * 400).toISOString();
  const plan = v > 3 ? 'free' : 'pro';
  const bodies: Record<string, JsonObject> = {
    identify: { traits: v === 0 ? { o: { b: plan } } : { plan, at, 'o.b': v === 1 ? null : plan } },
    survey: {
      surveyId: 'nps',
      submissionId: `s${v < 3 ? i : i % 40}`,
      answers: { score: v % 3 === 0 ? null : v },
    },
  };
  const body: JsonObject = bodies[name] ?? { properties: { at } };
  return {
    stamp: [time, `m${(i * 7_919) % 10_007}`, 0],
    type: (name in bodies ? name : 'track') as MessageType,
    event: name in bodies ? null : name,
    groupId: null,
    body: () => body,
  };
}

/** A row and what is kept beside it, as the lane keeps it. */
function createPerson(leaf: Leaf) {
  let state: LeafState | undefined;
  let stored: ReturnType<typeof encodeBlock>[] = [];
  let refolds = 0;
  let keeps = false;
  const keep = (matches: readonly ShedMatch[]): void => {
    keeps = true;
    if (matches.length > 0) stored.push(encodeBlock(createBlock(matches)));
  };
  const refold = (late: readonly ShedMatch[], now: number): void => {
    refolds++;
    const blocks = stored.map(decodeBlock).sort(compareBlocks);
    for (const match of late) {
      if (!state || rowHolds(leaf, state, match.stamp)) continue;
      let at = blocks.length - 1;
      while (at > 0 && compareStamps(stampIn(blocks[at] as ShedBlock, 0), match.stamp) > 0) at--;
      const block = blocks[at];
      if (!block) blocks.push(createBlock([match]));
      else if (insertMatch(block, match) && block.times.length > BLOCK)
        blocks.splice(at + 1, 0, createBlock(splitBlock(block, 3)));
    }
    stored = blocks.map(encodeBlock);
    state = { ...refoldShed(leaf, state ?? {}, blocks, now, keep), k: [0, 0] };
  };
  return {
    get state() {
      return state;
    },
    get refolds() {
      return refolds;
    },
    add(message: EngineMessage, now: number): void {
      const next = addToLeaf(leaf, state, message, now, { shed: keep });
      if (next && 'late' in next) refold([next.late], now);
      else if (next && !('key' in next)) state = next;
      if (state && keeps) state.k = [0, 0];
    },
    /** Lets time pass as the lane does. */
    settle(until: number): void {
      for (;;) {
        const opening = state ? leafOpening(leaf, state, until) : Number.POSITIVE_INFINITY;
        if (opening > until) return;
        refold([], opening);
      }
    },
    matches: () => stored.map(decodeBlock).flatMap(matchesIn),
  };
}

function meaning(leaf: Leaf, state: LeafState | undefined, now: number): unknown {
  if (leaf.kind === 'sequence') return sequenceAt(leaf.sequence, state?.q, WINDOW, now);
  if (leaf.kind === 'hold') return holdAt(leaf.hold, state?.h, START, 1_000, now);
  return leaf.kind === 'recent' ? state?.r : answerSpan(state?.s);
}

const inOrder = (messages: readonly EngineMessage[]): EngineMessage[] =>
  [...messages].sort((a, b) => compareStamps(a.stamp, b.stamp));
const lines = (matches: readonly ShedMatch[] | null): string[] | null =>
  matches?.map((match) => JSON.stringify(match)).sort() ?? null;

describe('a late message', () => {
  let refolds = 0;
  let cut = 0;
  it.each(SPECS)('is folded as if it had come in time: %s', (_, spec, windows) => {
    const leaf = createLeaf(1, spec, windows);
    const survey = ['survey'];
    const names = {
      sequence: ['A', 'A', 'B', 'C'],
      hold: ['identify'],
      answer: survey,
      recent: survey,
      aggregate: [],
    };
    const said = fc.record({
      wait: fc.constantFrom(0, 0, 0, 1, 40, 200),
      late: fc.constantFrom(0, 0, 0, 0, 0, 0, 90, 1_500, 3_990, 9_000),
      name: fc.constantFrom(...names[spec.kind]),
      v: fc.nat({ max: 6 }),
    });
    fc.assert(
      fc.property(fc.array(said, { minLength: 120, maxLength: 260, size: 'max' }), (all) => {
        const person = createPerson(leaf);
        const messages: EngineMessage[] = [];
        let now = START + 3_000;
        all.forEach((one, i) => {
          now += one.wait;
          person.settle(now);
          const message = messageOf(one, Math.max(START, now - one.late), i);
          messages.push(message);
          person.add(message, now);
          if (person.state?.q?.m === 1) cut++;
          if (i % 20 > 0) return;
          const kept: ShedMatch[] = [];
          const fresh = refoldLeaf(leaf, inOrder(messages), now, (matches) => kept.push(...matches));
          const [a, b] = [meaning(leaf, person.state, now), meaning(leaf, fresh, now)];
          expect(a).toEqual(b);
          const found = allMatches(leaf, person.state ?? {}, person.matches(), now);
          const due = allMatches(leaf, fresh ?? {}, kept, now);
          if (found && due) expect(lines(found)).toEqual(lines(due));
        });
        for (let later = 0; later < 12; later++) {
          now += 470;
          person.settle(now);
          const fresh = refoldLeaf(leaf, inOrder(messages), now);
          expect(meaning(leaf, person.state, now)).toEqual(meaning(leaf, fresh, now));
        }
        refolds += person.refolds;
      }),
      { numRuns: 30, endOnFailure: true },
    );
  });

  it('was folded from what is kept in these tests', () => {
    expect(refolds).toBeGreaterThan(SPECS.length * 100);
    // Rows that could not hold all chains that waited.
    expect(cut).toBeGreaterThan(100);
  });
});

it('a row stays small however many matches may still mean something else', () => {
  const leaf = createLeaf(
    1,
    {
      kind: 'sequence',
      reach: 'ever',
      sequence: [{ event: 'A', where: relative }, { event: 'B' }],
    },
    [],
  );
  const person = createPerson(leaf);
  for (let i = 0; i < 400; i++) {
    const body = { properties: { at: new Date(START + 9_000_000 + i).toISOString() } };
    const message = messageOf({ wait: 0, late: 0, name: 'A', v: 0 }, START + i, i);
    person.add({ ...message, body: () => body }, START + i);
    expect(person.state?.q?.t.length).toBeLessThanOrEqual(96);
  }
  const b = messageOf({ wait: 0, late: 0, name: 'B', v: 0 }, START + 500, 500);
  person.add(b, START + 500);
  expect(meaning(leaf, person.state, START + 500)).toEqual({ holds: false, due: START + 9_000_000 - 1_000 });
  person.settle(START + 9_000_000 - 1_000);
  expect(meaning(leaf, person.state, START + 9_000_000 - 1_000)).toMatchObject({ holds: true });
});

describe('a block that is not one', () => {
  const block = encodeBlock(createBlock([{ stamp: [1, 'm', 0], what: 1 }]));
  it.each([
    { ...block, body: '{' },
    { ...block, body: '[[1],[]]' },
    { ...block, ids: '[]' },
    { body: '[[],[]]', ids: '[]' },
  ])('is refused: %s', (stored) => {
    expect(() => decodeBlock(stored)).toThrow();
  });
});
