// Choices: one of several, any of several, and consent.
// Invariant: an answer names options of the question, each once; a choice of one's own only where it is asked for.
import type { JsonObject, JsonValue } from '../../../wire/message.ts';
import { CONSENT_ANSWERS, type SurveyQuestion } from '../../../wire/survey.ts';
import { productMarketFit } from '../statistics/index.ts';
import { idOf, type Kind, type Measure, placesOf, shareOf } from './kind.ts';

/** Places of the options chosen; the number of options stands for a choice of one's own, whose text is `own`. */
export interface Choice {
  picked: readonly number[];
  own: string | null;
}

/** Choices of one's own that are listed, the commonest first. */
const MAX_OWN = 20;
/** What is kept of one, characters: as of an option in a definition. */
const MAX_OWN_CHARS = 200;

export const singleKind: Kind<Choice> = {
  read: (raw, question) => (typeof raw === 'object' ? null : choiceOf([raw], question)),
  figures: (answers, question) => ({ ...choices(answers, question), ...fitOf(answers, question) }),
  measures: (question) => (isFit(question) ? [fitMeasure] : shares(question)),
  categories: (question) => [{ of: null, rows: idsOf(question), rowOf: ({ picked }) => picked[0] ?? null }],
};

export const multipleKind: Kind<Choice> = {
  read(raw, question) {
    const chosen = Array.isArray(raw) ? choiceOf(raw, question) : null;
    const { min = 0, max = Number.POSITIVE_INFINITY } = question;
    return chosen && chosen.picked.length >= min && chosen.picked.length <= max ? chosen : null;
  },
  figures: choices,
  measures: shares,
  // Somebody is in several rows, so each option is a table of its own.
  categories: (question) =>
    idsOf(question).map((of, place) => ({
      of,
      rows: ['chosen', 'not chosen'],
      rowOf: ({ picked }) => (picked.includes(place) ? 0 : 1),
    })),
};

export const consentKind: Kind<boolean> = {
  read: (raw) => (raw === 'accepted' ? true : raw === 'declined' ? false : null),
  figures(answers) {
    const accepted = answers.filter(Boolean).length;
    const { share, interval } = shareOf(accepted, answers.length);
    return { accepted, declined: answers.length - accepted, score: share, interval };
  },
  measures: () => [{ figure: 'share', of: CONSENT_ANSWERS[0], score: (answer) => answer, range: [0, 1] }],
  categories: () => [{ of: null, rows: CONSENT_ANSWERS, rowOf: (answer) => (answer ? 0 : 1) }],
};

function choiceOf(raw: readonly JsonValue[], question: SurveyQuestion): Choice | null {
  const places = placesFor(question);
  const picked = new Set<number>();
  let own: string | null = null;
  for (const item of raw) {
    const id = idOf(item);
    if (id === null) return null;
    const place = places.get(id) ?? question.options.length;
    if (picked.has(place)) return null;
    picked.add(place);
    if (place < question.options.length) continue;
    if (!question.other || id.trim() === '') return null;
    own = id.trim().slice(0, MAX_OWN_CHARS);
  }
  return { picked: [...picked].sort((a, b) => a - b), own };
}

const known = new WeakMap<SurveyQuestion, ReadonlyMap<string, number>>();

/** Asked for with every answer, hence kept. */
function placesFor(question: SurveyQuestion): ReadonlyMap<string, number> {
  const places = known.get(question) ?? placesOf(question.options);
  known.set(question, places);
  return places;
}

/** Ids of the options; a choice of one's own, where there is such, has the last place and this name. */
function idsOf({ options, other }: SurveyQuestion): string[] {
  return [...options.map(({ id }) => id), ...(other ? [OTHER] : [])];
}
const OTHER = 'other';

function choices(answers: readonly Choice[], question: SurveyQuestion): JsonObject {
  const counts = new Array<number>(question.options.length + 1).fill(0);
  const own = new Map<string, number>();
  for (const { picked, own: text } of answers) {
    for (const place of picked) counts[place] = (counts[place] as number) + 1;
    if (text !== null) own.set(text, (own.get(text) ?? 0) + 1);
  }
  const n = answers.length;
  const ordered = [...own].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, MAX_OWN);
  return {
    options: question.options.map(({ id }, i) => ({ id, ...shareOf(counts[i] as number, n) })),
    ...(question.other
      ? {
          other: {
            ...shareOf(counts[question.options.length] as number, n),
            answers: ordered.map(([text, count]) => ({ text, count })),
          },
        }
      : {}),
  };
}

function shares(question: SurveyQuestion): Measure<Choice>[] {
  return idsOf(question).map((of, place) => ({
    figure: 'share',
    of,
    score: ({ picked }) => picked.includes(place),
    range: [0, 1],
  }));
}

const isFit = ({ measure }: SurveyQuestion): boolean => measure === 'pmf';

/** Very, somewhat, not disappointed; a fourth option is for those who no longer use it. */
const fitMeasure: Measure<Choice> = {
  figure: 'share',
  of: null,
  score: ({ picked: [place = 3] }) => (place < 3 ? place === 0 : null),
  range: [0, 1],
};

function fitOf(answers: readonly Choice[], question: SurveyQuestion): JsonObject {
  if (!isFit(question)) return {};
  const counts = [0, 0, 0, 0];
  for (const { picked } of answers) for (const place of picked) counts[place] = (counts[place] ?? 0) + 1;
  const [very = 0, somewhat = 0, not = 0, noLongerUse = 0] = counts;
  const fit = productMarketFit({ very, somewhat, not, noLongerUse });
  return {
    measure: 'pmf',
    score: fit?.value ?? null,
    interval: fit?.interval ?? null,
    base: very + somewhat + not,
    threshold: fit?.threshold ?? null,
    verdict: fit?.verdict ?? 'undecided',
    enough: fit?.enough ?? false,
  };
}
