// Dates, open text and what is only read.
// Invariant: of a text its beginning is kept, which is all that themes read.
import { readInstant } from '../../../wire/instant.ts';
import { medianOf } from '../statistics/index.ts';
import { MAX_ANSWER_CHARS } from '../statistics/words.ts';
import { idOf, type Kind } from './kind.ts';

/** Epoch ms. */
export const dateKind: Kind<number> = {
  read: (raw) => (typeof raw === 'string' ? (readInstant(raw) ?? null) : null),
  figures(answers) {
    const day = (time: number | null) => (time === null ? null : new Date(time).toISOString().slice(0, 10));
    let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const time of answers) {
      first = Math.min(first, time);
      last = Math.max(last, time);
    }
    const isEmpty = answers.length === 0;
    return {
      earliest: isEmpty ? null : day(first),
      median: day(medianOf(answers)),
      latest: isEmpty ? null : day(last),
    };
  },
  measures: () => [],
  categories: () => [],
};

export const textKind: Kind<string> = {
  read: (raw) => idOf(raw)?.trim().slice(0, MAX_ANSWER_CHARS) ?? null,
  // Themes take all texts together, interviews' too: see open-text.ts.
  figures: () => ({}),
  measures: () => [],
  categories: () => [],
};

/** Nothing can be answered. */
export const infoKind: Kind<never> = {
  read: () => null,
  figures: () => ({}),
  measures: () => [],
  categories: () => [],
};
