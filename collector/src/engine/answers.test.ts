// Survey answers over long histories, against the rule read off the contract.
// Invariant: no test here says how long something takes; they say how much is copied.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../wire/message.ts';
import { type AnswersState, addToAnswers, answerSpan } from './answers.ts';
import { compileComparison } from './comparison.ts';
import type { EngineMessage } from './filter.ts';
import { addToLeaf, createLeaf, type LeafState, refoldLeaf } from './leaf.ts';

const QUESTION = { survey: 'nps', question: 'score' };
const comparison = compileComparison('gte', 5);
const leaf = createLeaf(1, { kind: 'answer', ...QUESTION, op: 'gte', value: 5 }, []);

function answer(time: number, submissionId: string, score: number | null): EngineMessage {
  const body: JsonObject = { type: 'survey', surveyId: 'nps', submissionId, answers: { score }, userId: 'u' };
  return {
    stamp: [time, `m${time}`, 0],
    type: 'survey',
    event: null,
    groupId: null,
    body: () => body,
  };
}

/** The newest answer that is not null among the newest of each submission. */
function expected(answers: readonly { submission: number; score: number | null }[]): 0 | 1 | undefined {
  const newest = new Map<number, { at: number; score: number | null }>();
  answers.forEach(({ submission, score }, at) => {
    newest.set(submission, { at, score });
  });
  const counting = [...newest.values()].filter(({ score }) => score !== null).sort((a, b) => b.at - a.at);
  const score = counting[0]?.score;
  return score == null ? undefined : score >= 5 ? 1 : 0;
}

describe('survey answers', () => {
  it('are added in place while a leaf is folded anew, whatever their number', () => {
    let state: AnswersState | undefined;
    for (let i = 0; i < 40; i++) {
      const next = addToAnswers(QUESTION, comparison, state, answer(i, `s${i}`, i), true);
      if (state) expect(next).toBe(state);
      state = next as AnswersState;
    }
    expect(Object.keys((state as AnswersState).s)).toHaveLength(40);
  });

  it('leave what they were added to alone outside of a refold', () => {
    const before = addToAnswers(QUESTION, comparison, undefined, answer(1, 's1', 9)) as AnswersState;
    const kept = structuredClone(before);
    addToAnswers(QUESTION, comparison, before, answer(2, 's2', 9));
    expect(before).toEqual(kept);
  });

  it('are not folded anew for each that clears nothing, once others were let go', () => {
    let state: LeafState | undefined;
    const shed = (): void => {};
    let late = 0;
    for (let i = 0; i < 300; i++) {
      const next = addToLeaf(leaf, state, answer(i, `s${i}`, null), i, { shed });
      if (next && 'late' in next) late++;
      else state = (next as LeafState | null) ?? state;
    }
    expect(state?.s?.n).toBeDefined();
    expect(late).toBe(0);
  });

  it('say what counts after long histories, also where newer answers are cleared one by one', () => {
    const step = fc.record({
      submission: fc.integer({ min: 0, max: 40 }),
      score: fc.option(fc.integer({ min: 0, max: 9 }), { freq: 2 }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 100, maxLength: 300 }), (steps) => {
        const messages = steps.map(({ submission, score }, i) => answer(i, `s${submission}`, score));
        expect(answerSpan(refoldLeaf(leaf, messages, 1_000)?.s)).toBe(expected(steps));
        let state: LeafState | undefined;
        messages.forEach((message, i) => {
          const next = addToLeaf(leaf, state, message, 1_000);
          const asked = next && 'late' in next ? refoldLeaf(leaf, messages.slice(0, i + 1), 1_000) : next;
          if (asked && !('key' in asked)) state = asked;
        });
        expect(answerSpan(state?.s)).toBe(expected(steps));
      }),
      { numRuns: 50 },
    );
  });

  it('keep a row small after a refold of thousands', () => {
    const messages = Array.from({ length: 5_000 }, (_, i) => answer(i, `s${i}`, i % 10));
    const state = refoldLeaf(leaf, messages, 10_000)?.s as AnswersState;
    expect(Object.keys(state.s).length).toBeLessThanOrEqual(16);
    expect(answerSpan(state)).toBe(1);
  });
});
