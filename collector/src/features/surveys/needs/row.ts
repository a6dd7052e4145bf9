// The rows of the needs board: one for each feature, whichever surveys speak of it.
// Invariant: a feature that two surveys map to different events is two rows, never a mixture.
import type { SurveyDefinition, Where } from '../../../wire/definitions.ts';
import type { FeatureDefinition } from '../../../wire/survey-definition.ts';
import { optionId } from '../../../wire/survey-way.ts';
import { mentionsAny } from './mentions.ts';

export interface Row {
  key: string;
  name: string;
  event: string | null;
  where: Where | null;
  /** Keys of the surveys that speak of it. */
  surveys: string[];
}

/** What of one survey's answers says something about rows. */
export interface SurveyMap {
  survey: string;
  /** By question: the options shown together, and which row each is about. */
  weighed: Map<string, { options: ReadonlySet<string>; rowOf: ReadonlyMap<string, number> }>;
  /** By kano question: its row. */
  felt: Map<string, number>;
  spoken: { row: number; test: (text: string) => boolean }[];
  /** Questions whose answers are texts. */
  openQuestions: ReadonlySet<string>;
  /** All its questions. */
  questions: ReadonlySet<string>;
}

export interface Board {
  rows: Row[];
  maps: SurveyMap[];
}

/** Surveys by key, in that order; those without features give nothing. */
export function boardOf(surveys: readonly (readonly [key: string, definition: SurveyDefinition])[]): Board {
  const rows: Row[] = [];
  const places = new Map<string, number>();
  const maps = surveys.flatMap(([survey, { questions, features }]): SurveyMap[] => {
    if (!features) return [];
    const at = features.map(({ key, name, event = null, where = null }) => {
      const id = JSON.stringify([key, event, where]);
      const place = places.get(id) ?? rows.push({ key, name, event, where, surveys: [] }) - 1;
      places.set(id, place);
      rows[place]?.surveys.push(survey);
      return place;
    });
    const mapped = <T>(of: (feature: FeatureDefinition) => T | undefined): [T, number][] =>
      features.flatMap((feature, i) => {
        const value = of(feature);
        return value === undefined ? [] : [[value, at[i] as number] as [T, number]];
      });
    const rowOf = new Map(mapped(({ maxdiff }) => maxdiff));
    const weighed = questions
      .filter(({ type }) => type === 'maxdiff')
      .map(({ id, options = [] }) => [id, { options: new Set(options.map(optionId)), rowOf }] as const);
    const open = questions.filter(({ type }) => type === 'open_text').map(({ id }) => id);
    return [
      {
        survey,
        weighed: new Map(weighed),
        felt: new Map(mapped(({ kano }) => kano)),
        spoken: mapped(({ terms }) => terms).map(([terms, row]) => ({ row, test: mentionsAny(terms) })),
        openQuestions: new Set(open),
        questions: new Set(questions.map(({ id }) => id)),
      },
    ];
  });
  return { rows, maps };
}
