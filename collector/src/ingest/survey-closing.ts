// Whether a survey still takes a submission: between its dates and up to its limit.
// Invariant: runs in the lane before the message is taken, so that no more than `limit` are completed by
// submissions not begun before; one already begun may finish.
import type { Response } from '../engine/response.ts';
import type { SurveyDefinition } from '../wire/definitions.ts';
import { readDate } from '../wire/instant.ts';
import type { SurveyStatus } from '../wire/message.ts';
import { ALWAYS } from './held-submissions.ts';
import type { WorkingSet } from './working-set.ts';

/** What a respondent did who may finish: whoever was only shown a survey has not begun. */
const BEGUN = ['started', 'partial', 'completed'] as const;

/**
 * The reason for a refusal, or null. `time` is when it was answered, epoch ms: late arrivals are judged by it.
 * `nodes`: the id it is filed under, and the device a user's message also names, on which it may have begun.
 */
export async function whyClosed(
  set: WorkingSet,
  response: Response,
  nodes: readonly number[],
  time: number,
): Promise<string | null> {
  const definition = set.program.wantedSurveys.get(response.survey);
  if (!definition) return null;
  // Read in any case: what a message adds to is kept in memory from here on.
  const said = new Set<SurveyStatus>();
  for (const node of nodes)
    for (const status of await set.submission({ ...response, node }, opensAt(definition))) said.add(status);
  const why = await whyShutTo(set, response.survey, time);
  if (BEGUN.some((status) => said.has(status))) return null;
  return response.status === 'dismissed' && said.has('shown') ? null : why;
}

/** Why somebody new may not answer the survey at that time (epoch ms), or null; an undefined one is open. */
export async function whyShutTo(set: WorkingSet, survey: string, time: number): Promise<string | null> {
  const definition = set.program.wantedSurveys.get(survey);
  return definition ? whyShut(definition, await placesTaken(set, survey, definition), time) : null;
}

/**
 * Completed submissions that take a place under the limit. What was completed before the survey opens, and stored
 * before anybody said when that is, takes none: it would have been refused.
 */
export async function placesTaken(
  set: Pick<WorkingSet, 'completedOf'>,
  survey: string,
  definition: Pick<SurveyDefinition, 'startAt'>,
): Promise<number> {
  return set.completedOf(survey, opensAt(definition));
}

/** Epoch ms. */
const opensAt = ({ startAt }: Pick<SurveyDefinition, 'startAt'>): number =>
  startAt === undefined ? ALWAYS : Number(readDate(startAt));

/** Why nobody may begin a submission at that time (epoch ms), or null. */
export function whyShut(
  { startAt, endAt, limit }: Pick<SurveyDefinition, 'startAt' | 'endAt' | 'limit'>,
  completed: number,
  time: number,
): string | null {
  if (startAt !== undefined && time < Number(readDate(startAt))) return `this survey opens at ${startAt}`;
  if (endAt !== undefined && time > Number(readDate(endAt))) return `this survey closed at ${endAt}`;
  if (limit !== undefined && completed >= limit) return `this survey has its ${limit} completed submissions`;
  return null;
}
