// Survey answers: what one person's latest answer to one question means for a comparison.
// Invariant: within one submission the newest write counts, null included; across submissions the newest
// answer that is not null.
import type { JsonObject, JsonValue } from '../wire/message.ts';
import type { Comparison, Span } from './comparison.ts';
import type { EngineMessage } from './filter.ts';
import { isObject, responseOf, textOf } from './response.ts';
import { compareStamps, type Stamp } from './stamp.ts';
import type { Value } from './values.ts';

/** The newest write of one submission; null cleared the question. */
type Answer = [time: number, messageId: string, kind: 0 | 1, span: Span | null];

export interface AnswersState {
  /** By sender and submission. */
  s: Record<string, Answer>;
  /** Newest stamp among those let go: older writes ask for a refold. */
  n?: Stamp;
}

/** Submissions of one person to one survey that are kept; the others are read again when needed. */
const MAX_SUBMISSIONS = 16;

interface Submission {
  key: string;
  survey: string;
  answers: JsonObject;
}

/** What a message answers of which submission, if it answers anything. */
export function submissionOf(message: EngineMessage): Submission | null {
  const response = responseOf(message);
  if (!response || !isObject(response.fields.answers)) return null;
  const body = message.body();
  const sender = textOf(body.userId) ?? textOf(body.anonymousId) ?? '';
  const { survey, submission, fields } = response;
  return { key: JSON.stringify([sender, submission]), survey, answers: fields.answers as JsonObject }; // checked
}

/**
 * Adds what one message answers. A refold adds to `state` itself, since copying it for every message would
 * be quadratic, and lets go of nothing before its end: any older answer counts once all newer ones are
 * cleared. So a refold holds some 100 bytes a submission, and `restAnswers` comes last.
 */
export function addToAnswers(
  { survey, question }: { survey: string; question: string },
  comparison: Comparison,
  state: AnswersState | undefined,
  message: EngineMessage,
  refolding = false,
): AnswersState | null | 'late' {
  const submission = submissionOf(message);
  if (submission?.survey !== survey || !Object.hasOwn(submission.answers, question)) return null;
  if (state?.n && compareStamps(message.stamp, state.n) <= 0) return 'late';
  const held = state && Object.hasOwn(state.s, submission.key) ? state.s[submission.key] : undefined;
  if (held && compareStamps(stampOf(held), message.stamp) > 0) return null;
  const value = submission.answers[question] as JsonValue; // own key
  const span = value === null ? null : comparison.span(value as Value);
  const answer: Answer = [...message.stamp, span];
  if (refolding && state) {
    state.s[submission.key] = answer;
    return state;
  }
  const next: AnswersState = { ...state, s: { ...state?.s, [submission.key]: answer } };
  // Cleared what counted, while others were let go: only the messages know what counts now.
  return next.n && newestAnswer(next) === undefined ? 'late' : next;
}

const stampOf = ([time, messageId, kind]: Answer): Stamp => [time, messageId, kind];

function newestAnswer({ s }: AnswersState): Answer | undefined {
  let newest: Answer | undefined;
  for (const answer of Object.values(s)) {
    if (answer[3] === null) continue;
    if (!newest || compareStamps(stampOf(answer), stampOf(newest)) > 0) newest = answer;
  }
  return newest;
}

/** Lets go of the oldest submissions past the limit, never of the one that counts. */
export function restAnswers(state: AnswersState): AnswersState {
  const entries = Object.entries(state.s);
  if (entries.length <= MAX_SUBMISSIONS) return state;
  const counts = newestAnswer(state);
  entries.sort(([, a], [, b]) => compareStamps(stampOf(b), stampOf(a)));
  const kept = entries.filter(([, answer], i) => i < MAX_SUBMISSIONS / 2 || answer === counts);
  const gone = entries.find(([, answer], i) => i >= MAX_SUBMISSIONS / 2 && answer !== counts);
  const newest = gone ? stampOf(gone[1]) : undefined;
  const known = state.n && newest && compareStamps(state.n, newest) > 0 ? state.n : (newest ?? state.n);
  return { s: Object.fromEntries(kept), ...(known ? { n: known } : {}) };
}

/** What the latest answer means for the comparison; undefined while there is none. */
export function answerSpan(state: AnswersState | undefined): Span | undefined {
  const newest = state && newestAnswer(state);
  return newest ? (newest[3] as Span) : undefined; // newestAnswer skips null
}
