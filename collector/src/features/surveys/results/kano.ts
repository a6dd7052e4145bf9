// Kano questions: how a feature feels when it is there and when it is not.
// Invariant: an answer is a pair of the five answers of the scale, kept as its category.
import { isObject } from '../../../wire/shape.ts';
import { kano, kanoCategory } from '../statistics/index.ts';
import { estimate, type Kind, shareOf } from './kind.ts';

const CATEGORIES = ['A', 'O', 'M', 'I', 'R', 'Q'] as const;
type Category = (typeof CATEGORIES)[number];

export const kanoKind: Kind<Category> = {
  read(raw) {
    if (!isObject(raw)) return null;
    const { functional, dysfunctional } = raw;
    return typeof functional === 'string' && typeof dysfunctional === 'string'
      ? kanoCategory(functional, dysfunctional)
      : null;
  },
  figures(answers) {
    const counts = { A: 0, O: 0, M: 0, I: 0, R: 0, Q: 0 };
    for (const category of answers) counts[category]++;
    const found = kano(counts);
    return {
      category: found?.category ?? null,
      better: estimate(found?.better ?? null),
      worse: estimate(found?.worse ?? null),
      categoryStrength: found?.categoryStrength ?? null,
      totalStrength: estimate(found?.totalStrength ?? null),
      categories: CATEGORIES.map((id) => ({ id, ...shareOf(counts[id], answers.length) })),
    };
  },
  measures: () => [
    { figure: 'better', of: null, score: partOf('AO', 1), range: [0, 1] },
    { figure: 'worse', of: null, score: partOf('OM', -1), range: [-1, 0] },
  ],
  categories: () => [{ of: null, rows: CATEGORIES, rowOf: (category) => CATEGORIES.indexOf(category) }],
};

/** Reverse and questionable answers take no part. */
function partOf(categories: string, sign: 1 | -1) {
  return (category: Category): number | null =>
    'RQ'.includes(category) ? null : categories.includes(category) ? sign : 0;
}
