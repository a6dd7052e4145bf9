// Whether a survey still takes a submission: between its dates and up to its limit.
// Invariant: runs in the lane before the message is taken, so that no more than `limit` are completed by
// submissions not begun before; one already begun may finish.
import type { Response } from '../engine/response.ts';
import type { SurveyDefinition } from '../wire/definitions.ts';
import { readDate } from '../wire/instant.ts';
import type { WorkingSet } from './working-set.ts';

/** What a respondent did who may finish: whoever was only shown a survey has not begun. */
const BEGUN = ['started', 'partial', 'completed'] as const;

/** The reason for a refusal, or null. `time` is when it was answered, epoch ms: late arrivals are judged by it. */
export async function whyClosed(
  set: WorkingSet,
  response: Response & { node: number },
  time: number,
): Promise<string | null> {
  const definition = set.program.wantedSurveys.get(response.survey);
  // Read in any case: what a message adds to is kept in memory from here on.
  const said = await set.submission(response);
  const count = await set.completedOf(response.survey);
  if (!definition || BEGUN.some((status) => said.has(status))) return null;
  if (response.status === 'dismissed' && said.has('shown')) return null;
  return whyShut(definition, count, time);
}

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
