// Which kind of figures each type of question has.
// Invariant: every type has one.
import type { QuestionType } from '../../../wire/survey.ts';
import { consentKind, multipleKind, singleKind } from './choice.ts';
import { kanoKind } from './kano.ts';
import type { Kind } from './kind.ts';
import { matrixKind } from './matrix.ts';
import { maxDiffKind, rankingKind } from './ordered.ts';
import { priceKind } from './price.ts';
import { csatKind, meanKind, npsKind } from './scale.ts';
import { dateKind, infoKind, textKind } from './written.ts';

/** An answer as its own kind reads it: only that kind looks into it. */
export type Answer = NonNullable<unknown>;

export const KINDS: Readonly<Record<QuestionType, Kind<Answer>>> = {
  nps: npsKind,
  csat: csatKind,
  ces: meanKind,
  rating: meanKind,
  single_choice: singleKind,
  multiple_choice: multipleKind,
  open_text: textKind,
  ranking: rankingKind,
  matrix: matrixKind,
  maxdiff: maxDiffKind,
  kano: kanoKind,
  price_sensitivity: priceKind,
  date: dateKind,
  consent: consentKind,
  info: infoKind,
};
