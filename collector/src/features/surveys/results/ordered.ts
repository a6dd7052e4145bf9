// Items put in order, and the best and the worst of them.
// Invariant: an answer names items of the question, none twice.
import type { JsonObject } from '../../../wire/message.ts';
import { isObject } from '../../../wire/shape.ts';
import type { SurveyQuestion } from '../../../wire/survey.ts';
import { maxDiff, ranking } from '../statistics/index.ts';
import { estimate, idOf, type Kind, placesOf } from './kind.ts';

const idsOf = ({ options }: SurveyQuestion): string[] => options.map(({ id }) => id);

/** Ids, best first; it may be incomplete. */
export const rankingKind: Kind<readonly string[]> = {
  read(raw, question) {
    if (!Array.isArray(raw)) return null;
    const places = placesOf(question.options);
    const ids = raw.map(idOf);
    const isValid = ids.every((id) => id !== null && places.has(id)) && new Set(ids).size === ids.length;
    return isValid ? (ids as string[]) : null; // checked
  },
  figures(answers, question) {
    const found = ranking(answers, idsOf(question));
    return {
      items: (found?.items ?? []).map(({ item, rank, points, borda, first }) => ({
        id: item,
        rank: estimate(rank),
        points,
        borda: estimate(borda),
        first: estimate(first),
      })),
    };
  },
  measures: (question) =>
    idsOf(question).map((of) => ({
      figure: 'rank',
      of,
      score: (order) => (order.includes(of) ? order.indexOf(of) + 1 : null),
      range: [1, question.options.length],
    })),
  categories: (question) => {
    const places = placesOf(question.options);
    return [{ of: 'first', rows: idsOf(question), rowOf: ([first = '']) => places.get(first) ?? null }];
  },
};

export interface BestWorst {
  best: string;
  worst: string;
}

export const maxDiffKind: Kind<BestWorst> = {
  read(raw, question) {
    if (!isObject(raw)) return null;
    const [best, worst] = [idOf(raw.best), idOf(raw.worst)];
    const places = placesOf(question.options);
    if (best === null || worst === null || best === worst) return null;
    return places.has(best) && places.has(worst) ? { best, worst } : null;
  },
  figures(answers, question) {
    const shown = idsOf(question);
    return bestWorst(
      answers.map((answer) => [{ shown, ...answer }]),
      shown,
    );
  },
  measures: (question) =>
    idsOf(question).map((of) => ({
      figure: 'mean',
      of,
      score: ({ best, worst }) => Number(best === of) - Number(worst === of),
      range: [-1, 1],
    })),
  categories: (question) => {
    const places = placesOf(question.options);
    const row = (part: 'best' | 'worst') => ({
      of: part,
      rows: idsOf(question),
      rowOf: (answer: BestWorst) => places.get(answer[part]) ?? null,
    });
    return [row('best'), row('worst')];
  },
};

/** Best-worst scores of sets, each person's together. */
export function bestWorst(
  people: readonly (readonly (BestWorst & { shown: readonly string[] })[])[],
  items: readonly string[],
): JsonObject {
  const found = maxDiff(people, items);
  return {
    sets: found?.sets ?? 0,
    items: (found?.items ?? []).map(({ item, best, worst, shown, score, ratio }) => ({
      id: item,
      best,
      worst,
      shown,
      score: estimate(score),
      ratio,
    })),
  };
}

/** One question that shares its items with others: a design of several sets. */
export interface Design {
  questions: number[];
  items: string[];
}

/** Best-worst questions that share items, by their places; those that share with none are no design. */
export function designsOf(questions: readonly SurveyQuestion[]): Design[] {
  const designs: Design[] = [];
  questions.forEach((question, place) => {
    if (question.type !== 'maxdiff') return;
    const shared = designs.filter(({ items }) => question.options.some(({ id }) => items.includes(id)));
    const joined = {
      questions: [...shared.flatMap((design) => design.questions), place],
      items: [...new Set([...shared.flatMap(({ items }) => items), ...idsOf(question)])],
    };
    for (const design of shared) designs.splice(designs.indexOf(design), 1);
    designs.push(joined);
  });
  return designs.filter((design) => design.questions.length > 1);
}
