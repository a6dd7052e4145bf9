// What a submission's messages say together does not depend on their order, nor grow for ever.
// Invariant: checked against a plain sort of all writes.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_ANSWERS } from '../wire/message.ts';
import type { Stamp } from './stamp.ts';
import { compareStamps } from './stamp.ts';
import { emptySubmission, foldResponse, joinSubmissions, viewSubmission } from './submission.ts';

interface Said {
  stamp: Stamp;
  status: 'shown' | 'started' | 'partial' | 'completed' | 'dismissed';
  answers: Record<string, number | null>;
}
const said = fc
  .record({
    time: fc.integer({ min: 1, max: 5 }),
    id: fc.integer({ min: 0, max: 1_000 }),
    status: fc.constantFrom('shown', 'started', 'partial', 'completed', 'dismissed'),
    // Some names many, so that a submission has more than it keeps.
    answers: fc.oneof(
      fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.option(fc.integer())),
      fc
        .tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 1, max: 150 }))
        .map(([from, count]) =>
          Object.fromEntries(Array.from({ length: count }, (_, i) => [`q${from + i}`, i])),
        ),
    ),
  })
  .map(
    ({ time, id, status, answers }): Said => ({
      stamp: [time, `m${id}`, 0],
      status,
      answers: { ...answers },
    }),
  );
const all = fc.uniqueArray(said, { selector: ({ stamp }) => stamp.join(), maxLength: 12 });

function folded(messages: readonly Said[]) {
  const state = emptySubmission();
  for (const { stamp, status, answers } of messages)
    foldResponse(state, { survey: 's', submission: 'x', status, fields: { answers } }, { stamp });
  return state;
}

describe('a submission', () => {
  it('is what the newest write of each of its first questions says, in any order and from any parts', () => {
    fc.assert(
      fc.property(all, fc.nat(), (messages, cut) => {
        const inOrder = [...messages].sort((a, b) => compareStamps(a.stamp, b.stamp));
        const newest = Object.assign({}, ...inOrder.map(({ answers }) => answers)) as Said['answers'];
        const kept = Object.keys(newest).sort().slice(0, MAX_ANSWERS);
        const expected = Object.fromEntries(
          kept.filter((name) => newest[name] !== null).map((name) => [name, newest[name]]),
        );
        const view = viewSubmission(folded(messages));
        expect(view.answers).toEqual(expected);
        expect(viewSubmission(folded([...messages].reverse()))).toEqual(view);
        const at = messages.length === 0 ? 0 : cut % messages.length;
        const joined = folded(messages.slice(0, at));
        joinSubmissions(joined, folded(messages.slice(at)));
        expect(viewSubmission(joined)).toEqual(view);
      }),
    );
  });

  it('got as far as any of its messages says', () => {
    const status = (...all: Said['status'][]) =>
      viewSubmission(folded(all.map((one, i) => ({ stamp: [i, `${i}`, 0], status: one, answers: {} }))))
        .status;
    expect(status('completed', 'shown', 'dismissed')).toBe('completed');
    expect(status('dismissed', 'partial')).toBe('dismissed');
    expect(status('shown', 'partial', 'started')).toBe('partial');
    expect(status('started', 'shown')).toBe('started');
    expect(viewSubmission(folded([{ stamp: [1, 'a', 0], status: 'shown', answers: { q: 1 } }])).status).toBe(
      'partial',
    );
  });
});
