// Reads about surveys: where a person stands before their gates, what was decided, and every submission.
// Invariant: people are settled to the clock first; a submission belongs to whoever its first message belongs to.
import { ownerAt } from '../engine/identity.ts';
import type { PersonState } from '../engine/person-state.ts';
import { responseOf } from '../engine/response.ts';
import { emptySubmission, foldResponse, type SubmissionState } from '../engine/submission.ts';
import type { ResponsePlace } from '../storage/port.ts';
import type { JsonObject } from '../wire/message.ts';
import type { GateView, SurveyStanding } from './core.ts';
import { engineMessage, type WorkingSet } from './working-set.ts';

/** Messages of submissions read at a time: some 1 MB. */
const PAGE = 500;

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

/** Submissions of a survey in effect at the clock, some at a time; `next` is null at the end. */
export async function submissionsPage(
  set: WorkingSet,
  survey: string,
  clock: number,
  { after, limit }: { after: ResponsePlace | null; limit: number },
): Promise<{ data: FiledSubmission[]; next: ResponsePlace | null }> {
  const data: FiledSubmission[] = [];
  let open: { place: ResponsePlace; state: SubmissionState } | null = null;
  let place = after;
  const close = async (): Promise<void> => {
    if (!open) return;
    const { node, submission } = open.place;
    data.push({ submission, person: await ownerOfSubmission(set, node, open.state), state: open.state });
    open = null;
  };
  for (;;) {
    const rows = await set.store.query({ ask: 'responses', survey, after: place, until: clock, limit: PAGE });
    for (const { node, submission, seq, row } of rows) {
      if (open && (open.place.node !== node || open.place.submission !== submission)) {
        await close();
        if (data.length === limit) return { data, next: place };
      }
      open ??= { place: { node, submission, seq }, state: emptySubmission() };
      place = { node, submission, seq };
      const message = engineMessage(row);
      const response = responseOf(message);
      if (response) foldResponse(open.state, response, message);
    }
    if (rows.length === PAGE) continue;
    await close();
    return { data, next: null };
  }
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
