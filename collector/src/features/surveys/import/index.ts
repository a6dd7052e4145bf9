// Survey importers: the file of another tool in, definitions of ours out.
// Invariant: pure, and never throws, whatever JSON it is given.
import type { Fault } from '../../../wire/definitions.ts';
import { isRecord } from './fields.ts';
import { importFormbricks } from './formbricks.ts';
import type { ImportedSurvey } from './imported.ts';
import { importPosthog } from './posthog.ts';

export type { ImportedSurvey, ImportNote } from './imported.ts';

export const SURVEY_SOURCES = ['formbricks', 'posthog'] as const;
export type SurveySource = (typeof SURVEY_SOURCES)[number];

/** Most surveys of one file. */
const MAX_SURVEYS = 1_000;

const IMPORTERS = { formbricks: importFormbricks, posthog: importPosthog } as const;

export type ImportedSurveys = { ok: true; surveys: ImportedSurvey[] } | { ok: false; faults: Fault[] };

/** One survey, a list of them, or either as an API or an export wraps it: in `data`, `results` or `surveys`. */
export function importSurveys(json: unknown, from: SurveySource): ImportedSurveys {
  const found = surveysIn(json, '');
  if (found === null)
    return { ok: false, faults: [{ pointer: '', message: 'must be a survey, or a list of surveys' }] };
  if (found.length > MAX_SURVEYS)
    return {
      ok: false,
      faults: [{ pointer: '', message: `must not hold more than ${MAX_SURVEYS} surveys` }],
    };
  const keys = new Set<string>();
  return { ok: true, surveys: found.map(({ survey, pointer }) => IMPORTERS[from](survey, pointer, keys)) };
}

function surveysIn(json: unknown, pointer: string): { survey: unknown; pointer: string }[] | null {
  if (Array.isArray(json)) return json.map((survey, i) => ({ survey, pointer: `${pointer}/${i}` }));
  if (!isRecord(json)) return null;
  if (Array.isArray(json.questions) || Array.isArray(json.blocks)) return [{ survey: json, pointer }];
  // A wrapper holds no further one: a file cannot lead us in circles.
  const name = ['data', 'results', 'surveys'].find((field) => Object.hasOwn(json, field));
  if (name === undefined || pointer !== '') return [{ survey: json, pointer }];
  return surveysIn(json[name], `/${name}`);
}
