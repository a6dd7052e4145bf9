// `tidemark import --surveys`: another tool's survey file to definitions, with a note on all that did not fit.
// Invariant: a survey that is defined already and differs is left alone unless it may be replaced.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  type ImportedSurvey,
  importSurveys,
  SURVEY_SOURCES,
  type SurveySource,
} from '../features/surveys/import/index.ts';
import type { Fault } from '../wire/definitions.ts';
import { legibleInLine } from './legible.ts';
import type { Ask, SurveyPut } from './operations.ts';
import { messageOf, UsageError } from './settings.ts';

/** Flags it knows. */
const FLAGS = ['surveys', 'from', 'replace', 'dry-run', 'json', 'db', 'help'];

export interface SurveyImport {
  flags: Readonly<Record<string, unknown>>;
  /** Runs work against the database, or against whoever serves it. */
  operate<T>(work: (ask: Ask) => Promise<T>): Promise<T>;
  /** To stdout: `words`, or the result as JSON. */
  report(result: unknown, words: string): void;
  /** To stderr. */
  tell(words: string): void;
}

/** @returns the exit code. @throws UsageError for flags or a file that cannot be used. */
export async function importSurveyFile({ flags, operate, report, tell }: SurveyImport): Promise<number> {
  const strange = Object.keys(flags).find((name) => flags[name] !== undefined && !FLAGS.includes(name));
  if (strange !== undefined) throw new UsageError(`import --surveys does not take --${strange}`);
  const surveys = readSurveys(resolve(String(flags.surveys)), readSource(flags.from));
  if (flags['dry-run'] === true) {
    const outcomes = surveys.map((survey) => outcomeOf(survey, 'checked'));
    const definitions = definitionsFile(surveys);
    // The definitions alone go to stdout, so that they can be kept as a file.
    report({ surveys: outcomes, definitions }, `${JSON.stringify(definitions, null, 2)}\n`);
    tell(`${describeOutcomes(outcomes)}A dry run: nothing was stored.\n`);
    return exitCode(outcomes);
  }
  const replace = flags.replace === true;
  const outcomes = await operate((ask) => putSurveys(surveys, { replace, ask }));
  report({ surveys: outcomes }, describeOutcomes(outcomes));
  return exitCode(outcomes);
}

/** What became of one survey; `checked` in a dry run. */
interface SurveyOutcome extends Omit<ImportedSurvey, 'definition'> {
  status: SurveyPut['status'] | 'checked';
  questions: number;
}

function readSource(text: unknown): SurveySource {
  const source = SURVEY_SOURCES.find((name) => name === text);
  if (source) return source;
  throw new UsageError(`import --surveys takes --from ${SURVEY_SOURCES.join(' or ')}`);
}

function readSurveys(file: string, from: SurveySource): ImportedSurvey[] {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`the survey file ${file} cannot be read: ${messageOf(error)}`);
  }
  const result = importSurveys(json, from);
  if (!result.ok) throw new UsageError(`the survey file ${file} ${listed(result.faults)}`);
  if (result.surveys.length === 0) throw new UsageError(`the survey file ${file} holds no survey`);
  return result.surveys;
}

/** Puts the surveys without faults. */
async function putSurveys(
  surveys: readonly ImportedSurvey[],
  { replace, ask }: { replace: boolean; ask: Ask },
): Promise<SurveyOutcome[]> {
  const definitions = surveys.flatMap(({ key, definition }) => (definition ? [{ key, definition }] : []));
  const { put } = await ask('put-surveys', { surveys: definitions, replace });
  return surveys.map((survey) => {
    const done = put.find(({ key }) => key === survey.key);
    const outcome = outcomeOf(survey, done?.status ?? 'invalid');
    return { ...outcome, faults: [...outcome.faults, ...(done?.faults ?? [])] };
  });
}

function outcomeOf(
  { definition, ...survey }: ImportedSurvey,
  status: SurveyOutcome['status'],
): SurveyOutcome {
  return {
    ...survey,
    status: survey.faults.length > 0 ? 'invalid' : status,
    questions: definition?.questions.length ?? 0,
  };
}

/** The definitions as a file that `tidemark apply` takes. */
const definitionsFile = (surveys: readonly ImportedSurvey[]): object => ({
  surveys: Object.fromEntries(
    surveys.flatMap(({ key, definition }) => (definition ? [[key, definition]] : [])),
  ),
});

const WORDS: Readonly<Record<SurveyOutcome['status'], string>> = {
  created: 'created',
  changed: 'changed',
  same: 'as it is defined already',
  kept: 'left alone: another survey has this key; --replace overwrites it',
  invalid: 'not imported',
  checked: 'can be imported',
};

/** One paragraph a survey: what became of it, its faults, its notes. */
function describeOutcomes(outcomes: readonly SurveyOutcome[]): string {
  return outcomes
    .map(({ key, name, status, questions, faults, notes }) => {
      const head = `${key} (${legibleInLine(name)}): ${WORDS[status]}, ${questions} questions, ${notes.length} notes\n`;
      const lines = [
        ...faults.map((fault) => ({ mark: '!', ...fault })),
        ...notes.map((note) => ({ mark: '-', ...note })),
      ];
      return (
        head +
        lines
          .map(({ mark, pointer, message }) => `  ${mark} ${legibleInLine(`${pointer} ${message}`)}\n`)
          .join('')
      );
    })
    .join('');
}

/** 0 when every survey is in force as the file says, else 2. */
const exitCode = (outcomes: readonly SurveyOutcome[]): number =>
  outcomes.every(({ status }) => status !== 'invalid' && status !== 'kept') ? 0 : 2;

const listed = (faults: readonly Fault[]): string =>
  faults.map(({ pointer, message }) => `${pointer} ${message}`.trim()).join('; ');
