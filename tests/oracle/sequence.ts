// Chains of events, and the first event of a kind (contract section 6).
// Invariant: "after" is always message order, never the order of arrival.
import type {
  AbsentStep,
  PresentStep,
  SequenceCondition,
  Within,
} from '../../collector/src/wire/definitions.ts';
import { msOf } from './comparison.ts';
import { inOrder, type ModelMessage } from './history.ts';
import { inWindow, matching, type Selection } from './selection.ts';

/** Whether some chain of these messages goes through all steps. */
export function hasSequence(
  { sequence, within }: SequenceCondition,
  messages: readonly ModelMessage[],
  now: number,
): boolean {
  const present = sequence.filter((step): step is PresentStep => 'event' in step);
  const absent = sequence.find((step): step is AbsentStep => 'absent' in step);
  // For each step, the messages at which some chain through all the steps before it can arrive.
  let ends: ModelMessage[] = [];
  for (const [index, step] of present.entries()) {
    const candidates = matching({ event: step.event, where: step.where, within }, messages, now);
    ends =
      index === 0
        ? candidates
        : candidates.filter((next) => ends.some((last) => follows(last, next, step.within)));
  }
  if (absent === undefined) return ends.length > 0;
  const unwanted = matching(absent.absent, messages, now);
  return ends.some(
    (last) => isOver(last, absent) && !unwanted.some((next) => follows(last, next, absent.within)),
  );

  function follows(last: ModelMessage, next: ModelMessage, limit: string | undefined): boolean {
    return inOrder(last, next) < 0 && (limit === undefined || next.time < last.time + msOf(limit));
  }

  function isOver(last: ModelMessage, step: AbsentStep): boolean {
    return now >= last.time + msOf(step.within);
  }
}

/** Whether the first such event ever lies in the window. */
export function hasFirst(
  { first, where, within }: { first: string; where?: Selection['where']; within: Within },
  messages: readonly ModelMessage[],
  now: number,
): boolean {
  const [earliest] = matching({ event: first, where }, messages, now);
  return earliest !== undefined && inWindow(within, earliest.time, now);
}
