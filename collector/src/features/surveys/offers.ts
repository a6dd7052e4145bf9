// Which surveys a person is offered: those that every gate lets them be asked, the most important first.
// Invariant: an answer carries no more than a page can use; nothing of whom a survey is for leaves here.
import type { Core, SurveyStanding } from '../../ingest/core.ts';
import { offerOf } from '../../ingest/survey-offer.ts';
import type { JsonObject } from '../../wire/message.ts';
import type { OfferedSurvey } from '../../wire/survey.ts';
import { type Decision, decide, keptPart, type Moment } from './decide.ts';

/** Surveys in one answer at most: a page shows one, and the next answer brings the next. */
export const MAX_OFFERED = 3;

export interface Asked {
  standings: readonly SurveyStanding[];
  /** The person's number; null for somebody unknown. */
  person: number | null;
}

/** What to offer somebody; decisions made in answer to a batch are kept. */
export async function offersFor(
  core: Pick<Core, 'now' | 'keepDecisions'>,
  { standings, person }: Asked,
  moment: Moment,
): Promise<OfferedSurvey[]> {
  if (standings.length === 0) return [];
  const clock = core.now();
  const decided = standings.map((standing) => ({ standing, decision: decide(standing, clock, moment) }));
  if (person !== null && moment.messages !== null) await core.keepDecisions(person, decided.map(kept));
  const eligible = decided.filter(({ decision }) => decision.eligible).map(({ standing }) => standing);
  return firstOf(eligible).map(({ key, definition }) => offerOf(key, definition));
}

/** Of the surveys that somebody may be asked those that they are offered, the most important first. */
export function firstOf(eligible: readonly SurveyStanding[]): SurveyStanding[] {
  return [...eligible].sort(byPriority).slice(0, MAX_OFFERED);
}

const kept = ({ standing, decision }: { standing: SurveyStanding; decision: Decision }) => ({
  survey: standing.key,
  decision: keptPart(decision) satisfies JsonObject,
});

function byPriority(a: SurveyStanding, b: SurveyStanding): number {
  const higher = (b.definition.priority ?? 0) - (a.definition.priority ?? 0);
  return higher !== 0 ? higher : a.key < b.key ? -1 : 1;
}
