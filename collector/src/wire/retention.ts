// How long events are kept: what a definitions file says under `retention`.
// Invariant: what is parsed names track events, `$page` and `$screen` only, each with a length of time.
import { readDuration } from './duration.ts';
import { type Fault, isRecord, pointerPart } from './faults.ts';
import { SURVEY_EVENT } from './message.ts';

/** An event's name, `$page` or `$screen`, to a length of time like `"90d"`. */
export type Retention = Record<string, string>;

const ANSWERS = 'answers are kept for as long as their person is; erase the person instead';
/** What people are computed from beside their events, and why it stays. */
const KEPT: Readonly<Record<string, string>> = {
  $identify: 'traits are kept for as long as their person is; erase the person instead',
  $group: 'groups are kept for as long as somebody is in them; erase the people instead',
  $survey: ANSWERS,
  [SURVEY_EVENT]: ANSWERS,
};

/** Adds to `faults` what is wrong; pointers begin with `/retention`. */
export function parseRetention(section: unknown, faults: Fault[]): Retention | undefined {
  if (section === undefined) return undefined;
  if (!isRecord(section)) {
    faults.push({ pointer: '/retention', message: 'must be an object of durations by event' });
    return undefined;
  }
  const kept: [string, string][] = [];
  for (const [event, duration] of Object.entries(section)) {
    const message = eventFault(event) ?? durationFault(duration);
    if (message !== null) faults.push({ pointer: `/retention/${pointerPart(event)}`, message });
    else kept.push([event, String(duration)]);
  }
  // Its own even where the name is that of a prototype.
  return Object.fromEntries(kept);
}

function eventFault(event: string): string | null {
  const why = Object.hasOwn(KEPT, event) ? KEPT[event] : undefined;
  if (why !== undefined) return why;
  if (event === '') return 'must name an event';
  if (event.endsWith('*')) return 'must name one event, without *';
  if (event.startsWith('$') && event !== '$page' && event !== '$screen')
    return 'is no event; of the names that begin with $ only $page and $screen can be here';
  return null;
}

function durationFault(duration: unknown): string | null {
  if (typeof duration === 'string' && readDuration(duration) !== undefined) return null;
  return 'must be a duration: a whole number above 0 and one of s m h d w, like "90d", a century at most';
}
