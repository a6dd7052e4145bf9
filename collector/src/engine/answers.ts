// Survey answers: what one person's latest answer to one question means for a comparison.
// Invariant: within one submission the newest write counts, null included; across submissions the newest
// answer that is not null.
import type { JsonObject, JsonValue } from '../wire/message.ts';
import { isObject } from '../wire/shape.ts';
import type { Comparison, Span } from './comparison.ts';
import type { EngineMessage } from './filter.ts';
import { responseOf, textOf } from './response.ts';
import { type Late, type Shed, type ShedBlock, type ShedMatch, stampIn } from './shed.ts';
import { compareStamps, type Stamp } from './stamp.ts';
import type { Value } from './values.ts';

/** The newest write of one submission; null cleared the question. `kept`: it is beside the row as well. */
type Answer = [time: number, messageId: string, kind: 0 | 1, span: Span | null, kept?: 1];
/** The same without its place, as it is kept beside the row: mostly `0`, `1` or `-` (cleared), then the submission. */
type What = string | [submission: string, span: Span];

export interface AnswersState {
  /** By sender and submission. */
  s: Record<string, Answer>;
  /** Newest stamp among those let go: older writes ask for a refold. */
  n?: Stamp;
}

/** Submissions of one person to one survey that a row holds; the others are kept beside it. */
const MAX_SUBMISSIONS = 16;
/** The newest of those that a row may hold, the one that counts, and the newest that it must let go of. */
const MAX_LOOKED_AT = MAX_SUBMISSIONS / 2 + 2;

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
): AnswersState | Late | null {
  const submission = submissionOf(message);
  if (submission?.survey !== survey || !Object.hasOwn(submission.answers, question)) return null;
  const { key } = submission;
  const { stamp } = message;
  const value = submission.answers[question] as JsonValue; // own key
  const span = value === null ? null : comparison.span(value as Value);
  const late: Late = { late: { stamp, what: whatOf(key, span) } };
  if (state?.n && compareStamps(stamp, state.n) <= 0) return late;
  const held = state && Object.hasOwn(state.s, key) ? state.s[key] : undefined;
  if (held && compareStamps(stampOf(held), stamp) > 0) return null;
  const answer: Answer = [...stamp, span];
  if (refolding && state) {
    state.s[key] = answer;
    return state;
  }
  const next: AnswersState = { ...state, s: { ...state?.s, [key]: answer } };
  // Cleared what counted, while others were let go: only those know what counts now.
  const isCleared = (of: AnswersState): boolean => newestAnswer(Object.values(of.s)) === undefined;
  return state?.n && isCleared(next) && !isCleared(state) ? late : next;
}

const stampOf = ([time, messageId, kind]: Answer): Stamp => [time, messageId, kind];

function whatOf(submission: string, span: Span | null): What {
  return typeof span === 'object' && span !== null ? [submission, span] : `${span ?? '-'}${submission}`;
}

const keyOf = (what: What): string => (typeof what === 'string' ? what.slice(1) : what[0]);

function spanOf(what: What): Span | null {
  if (typeof what !== 'string') return what[1];
  return what[0] === '-' ? null : what[0] === '1' ? 1 : 0;
}

const isNewer = (a: Answer, b: Answer): boolean => compareStamps(stampOf(a), stampOf(b)) > 0;

function newestAnswer(answers: Iterable<Answer>): Answer | undefined {
  let newest: Answer | undefined;
  for (const answer of answers)
    if (answer[3] !== null && (!newest || isNewer(answer, newest))) newest = answer;
  return newest;
}

/** Lets go of the oldest submissions past the limit, never of the one that counts. */
export function restAnswers(state: AnswersState, shed: Shed): AnswersState {
  const entries = Object.entries(state.s);
  return entries.length <= MAX_SUBMISSIONS ? state : keepNewest(entries, state.n, shed);
}

function keepNewest(entries: [string, Answer][], n: Stamp | undefined, shed: Shed): AnswersState {
  const counts = newestAnswer(entries.map(([, answer]) => answer));
  const bound = newestOf(entries, MAX_SUBMISSIONS / 2);
  const stays = (answer: Answer): boolean => answer === counts || !isNewer(bound, answer);
  let known = n;
  const gone: ShedMatch[] = [];
  for (const [key, answer] of entries) {
    if (stays(answer)) continue;
    const stamp = stampOf(answer);
    if (known === undefined || compareStamps(stamp, known) > 0) known = stamp;
    if (answer[4] === undefined) gone.push({ stamp, what: whatOf(key, answer[3]) });
  }
  shed(gone.sort((a, b) => compareStamps(a.stamp, b.stamp)));
  const s = Object.fromEntries(entries.filter(([, answer]) => stays(answer)));
  return { s, ...(known ? { n: known } : {}) };
}

/** The oldest of the `count` newest: in one pass, since there may be 100,000. */
function newestOf(entries: readonly [string, Answer][], count: number): Answer {
  const newest: Answer[] = [];
  for (const [, answer] of entries) {
    if (newest.length === count && !isNewer(answer, newest[0] as Answer)) continue;
    let place = newest.length;
    while (place > 0 && isNewer(newest[place - 1] as Answer, answer)) place--;
    newest.splice(place, 0, answer);
    if (newest.length > count) newest.shift();
  }
  return newest[0] as Answer;
}

/**
 * Folds anew what the row let go of together with what it holds: newest first, until nothing older can be what the row
 * must hold.
 */
export function refoldAnswers(state: AnswersState, blocks: readonly ShedBlock[], shed: Shed): AnswersState {
  const entries = new Map(Object.entries(state.s));
  const [oldest] = [...entries.values()].map(stampOf).sort(compareStamps);
  const seen = new Set<string>();
  let isAnswered = false;
  /** False: nothing older matters. */
  const look = (block: ShedBlock, i: number): boolean => {
    if (isAnswered && seen.size >= MAX_LOOKED_AT)
      if (!oldest || compareStamps(stampIn(block, i), oldest) < 0) return false;
    const what = block.whats[i] as What; // written by whatOf
    const key = keyOf(what);
    if (seen.size === seen.add(key).size) return true;
    const held = entries.get(key);
    const span = spanOf(what);
    if (!held && seen.size > MAX_LOOKED_AT && (isAnswered || span === null)) return true;
    const answer: Answer = [...stampIn(block, i), span, 1];
    if (held && !isNewer(answer, held)) return true;
    entries.set(key, answer);
    isAnswered ||= span !== null;
    return true;
  };
  for (const block of blocks.toReversed())
    for (let i = block.times.length - 1; i >= 0; i--)
      if (!look(block, i)) return keepNewest([...entries], state.n, shed);
  return keepNewest([...entries], state.n, shed);
}

/** What the row holds, as it would be kept beside it. */
export const answersOf = ({ s }: AnswersState): ShedMatch[] =>
  Object.entries(s).map(([key, answer]) => ({
    stamp: stampOf(answer),
    what: whatOf(key, answer[3]),
  }));

/** The newest write of each submission: what all of these amount to. */
export function newestWrites(matches: readonly ShedMatch[]): ShedMatch[] {
  const newest = new Map<string, ShedMatch>();
  for (const match of matches) {
    const key = keyOf(match.what as What); // written by whatOf
    const known = newest.get(key);
    if (!known || compareStamps(match.stamp, known.stamp) > 0) newest.set(key, match);
  }
  return [...newest.values()];
}

/** What the latest answer means for the comparison; undefined while there is none. */
export function answerSpan(state: AnswersState | undefined): Span | undefined {
  const newest = state && newestAnswer(Object.values(state.s));
  return newest ? (newest[3] as Span) : undefined; // newestAnswer skips null
}
