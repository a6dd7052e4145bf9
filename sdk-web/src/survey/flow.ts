// Which question comes next, and what earlier answers and traits put into a text.
// Invariant: only ever forward; what comes out is text.
import type {
  LocalText,
  OfferedSurvey,
  SurveyOption,
  SurveyQuestion,
} from '../../../collector/src/wire/survey.ts';
import { compare } from './compare.ts';
import type { english, Words } from './words.ts';

/** What an answer leads to; undefined is the end. */
export function nextOf(
  { questions }: OfferedSurvey,
  question: SurveyQuestion,
  answer: unknown,
  now: number,
): SurveyQuestion | undefined {
  const place = questions.indexOf(question);
  const branch = question.next.find(({ when }) => !when || compare(when.op, answer, when.value, now));
  if (!branch) return questions[place + 1];
  // A branch to nowhere, or back, would never end.
  return questions.slice(place + 1).find(({ id }) => id === branch.go);
}

/** A text in one language, or in the survey's first. */
export const localText = (text: LocalText, languages: readonly string[]): string =>
  typeof text === 'string' ? text : (languages.map((name) => text[name]).find(Boolean) ?? '');

/** A trait by its key, or by a path into it, as conditions read them. */
function traitOf(traits: Record<string, unknown>, key: string): unknown {
  if (Object.hasOwn(traits, key)) return traits[key];
  return key
    .split('.')
    .reduce<unknown>(
      (at, step) =>
        typeof at === 'object' && at && Object.hasOwn(at, step) ? (at as typeof traits)[step] : undefined,
      traits,
    );
}

/** An answer in words: labels for ids. */
export function wordsOf(
  question: SurveyQuestion | undefined,
  answer: unknown,
  text: (of: LocalText) => string,
  words: Words,
): string {
  if (answer === null || answer === undefined) return '';
  if (typeof answer === 'object')
    return Object.values(answer)
      .map((item) => wordsOf(question, item, text, words))
      .join(', ');
  const option = [...(question?.options ?? []), ...(question?.labels ?? [])].find(
    ({ id }: SurveyOption) => id === answer,
  );
  if (option) return text(option.label);
  const word = question?.type === 'kano' && words[answer as keyof typeof english];
  return word || `${answer}`;
}

/**
 * Fills `{{answer.<question id>}}` and `{{trait.<key>}}`, each with a fallback after `|`.
 * @param describe an earlier answer in words
 */
export function pipe(
  text: string,
  describe: (questionId: string) => string,
  traits: Record<string, unknown>,
): string {
  return text.replace(
    /\{\{\s*(answer|trait)\.([^{}|]+?)\s*(?:\|([^{}]*))?\}\}/g,
    (_, kind: string, key: string, fallback = '') => {
      const value = kind === 'trait' ? traitOf(traits, key) : describe(key);
      return /^[snb]/.test(typeof value) && value !== '' ? `${value}` : fallback.trim();
    },
  );
}
