// Matrices: several rows answered by the same columns.
// Invariant: an answer names rows and columns of the question only; rows may be left out.
import { isObject } from '../../../wire/shape.ts';
import type { SurveyQuestion } from '../../../wire/survey.ts';
import { cronbachAlpha, meanOfCounts } from '../statistics/index.ts';
import { estimate, idOf, type Kind, placesOf, shareOf } from './kind.ts';

/** By row, the place of the column; null where the row was left out. */
export type MatrixAnswer = readonly (number | null)[];

export const matrixKind: Kind<MatrixAnswer> = {
  read(raw, { options, labels }) {
    if (!isObject(raw)) return null;
    const [rows, columns] = [placesOf(options), placesOf(labels)];
    const answer = new Array<number | null>(options.length).fill(null);
    for (const [key, value] of Object.entries(raw)) {
      if (value === null) continue;
      const [row, column] = [rows.get(key), columns.get(idOf(value) ?? '')];
      if (row === undefined || column === undefined) return null;
      answer[row] = column;
    }
    return answer.some((column) => column !== null) ? answer : null;
  },
  figures(answers, { options, labels }) {
    const alpha = cronbachAlpha(answers);
    return {
      rows: options.map(({ id }, row) => {
        const counts = new Array<number>(labels.length).fill(0);
        for (const { [row]: column } of answers)
          if (typeof column === 'number') counts[column] = (counts[column] as number) + 1;
        const n = counts.reduce((sum, count) => sum + count, 0);
        const columns = labels.map(({ id: column }, i) => ({
          id: column,
          ...shareOf(counts[i] as number, n),
        }));
        return { id, n, columns, mean: estimate(meanOfCounts(counts, 1)) };
      }),
      reliability: alpha && { ...estimate(alpha), items: alpha.items },
    };
  },
  measures: ({ options, labels }) =>
    options.map(({ id }, row) => ({
      figure: 'mean',
      of: id,
      score: ({ [row]: column }) => (typeof column === 'number' ? column + 1 : null),
      range: [1, labels.length],
    })),
  categories: ({ options, labels }: SurveyQuestion) =>
    options.map(({ id }, row) => ({
      of: id,
      rows: labels.map((label) => label.id),
      rowOf: ({ [row]: column }) => column ?? null,
    })),
};
