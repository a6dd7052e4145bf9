// Surveys for bundlers: what shows them, and each language, is a chunk of its own.
// Invariant: importing it touches no browser API.
import { createTrigger } from '../survey/trigger.ts';
import type { LoadWords, Surveys } from '../survey/types.ts';

export type { OfferedSurvey } from '../../../collector/src/wire/survey.ts';
export type { ShowOptions, SurveyEvent, SurveyNews, Surveys } from '../survey/types.ts';

const LANGUAGES: Record<string, ReturnType<LoadWords> extends infer P ? () => P : never> = {
  ar: () => import('../survey/languages/ar.ts'),
  de: () => import('../survey/languages/de.ts'),
  es: () => import('../survey/languages/es.ts'),
  fr: () => import('../survey/languages/fr.ts'),
  he: () => import('../survey/languages/he.ts'),
  ja: () => import('../survey/languages/ja.ts'),
  pt: () => import('../survey/languages/pt.ts'),
  zh: () => import('../survey/languages/zh.ts'),
};

/** A plugin with calls of its own: `analytics.use(surveys)` makes it work. */
export function createSurveys(): Surveys {
  return createTrigger(
    () => import('../survey/widget.ts'),
    (language) => LANGUAGES[language]?.() ?? Promise.reject(),
  );
}
export default createSurveys;
