// The needs board: what people say they need beside what they do, feature by feature.
// Invariant: all figures are as of one clock and of one group of people; what is not known is null.
import type { Core, Probe, Report } from '../../../ingest/core.ts';
import type { SurveyDefinition, Where } from '../../../wire/definitions.ts';
import { durationMs } from '../../../wire/duration.ts';
import { compareProportions, type Estimate, type Kano, proportion } from '../statistics/index.ts';
import { type Importance, importanceOf, type Opportunity, opportunityOf } from './opportunity.ts';
import { boardOf, type Row } from './row.ts';
import { createStatedReader, type Spoken, type Stated, type Weighed } from './stated.ts';

/** The window unless one is given. */
export const DEFAULT_WITHIN = '30d';

export interface NeedsQuestion {
  /** Surveys to read; null: all that map features. */
  surveys: readonly string[] | null;
  /** Whose statements and use; null: everybody's. */
  segment: string | null;
  /** A duration. */
  within: string;
  signal?: AbortSignal;
}

export interface Retention {
  /** Share still active, of those who used it in the window before the last. */
  users: Estimate | null;
  /** Of those who were active then without using it. */
  nonUsers: Estimate | null;
  /** Users minus non-users, with Newcombe's interval. */
  difference: Estimate | null;
}

export interface FeatureNeed {
  key: string;
  name: string;
  surveys: string[];
  event: string | null;
  where: Where | null;
  stated: {
    importance: Importance | null;
    maxdiff: Omit<Weighed, 'error'> | null;
    kano: Kano | null;
    themes: Spoken | null;
  };
  revealed: {
    /** Share of people with the event in the window. */
    use: Estimate | null;
    retention: Retention | null;
  };
  opportunity: Opportunity | null;
}

export interface Needs {
  at: string;
  within: string;
  segment: string | null;
  surveys: string[];
  /** People looked at. */
  people: number;
  /** The greatest opportunity first; those without one last. */
  features: FeatureNeed[];
}

export type NeedsFailure =
  | { unknown: 'segment' }
  | { unknown: 'survey'; key: string }
  | { noFeatures: string };

/** `pause` lets others go on. */
export async function readNeeds(
  core: Pick<Core, 'definitions' | 'report'>,
  { surveys: wanted, segment, within, signal }: NeedsQuestion,
  pause: () => Promise<void>,
): Promise<Needs | NeedsFailure | 'building'> {
  const defined = (await core.definitions('surveys')).map(
    ({ key, definition }) => [key, definition as SurveyDefinition] as const, // of their kind
  );
  for (const key of wanted ?? []) {
    const found = defined.find(([name]) => name === key);
    if (!found) return { unknown: 'survey', key };
    if (!found[1].features) return { noFeatures: key };
  }
  const chosen = defined.filter(([key, { features }]) => features && (wanted?.includes(key) ?? true));
  const board = boardOf(chosen);
  const report = await core.report(segment, signal);
  if (report === 'unknown_segment') return { unknown: 'segment' };
  if (report === 'building') return report;
  const reader = createStatedReader(board);
  for (const map of board.maps)
    await report.submissions(map.survey, (person, submission) => {
      if (segment === null || report.people.has(person)) reader.add(map, person, submission);
    });
  const stated = await reader.finish(pause);
  const revealed = await readRevealed(report, board.rows, durationMs(within));
  const features: FeatureNeed[] = [];
  for (const [i, row] of board.rows.entries()) {
    features.push(featureOf(row, stated[i] as Stated, revealed[i] as FeatureNeed['revealed'])); // one a row
    await pause();
  }
  return {
    at: new Date(report.clock).toISOString(),
    within,
    segment,
    surveys: chosen.map(([key]) => key),
    people: report.people.size,
    features: features.sort(byOpportunity),
  };
}

const byOpportunity = (a: FeatureNeed, b: FeatureNeed): number =>
  (b.opportunity?.value ?? -1) - (a.opportunity?.value ?? -1) || (a.key < b.key ? -1 : 1);

function featureOf(row: Row, stated: Stated, revealed: FeatureNeed['revealed']): FeatureNeed {
  const { maxdiff, kano, themes } = stated;
  return {
    ...row,
    stated: { importance: importanceOf(stated), maxdiff: maxdiff && shown(maxdiff), kano, themes },
    revealed,
    opportunity: opportunityOf(stated, revealed.use),
  };
}

const shown = ({ error: _error, ...rest }: Weighed): Omit<Weighed, 'error'> => rest;

interface Counts {
  used: number;
  /** Active in the window before the last, by whether they used it then; and of these still active. */
  users: { n: number; count: number };
  nonUsers: { n: number; count: number };
}

/** One walk over the people for all rows. */
async function readRevealed(
  report: Report,
  rows: readonly Row[],
  window: number,
): Promise<FeatureNeed['revealed'][]> {
  const counts = rows.map(
    (): Counts => ({ used: 0, users: { n: 0, count: 0 }, nonUsers: { n: 0, count: 0 } }),
  );
  const last = { from: window, to: 0 };
  const before = { from: 2 * window, to: window };
  const mapped = rows.flatMap(({ event, where }, row) =>
    event === null ? [] : [{ row, event, ...(where ? { where } : {}) }],
  );
  const revealed = rows.map((): FeatureNeed['revealed'] => ({ use: null, retention: null }));
  if (mapped.length === 0) return revealed;
  const probes: Probe[] = [
    { event: '*', ...last },
    { event: '*', ...before },
    ...mapped.map(({ event, where }) => ({ event, where, ...last })),
    ...mapped.map(({ event, where }) => ({ event, where, ...before })),
  ];
  let people = 0;
  await report.activity(probes, (did) => {
    people++;
    const [isActive = false, wasActive = false] = did;
    mapped.forEach(({ row }, i) => {
      const of = counts[row] as Counts; // one a row
      if (did[2 + i]) of.used++;
      if (!wasActive) return;
      const side = did[2 + mapped.length + i] ? of.users : of.nonUsers;
      side.n++;
      if (isActive) side.count++;
    });
  });
  for (const { row } of mapped) {
    const { used, users, nonUsers } = counts[row] as Counts; // one a row
    revealed[row] = { use: proportion(used, people), retention: retentionOf(users, nonUsers) };
  }
  return revealed;
}

function retentionOf(users: Counts['users'], nonUsers: Counts['users']): Retention {
  const compared = compareProportions(users, nonUsers);
  return {
    users: proportion(users.count, users.n),
    nonUsers: proportion(nonUsers.count, nonUsers.n),
    difference: compared && { value: compared.value, interval: compared.newcombe, n: compared.n },
  };
}
