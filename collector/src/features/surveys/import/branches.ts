// Branches between imported questions, written down once all questions are known.
// Invariant: a branch goes to a later question or to the end; one that cannot is noted and left out.
import { whereSchema } from '../../../wire/definition-words.ts';
import type { QuestionDefinition } from '../../../wire/survey-definition.ts';
import type { DraftQuestion, ImportNote, Next } from './imported.ts';

export type When = NonNullable<Next[number]['when']>;

/** Where a branch goes, in the source's words. */
export interface Jump {
  when?: When;
  /** A place among `Placed.names`, or `end`. */
  to: string;
  pointer: string;
}

/** A question of the source: one that is not carried over has no `question`. */
export interface Placed {
  /** What branches may call it. */
  names: readonly string[];
  question: DraftQuestion | null;
  jumps: readonly Jump[];
}

export const END = 'end';

/** The questions that are carried over, each with its branches. */
export function withBranches(placed: readonly Placed[], notes: ImportNote[]): QuestionDefinition[] {
  return placed.flatMap(({ question, jumps }, i) => {
    if (!question) {
      for (const { pointer } of jumps)
        notes.push({
          pointer,
          message: 'its branches went with the question. Set them on the one before it',
        });
      return [];
    }
    const next = jumps.flatMap((jump) => branchOf(jump, i, placed, notes));
    // The last branch only says what happens anyway.
    while (next.length > 0 && next[next.length - 1]?.when === undefined && isNext(next, i, placed))
      next.pop();
    return [next.length > 0 ? { ...question, next } : question];
  });
}

function branchOf({ when, to, pointer }: Jump, from: number, placed: readonly Placed[], notes: ImportNote[]) {
  if (when && !whereSchema.safeParse({ path: 'answer', ...when }).success) {
    notes.push({
      pointer,
      message: `its comparison "${when.op}" takes no such value and was left out. Write it anew`,
    });
    return [];
  }
  const go = to === END ? END : destination(to, from, placed);
  if (go !== null) return [{ ...(when ? { when } : {}), go }];
  notes.push({
    pointer,
    message:
      'a jump to an earlier question, or to none, was left out: a survey only goes forward. Ask that question again further down',
  });
  return [];
}

/** The question of that name, or the next one after it that is carried over. */
function destination(to: string, from: number, placed: readonly Placed[]): string | null {
  const place = placed.findIndex(({ names }) => names.includes(to));
  if (place <= from) return null;
  return placed.slice(place).find(({ question }) => question)?.question?.id ?? END;
}

function isNext(next: Next, from: number, placed: readonly Placed[]): boolean {
  const following = placed.slice(from + 1).find(({ question }) => question)?.question?.id ?? END;
  return next[next.length - 1]?.go === following;
}

/**
 * Comparisons that hold for exactly those answers of a few possible ones that `test` holds for; null stands for
 * no answer. One of them holds where the test does; none where it never does.
 */
export function whenAmong(
  possible: readonly (string | number)[],
  test: (answer: string | number | null) => boolean,
): { always: boolean; whens: When[] } {
  const holding = possible.filter(test);
  const isHoldingWithout = test(null);
  const all = holding.length === possible.length && possible.length > 0;
  if (all && isHoldingWithout) return { always: true, whens: [] };
  const whens: When[] = [];
  if (all) whens.push({ op: 'exists' });
  else if (holding.length === 1) whens.push({ op: 'eq', value: holding[0] as string | number });
  else if (holding.length > 1) whens.push({ op: 'in', value: holding });
  if (isHoldingWithout) whens.push({ op: 'not_exists' });
  return { always: false, whens };
}
