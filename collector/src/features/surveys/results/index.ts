// Results of surveys: one reading and computing at a time, shared by whoever asks the same before it is read.
// Invariant: what is answered is true at an instant after the question was asked.
import type { Core } from '../../../ingest/core.ts';
import type { JsonObject } from '../../../wire/message.ts';
import { resultsBeside } from './beside.ts';
import { digestFor } from './digest.ts';
import { type Period, resultsOf } from './results.ts';

export interface Question {
  survey: string;
  /** Only its members. */
  segment: string | null;
  /** Groups to tell apart: see `Core.surveySnapshot`. */
  by: string | null;
  period: Period;
}

/** Submissions from which on a thread computes: with fewer it is started in vain, no figure takes 20 ms. */
const THREAD_FROM = 2_000;

interface Means {
  threadFrom?: number;
  beside?: typeof resultsBeside;
  /** Hears why a thread failed. */
  onTrouble?: (error: unknown) => void;
}

type Answer = JsonObject | 'unknown_survey' | 'unknown_segment' | 'unknown_split';

/** Answers questions in turns: a large survey is held in memory while it is computed, and two at once twice. */
export function surveyResults(
  core: Pick<Core, 'surveySnapshot'>,
  { threadFrom = THREAD_FROM, beside = resultsBeside, onTrouble }: Means = {},
): (question: Question) => Promise<Answer> {
  let last: Promise<unknown> = Promise.resolve();
  const waiting = new Map<string, Promise<Answer>>();

  async function answer({ survey, segment, by, period }: Question): Promise<Answer> {
    const read = () => core.surveySnapshot(survey, { segment, by, digestFor });
    const snapshot = await read();
    if (typeof snapshot === 'string') return snapshot;
    if (snapshot.records.length < threadFrom) return resultsOf(snapshot, period);
    try {
      return await beside(snapshot, period);
    } catch (error) {
      onTrouble?.(error);
      // Done without: slower for others, not wrong. What the thread was given is gone.
      const again = await read();
      return typeof again === 'string' ? again : resultsOf(again, period);
    }
  }

  return (question) => {
    const name = JSON.stringify(question);
    const asked = waiting.get(name);
    if (asked) return asked;
    const turn = last
      .catch(() => {
        // Whoever asked that has been told.
      })
      .then(() => {
        waiting.delete(name);
        return answer(question);
      });
    waiting.set(name, turn);
    last = turn;
    return turn;
  };
}
