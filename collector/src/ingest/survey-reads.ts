// Reads about surveys: where a person stands before their gates, what was decided, and every submission.
// Invariant: people are settled to the clock first; a submission belongs to whoever its first message belongs to.
import type { PersonState } from '../engine/person-state.ts';
import type { SubmissionState } from '../engine/submission.ts';
import type { ResponsePlace } from '../storage/port.ts';
import type { JsonObject } from '../wire/message.ts';
import type { GateView, SurveyStanding } from './core.ts';
import { ownerOf } from './owner.ts';
import type { SubmissionReader } from './submission-reader.ts';
import { placesTaken } from './survey-closing.ts';
import type { WorkingSet } from './working-set.ts';

/** Where a settled person stands before the surveys in force, or before one of them. */
export async function standingsOf(
  set: WorkingSet,
  person: PersonState,
  clock: number,
  isAsked: (key: string) => boolean,
): Promise<SurveyStanding[]> {
  const standings: SurveyStanding[] = [];
  for (const [key, { definition, gates }] of set.program.surveys) {
    if (!isAsked(key)) continue;
    const views = gates.map(
      (gate): GateView => ({
        gate: gate.gate,
        holds: gate.test(person, clock),
        ...gate.detail(person, clock),
      }),
    );
    // Whoever asks what is open asks for it as it was last defined.
    const wanted = set.program.wantedSurveys.get(key) ?? definition;
    const completed = await placesTaken(set, key, wanted);
    standings.push({ key, definition: wanted, gates: views, completed });
  }
  return standings;
}

/** Keeps what was decided about a person where it differs from what was decided last. */
export async function keepDecisions(
  set: WorkingSet,
  person: number,
  decisions: readonly { survey: string; decision: JsonObject }[],
  clock: number,
): Promise<boolean> {
  if (!(await set.person(person))) return false;
  const defined = decisions.filter(({ survey }) => set.program.wantedSurveys.has(survey));
  const stored = await set.store.read({ decisions: defined.map(({ survey }) => ({ survey, person })) });
  const known = new Map(stored.decisions.map(({ survey, text }) => [survey, text]));
  const fresh = defined
    .map(({ survey, decision }) => ({ survey, person, at: clock, text: JSON.stringify(decision) }))
    .filter(({ survey, text }) => known.get(survey) !== text);
  if (fresh.length > 0) set.record({ decisions: fresh });
  return fresh.length > 0;
}

/** One sender's submission. */
export interface FiledSubmission {
  submission: string;
  /** The profile it belongs to. */
  person: number;
  state: SubmissionState;
}

/** A page of submissions as far as it was read. */
export interface PageReading {
  data: FiledSubmission[];
  /** The last message of the page's last submission, where there are more; null until it is full or nothing is left. */
  next: { place: ResponsePlace | null } | null;
}

/** Reads on. To be called until there is a `next`; `until` (epoch ms) stays the same. */
export async function readOn(
  set: WorkingSet,
  reader: SubmissionReader,
  reading: PageReading,
  { until, limit }: { until: number; limit: number },
): Promise<void> {
  const { sent, isDone } = await reader.next(until);
  for (const { place, state } of sent) {
    reading.data.push({
      submission: place.submission,
      person: await ownerOfSubmission(set, place, state),
      state,
    });
    if (reading.data.length < limit) continue;
    const isLast = isDone && place === sent[sent.length - 1]?.place;
    reading.next = { place: isLast ? null : place };
    return;
  }
  if (isDone) reading.next = { place: null };
}

/** Whom a submission belongs to. */
export async function ownerOfSubmission(
  set: WorkingSet,
  { node: id }: Pick<ResponsePlace, 'node'>,
  { first }: SubmissionState,
): Promise<number> {
  const node = await set.nodeById(id);
  return node && first ? ownerOf(set, node, first) : (node?.root ?? id);
}
