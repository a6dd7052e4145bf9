// Whom and when a Formbricks survey asks, as targeting of ours.
// Invariant: a condition that cannot be carried over holds the survey back, so that nobody is asked by mistake.
import { type Fields, fieldsOf } from './fields.ts';
import type { Draft, ImportNote, Target } from './imported.ts';

/** "Never again": as long as a definition can say. */
export const FOR_EVER = '36500d';
const HALF = 50;

export function readTargeting(survey: Fields, draft: Draft, notes: ImportNote[]): void {
  readTriggers(survey, draft, notes);
  readSegment(survey, draft);
  readFrequency(survey, draft);
  const delay = survey.number('delay') ?? 0;
  if (delay >= 1 && draft.target.delay === undefined) draft.target.delay = `${Math.round(delay)}s`;
  else if (delay >= 1)
    survey.note('delay', 'was left out: the trigger waits already. Add it to target.delay');
  const share = survey.number('displayPercentage');
  if (share !== undefined && share >= 0 && share <= 100) draft.target.sample = share;
}

/** Any of them brings the survey up there; here it is one moment of one kind. */
function readTriggers(survey: Fields, draft: Draft, notes: ImportNote[]): void {
  survey.list('triggers').forEach((of, i) => {
    const pointer = `${survey.at('triggers')}/${i}`;
    const action = fieldsOf(of, pointer, notes).object('actionClass');
    const name = (action?.text('name') ?? '').slice(0, 60);
    if (i > 0) {
      notes.push({
        pointer,
        message: `the trigger "${name}" was left out: a survey has one. Put a copy of the survey with this one`,
      });
      return;
    }
    const target = action ? momentOf(action) : null;
    if (target) Object.assign(draft.target, target);
    else {
      draft.held = true;
      notes.push({
        pointer,
        message: `the trigger "${name}" was left out, so the survey is exposed to nobody. Track an event there, name it as target.event, and drop "expose"`,
      });
    }
  });
}

/** Null where it has no counterpart. */
function momentOf(action: Fields): Target | null {
  const key = action.text('key');
  if (action.text('type') === 'code' && key !== undefined) {
    action.note('key', `the action is the event "${key.slice(0, 60)}" here: track it with tidemark.track()`);
    return { event: { event: key } };
  }
  const config = action.object('noCodeConfig');
  const moment = config && momentInPage(config);
  if (!moment) return null;
  const filters = config.list('urlFilters');
  if (filters.length === 0) return moment;
  const url = filters.length === 1 ? patternOf(filters[0]) : null;
  return url === null ? null : { ...moment, url };
}

function momentInPage(config: Fields): Target | null {
  const seconds = config.number('timeInSeconds') ?? 0;
  switch (config.text('type')) {
    case 'pageView':
      return {};
    case 'exitIntent':
      return { exitIntent: true };
    case 'fiftyPercentScroll':
      return { scroll: HALF };
    case 'pageDwell':
      return seconds >= 1 ? { delay: `${Math.round(seconds)}s` } : null;
    default:
      return null;
  }
}

/** A rule about the address as a pattern with *; null where there is none, a star in the address included. */
function patternOf(filter: unknown): string | null {
  const { rule, value } = (filter ?? {}) as { rule?: unknown; value?: unknown };
  if (typeof value !== 'string' || value === '' || value.includes('*')) return null;
  const isPath = value.startsWith('/');
  if (rule === 'exactMatch') return value;
  if (rule === 'startsWith') return `${value}*`;
  if (rule === 'endsWith') return isPath ? `*${value}` : `*://*${value}`;
  return rule === 'contains' ? `*://*${value}*` : null;
}

function readSegment(survey: Fields, draft: Draft): void {
  const segment = survey.object('segment');
  if (!segment || segment.list('filters').length === 0) return;
  draft.held = true;
  segment.note(
    'filters',
    'its filters were left out, so the survey is exposed to nobody. Define a segment, name it as target.segment, and drop "expose"',
  );
}

function readFrequency(survey: Fields, draft: Draft): void {
  const option = survey.text('displayOption');
  const limit = survey.number('displayLimit');
  if (option === 'displayOnce') Object.assign(draft.frequency, { times: 1, every: FOR_EVER });
  else if (option === 'displaySome' && limit !== undefined && limit >= 1)
    Object.assign(draft.frequency, { times: Math.round(limit), every: FOR_EVER });
  else if (option !== undefined)
    survey.note(
      'displayOption',
      `"${option.slice(0, 40)}" was left out: a person is asked once in 90 days. Set frequency.times and frequency.every`,
    );
  const days = survey.number('recontactDays');
  if (days !== undefined && days >= 1) draft.frequency.coolDown = `${Math.round(days)}d`;
}
