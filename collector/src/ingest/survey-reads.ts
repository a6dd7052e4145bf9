// Reads about surveys: where a person stands before their gates, what was decided, and every submission.
// Invariant: people are settled to the clock first; a submission belongs to whoever its first message belongs to.
import { ownerAt } from '../engine/identity.ts';
import type { PersonState } from '../engine/person-state.ts';
import { responseOf } from '../engine/response.ts';
import { emptySubmission, foldResponse, type SubmissionState } from '../engine/submission.ts';
import type { ResponsePlace } from '../storage/port.ts';
import type { JsonObject } from '../wire/message.ts';
import type { GateView, SurveyStanding } from './core.ts';
import { engineMessage } from './stored-message.ts';
import type { WorkingSet } from './working-set.ts';

/** Messages of submissions read in one go: with 200 answers each some 10 ms. */
const PAGE = 100;

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
    standings.push({ key, definition: wanted, gates: views, completed: await set.completedOf(key) });
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
  /** The last message read. */
  place: ResponsePlace | null;
  open: { place: ResponsePlace; state: SubmissionState } | null;
  /** Null until the page is full or nothing is left. */
  next: { place: ResponsePlace | null } | null;
}

export const beginPage = (after: ResponsePlace | null): PageReading => ({
  data: [],
  place: after,
  open: null,
  next: null,
});

/**
 * Reads on, a bounded number of messages: a submission may have any number, and messages wait behind the lane.
 * To be called until there is a `next`; `until` (epoch ms) stays the same.
 */
export async function readOn(
  set: WorkingSet,
  reading: PageReading,
  { survey, until, limit }: { survey: string; until: number; limit: number },
): Promise<void> {
  const { place: after } = reading;
  const rows = await set.store.query({ ask: 'responses', survey, after, until, limit: PAGE });
  for (const { node, submission, seq, row } of rows) {
    const { open } = reading;
    if (open && (open.place.node !== node || open.place.submission !== submission)) {
      await closeOpen(set, reading);
      if (reading.data.length === limit) {
        reading.next = { place: reading.place };
        return;
      }
    }
    reading.open ??= { place: { node, submission, seq }, state: emptySubmission() };
    reading.place = { node, submission, seq };
    const message = engineMessage(row);
    const response = responseOf(message);
    if (response) foldResponse(reading.open.state, response, message);
  }
  if (rows.length === PAGE) return;
  await closeOpen(set, reading);
  reading.next = { place: null };
}

async function closeOpen(set: WorkingSet, reading: PageReading): Promise<void> {
  if (!reading.open) return;
  const { place, state } = reading.open;
  const person = await ownerOfSubmission(set, place.node, state);
  reading.data.push({ submission: place.submission, person, state });
  reading.open = null;
}

/** Whom a submission sent under that id belongs to. */
export async function ownerOfSubmission(
  set: WorkingSet,
  id: number,
  { first }: SubmissionState,
): Promise<number> {
  const node = await set.nodeById(id);
  if (!node || node.kind === 'user' || !first) return node?.root ?? id;
  const owner = ownerAt(await set.timeline(id), first);
  return owner === null ? id : ((await set.nodeById(owner))?.root ?? owner);
}
