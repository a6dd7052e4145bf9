// Results by group: members of a segment and others, or people by the value of a trait.
// Invariant: every submission is in exactly one group; the largest come first, and all past the limit are one.
import { canonical } from '../../../engine/values.ts';
import type { SurveySnapshot } from '../../../ingest/core.ts';
import type { JsonObject, JsonValue } from '../../../wire/message.ts';
import type { SurveyQuestion } from '../../../wire/survey.ts';
import { crossTab } from '../statistics/index.ts';
import { answersTo, type Submission } from './digest.ts';
import type { Categories } from './kind.ts';
import { type Answer, KINDS } from './kinds.ts';
import { plainFigures } from './measured.ts';
import type { Pace } from './pace.ts';

/** Groups that are told apart: more columns nobody compares, and each makes finds by chance likelier. */
const MAX_GROUPS = 12;
/** What is shown of a value, characters of its JSON. */
const MAX_VALUE_CHARS = 200;

interface Group {
  /** `in` or `out`, or the trait's value; null: none, and of all past the limit. */
  value: JsonValue;
  isOther: boolean;
  submissions: Submission[];
}

/** Null when nothing is told apart. */
export async function groupsOf(
  { split, members }: Pick<SurveySnapshot<unknown>, 'split' | 'members'>,
  submissions: readonly Submission[],
  questions: readonly SurveyQuestion[],
  pace: Pace,
): Promise<JsonObject | null> {
  if (!split) return null;
  const groupOf = ({ person }: Submission): JsonValue =>
    split.kind === 'segment' ? (members?.has(person) ? 'in' : 'out') : (split.values?.get(person) ?? null);
  const groups = await divide(submissions, groupOf, pace);
  const shown: JsonObject[] = [];
  for (const group of groups) shown.push(await figuresOf(group, questions, pace));
  const { kind, key } = split;
  return { by: { kind, key }, groups: shown, crossTabs: await crossTabsOf(groups, questions, pace) };
}

async function divide(
  submissions: readonly Submission[],
  groupOf: (of: Submission) => JsonValue,
  pace: Pace,
): Promise<Group[]> {
  const byValue = new Map<string, Group>();
  for (const [i, submission] of submissions.entries()) {
    const value = groupOf(submission);
    const text = canonical(value);
    const group = byValue.get(text) ?? { value: shownValue(value, text), isOther: false, submissions: [] };
    group.submissions.push(submission);
    byValue.set(text, group);
    if (i % EVERY === 0) await pace();
  }
  const ordered = [...byValue].sort(
    ([a, x], [b, y]) => y.submissions.length - x.submissions.length || (a < b ? -1 : 1),
  );
  const groups = ordered.slice(0, MAX_GROUPS).map(([, group]) => group);
  const rest = ordered.slice(MAX_GROUPS).flatMap(([, group]) => group.submissions);
  if (rest.length > 0) groups.push({ value: null, isOther: true, submissions: rest });
  return groups;
}

/** Steps between two looks at the pace. */
const EVERY = 500;

const shownValue = (value: JsonValue, text: string): JsonValue =>
  text.length <= MAX_VALUE_CHARS ? value : `${text.slice(0, MAX_VALUE_CHARS)}…`;

async function figuresOf(
  { value, isOther, submissions }: Group,
  questions: readonly SurveyQuestion[],
  pace: Pace,
): Promise<JsonObject> {
  const figures: JsonObject = {};
  for (const [place, question] of questions.entries()) {
    const answers = answersTo(submissions, place);
    figures[question.id] = { n: answers.length, figures: await plainFigures(question, answers, pace) };
  }
  const n = submissions.filter(({ content }) => content.status === 'completed').length;
  return { value, other: isOther, n, questions: figures };
}

/** By question, its answers against the groups; a question with several parts has a table for each. */
async function crossTabsOf(
  groups: readonly Group[],
  questions: readonly SurveyQuestion[],
  pace: Pace,
): Promise<JsonObject> {
  const tabs: JsonObject = {};
  for (const [place, question] of questions.entries()) {
    const answers = groups.map(({ submissions }) => answersTo(submissions, place));
    const tables: JsonObject[] = [];
    for (const categories of KINDS[question.type].categories(question)) {
      const table = tableOf(categories, answers);
      if (table) tables.push(table);
      await pace();
    }
    tabs[question.id] = tables;
  }
  return tabs;
}

/** Null where there is nothing to compare: fewer than two groups, or two different answers. */
function tableOf(
  { of, rows, rowOf }: Categories<Answer>,
  groups: readonly (readonly Answer[])[],
): JsonObject | null {
  const counts = rows.map(() => groups.map(() => 0));
  groups.forEach((answers, column) => {
    for (const answer of answers) {
      const row = counts[rowOf(answer) ?? rows.length];
      if (row) row[column] = (row[column] as number) + 1;
    }
  });
  const found = crossTab(counts);
  if (!found) return null;
  const { cells, ...tests } = found;
  return {
    of,
    ...tests,
    rows: rows.map((id, row) => ({
      id,
      cells: (cells[row] ?? []).map(({ columnShare, ...cell }) => ({
        ...cell,
        share: columnShare?.value ?? null,
        interval: columnShare?.interval ?? null,
      })),
    })),
  };
}
