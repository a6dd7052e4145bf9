// The latest surveys, or submissions of one survey, that a person's messages speak of: when each was last heard of.
// Invariant: the same messages in any order, each once or several times, give the same list: of each name its newest
// time counts, and the newest names stay.
import type { SurveyStatus } from '../wire/message.ts';
import type { EngineMessage } from './filter.ts';
import { type Response, responseOf } from './response.ts';
import { compareUtf8 } from './stamp.ts';

export interface RecentSpec {
  kind: 'recent';
  /** What is told apart: every survey, or the submissions of one that a message of these statuses speaks of. */
  of: 'surveys' | { survey: string; statuses: readonly SurveyStatus[] };
  /** Names kept: as many as it matters how many there are. */
  most: number;
}

/** By name when it was last heard of, epoch ms, the newest first. */
export type RecentState = readonly (readonly [name: string, time: number])[];

/** Adds a message. Null: nothing changed. */
export function addToRecent(
  { of, most }: RecentSpec,
  state: RecentState = [],
  message: EngineMessage,
): RecentState | null {
  const response = responseOf(message);
  const name = response && nameOf(of, response);
  if (name === null) return null;
  const [time] = message.stamp;
  const held = state.find(([known]) => known === name);
  if (held && held[1] >= time) return null;
  const entry = [name, time] as const;
  const last = state[state.length - 1];
  if (!held && last && state.length >= most && isNewer(last, entry)) return null;
  const rest = state.filter((one) => one !== held);
  const place = rest.findIndex((one) => isNewer(entry, one));
  return rest.toSpliced(place < 0 ? rest.length : place, 0, entry).slice(0, most);
}

/** How many of them were heard of since then (epoch ms, exclusive), that one apart; never more than are kept. */
export function countSince(state: RecentState = [], since: number, apart?: string): number {
  return state.filter(([name, time]) => time > since && name !== apart).length;
}

function nameOf(of: RecentSpec['of'], { survey, submission, status }: Response): string | null {
  if (of === 'surveys') return survey;
  return survey === of.survey && of.statuses.includes(status) ? submission : null;
}

/** Of two at one instant the smaller name stays. */
const isNewer = ([a, x]: RecentState[number], [b, y]: RecentState[number]): boolean =>
  x !== y ? x > y : compareUtf8(a, b) < 0;
