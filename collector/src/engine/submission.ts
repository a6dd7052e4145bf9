// A survey submission: what all its messages say together.
// Invariant: the same messages in any order, each once or several times, give the same submission; of each
// answer the newest write counts, and null clears it.
import { type JsonObject, type JsonValue, MAX_ANSWERS, type SurveyStatus } from '../wire/message.ts';
import { isObject } from '../wire/shape.ts';
import type { EngineMessage } from './filter.ts';
import { type Response, textOf } from './response.ts';
import { compareStamps, type Stamp } from './stamp.ts';

interface Write {
  stamp: Stamp;
  value: JsonValue;
}

/** Fields of which the newest counts. */
const FIELDS = ['version', 'language', 'trigger', 'source'] as const;
type Field = (typeof FIELDS)[number];

export interface SubmissionState {
  answers: Map<string, Write>;
  timings: Map<string, Write>;
  hidden: Map<string, Write>;
  fields: Map<Field, Write>;
  /** Event time of the first message of each status, epoch ms. */
  at: Map<SurveyStatus, number>;
  first: Stamp | null;
  last: Stamp | null;
}

export interface SubmissionView {
  /** How far it got: shown, started, partial or completed; `dismissed` when it was given up before that. */
  status: SurveyStatus;
  /** By question; none is null. */
  answers: JsonObject;
  /** Milliseconds by question, as the page measured them. */
  timings: Record<string, number>;
  hidden: JsonObject;
  version: JsonValue;
  language: string | null;
  trigger: JsonValue;
  /** `interview` for notes of a conversation; null for what a respondent sent. */
  source: string | null;
  /** Event times, epoch ms. */
  at: Partial<Record<SurveyStatus, number>>;
  firstAt: number;
  lastAt: number;
}

export const emptySubmission = (): SubmissionState => ({
  answers: new Map(),
  timings: new Map(),
  hidden: new Map(),
  fields: new Map(),
  at: new Map(),
  first: null,
  last: null,
});

/** Adds one of its messages. */
export function foldResponse(
  state: SubmissionState,
  { status, fields }: Response,
  { stamp }: Pick<EngineMessage, 'stamp'>,
): void {
  for (const [into, from] of [
    [state.answers, fields.answers],
    [state.timings, fields.timings],
    [state.hidden, fields.hidden],
  ] as const)
    if (isObject(from)) for (const [key, value] of Object.entries(from)) write(into, key, { stamp, value });
  for (const field of FIELDS) {
    const value = fields[field];
    if (value !== undefined && value !== null) write(state.fields, field, { stamp, value });
  }
  const before = state.at.get(status);
  if (before === undefined || stamp[0] < before) state.at.set(status, stamp[0]);
  if (state.first === null || compareStamps(stamp, state.first) < 0) state.first = stamp;
  if (state.last === null || compareStamps(stamp, state.last) > 0) state.last = stamp;
}

function write<K extends string>(into: Map<K, Write>, key: K, next: Write): void {
  const held = into.get(key);
  if (held) {
    if (compareStamps(next.stamp, held.stamp) >= 0) into.set(key, next);
    return;
  }
  if (into.size === MAX_ANSWERS) {
    // As many as one message may hold; whatever came first or last, the first by name stay.
    const last = lastOf(into);
    if (key > last) return;
    into.delete(last);
  }
  into.set(key, next);
}

function lastOf<K extends string>(names: ReadonlyMap<K, unknown>): K {
  let last: K | undefined;
  for (const name of names.keys()) if (last === undefined || name > last) last = name;
  return last as K; // called with a full map
}

/** Adds another part of the same submission: it was begun under one of the person's ids and went on under another. */
export function joinSubmissions(into: SubmissionState, other: SubmissionState): void {
  for (const part of ['answers', 'timings', 'hidden'] as const)
    for (const [key, next] of other[part]) write(into[part], key, next);
  for (const [field, next] of other.fields) write(into.fields, field, next);
  for (const [status, time] of other.at) into.at.set(status, Math.min(time, into.at.get(status) ?? time));
  const { first, last } = other;
  if (first && (!into.first || compareStamps(first, into.first) < 0)) into.first = first;
  if (last && (!into.last || compareStamps(last, into.last) > 0)) into.last = last;
}

export function viewSubmission(state: SubmissionState): SubmissionView {
  const answers = valuesOf(state.answers);
  const timings = Object.fromEntries(
    Object.entries(valuesOf(state.timings)).filter(([, ms]) => typeof ms === 'number' && ms >= 0),
  ) as Record<string, number>; // filtered
  const field = (name: Field): JsonValue => state.fields.get(name)?.value ?? null;
  return {
    status: statusOf(state, Object.keys(answers).length > 0),
    answers,
    timings,
    hidden: valuesOf(state.hidden),
    version: field('version'),
    language: textOf(field('language')),
    trigger: field('trigger'),
    source: textOf(field('source')),
    at: Object.fromEntries(state.at),
    firstAt: state.first?.[0] ?? 0,
    lastAt: state.last?.[0] ?? 0,
  };
}

function statusOf({ at }: SubmissionState, hasAnswers: boolean): SurveyStatus {
  if (at.has('completed')) return 'completed';
  if (at.has('dismissed')) return 'dismissed';
  if (at.has('partial') || hasAnswers) return 'partial';
  return at.has('started') ? 'started' : 'shown';
}

function valuesOf(writes: ReadonlyMap<string, Write>): JsonObject {
  const held = [...writes].filter(([, { value }]) => value !== null).map(([key, { value }]) => [key, value]);
  return Object.fromEntries(held.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))) as JsonObject; // of JSON values
}
