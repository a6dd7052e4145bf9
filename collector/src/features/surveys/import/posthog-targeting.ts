// Whom and when a PostHog survey asks, as targeting of ours.
// Invariant: a condition that cannot be carried over holds the survey back, so that nobody is asked by mistake.
import type { Where } from '../../../wire/definitions.ts';
import { type Fields, fieldsOf, isRecord } from './fields.ts';
import type { Draft, ImportNote } from './imported.ts';

/** "Never again": as long as a definition can say. */
const FOR_EVER = '36500d';
const HELD = 'was left out, so the survey is exposed to nobody.';
const THEN = 'and drop "expose"';

export function readTargeting(survey: Fields, draft: Draft, notes: ImportNote[]): void {
  const conditions = survey.object('conditions');
  if (conditions) {
    readUrl(conditions, draft);
    readEvents(conditions, draft, notes);
    for (const name of ['selector', 'deviceTypes', 'actions'] as const)
      if (hasValue(conditions.take(name)))
        hold(draft, conditions, name, `Define a segment or an event for it, name it in target, ${THEN}`);
    conditions.skip('urlMatchType', 'deviceTypesMatchType');
    if (hasValue(conditions.take('cancelEvents')))
      conditions.note('cancelEvents', 'was left out: what calls a waiting survey off has no counterpart');
    const days = conditions.number('seenSurveyWaitPeriodInDays');
    if (days !== undefined && days >= 1) draft.frequency.coolDown = `${Math.round(days)}d`;
    if (conditions.take('linkedFlagVariant') !== undefined)
      hold(draft, conditions, 'linkedFlagVariant', `Use target.sample or a segment instead, ${THEN}`);
    conditions.noteRest('Targeting has no such condition here');
  }
  readFlags(survey, draft);
  readSchedule(survey, draft);
}

function hold(draft: Draft, fields: Fields, name: string, advice: string): void {
  draft.held = true;
  fields.note(name, `${HELD} ${advice}`);
}

function hasValue(value: unknown): boolean {
  if (isRecord(value) && Array.isArray(value.values)) return value.values.length > 0;
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== '';
}

/** `icontains` unless said otherwise; a pattern with * is the nearest there is. */
function readUrl(conditions: Fields, draft: Draft): void {
  const url = conditions.text('url');
  if (url === undefined) return;
  const match = conditions.text('urlMatchType') ?? 'icontains';
  if (url.includes('*') || (match !== 'icontains' && match !== 'exact')) {
    hold(draft, conditions, 'url', `Write it as a pattern with * into target.url, ${THEN}`);
    return;
  }
  draft.target.url = match === 'exact' ? url : url.includes('://') ? `*${url}*` : `*://*${url}*`;
  if (match === 'icontains')
    conditions.note(
      'url',
      `became the pattern ${draft.target.url}: capitals count here, and the query only after a ?`,
    );
}

/** The first event; its property filters as conditions. */
function readEvents(conditions: Fields, draft: Draft, notes: ImportNote[]): void {
  const events = conditions.object('events');
  if (!events) return;
  if (events.flag('repeatedActivation'))
    events.note('repeatedActivation', 'was left out: how often is said by frequency');
  events.list('values').forEach((of, i) => {
    const pointer = `${events.at('values')}/${i}`;
    const event = fieldsOf(of, pointer, notes);
    const name = event.text('name');
    if (i > 0) {
      notes.push({
        pointer,
        message: `the event "${(name ?? '').slice(0, 60)}" was left out: a survey has one. Put a copy of the survey with this one`,
      });
      return;
    }
    const where = whereOf(event.take('propertyFilters'));
    if (name === undefined || where === null) {
      draft.held = true;
      notes.push({ pointer, message: `${HELD} Write it as target.event with its where, ${THEN}` });
    } else draft.target.event = { event: name, ...(where ? { where } : {}) };
  });
}

/** Undefined without filters, null where one has no counterpart. */
function whereOf(filters: unknown): Where | undefined | null {
  if (!isRecord(filters)) return undefined;
  const all = Object.entries(filters).map(([name, filter]) => filterOf(name, filter));
  if (all.includes(null)) return null;
  if (all.length === 0) return undefined;
  return all.length === 1 ? (all[0] as Where) : { all: all as Where[] }; // none is null
}

function filterOf(name: string, filter: unknown): Where | null {
  if (!isRecord(filter) || !Array.isArray(filter.values) || filter.values.length === 0) return null;
  const values = filter.values.filter((value) => typeof value === 'string' || typeof value === 'number');
  if (values.length !== filter.values.length) return null;
  const path = `properties.${name}`;
  if (filter.operator === 'exact') return { path, op: 'in', value: values };
  if (filter.operator === 'is_not') return { path, op: 'not_in', value: values };
  const isNumeric = values.every((value) => String(value).trim() !== '' && Number.isFinite(Number(value)));
  if ((filter.operator === 'gt' || filter.operator === 'lt') && isNumeric && values.length === 1)
    return { path, op: filter.operator, value: Number(values[0]) };
  return null;
}

function readFlags(survey: Fields, draft: Draft): void {
  const flags = ['linked_flag', 'linked_flag_id', 'linked_flag_key', 'targeting_flag', 'targeting_flag_key'];
  const names = [...flags, 'targeting_flag_filters', 'feature_flag_keys'];
  const held = names.filter((name) => hasFlag(survey.take(name)));
  if (held.length > 0)
    hold(
      draft,
      survey,
      held[0] as string,
      `Define a segment of the same people, name it as target.segment, ${THEN}`,
    );
  // PostHog's own mark of who has seen the survey: frequency does that here.
  survey.skip('internal_targeting_flag', 'internal_targeting_flag_key');
}

/** Flags by name count where one is set. */
function hasFlag(value: unknown): boolean {
  if (Array.isArray(value)) return value.some((flag) => isRecord(flag) && Boolean(flag.key && flag.value));
  return isRecord(value) ? Object.keys(value).length > 0 : value !== undefined;
}

function readSchedule(survey: Fields, draft: Draft): void {
  const schedule = survey.text('schedule') ?? 'once';
  const days = survey.number('iteration_frequency_days');
  const count = survey.number('iteration_count');
  if (schedule === 'recurring' && days !== undefined && days >= 1) {
    Object.assign(draft.frequency, { times: 1, every: `${Math.round(days)}d` });
    if (count !== undefined)
      survey.note('iteration_count', `${count} times was left out: set endAt to when it shall stop`);
  } else if (schedule === 'once') Object.assign(draft.frequency, { times: 1, every: FOR_EVER });
  else
    survey.note(
      'schedule',
      `"${schedule.slice(0, 40)}" was left out: a person is asked once in 90 days. Set frequency.times and frequency.every`,
    );
  survey.skip('current_iteration', 'current_iteration_start_date', 'iteration_start_dates');
}
