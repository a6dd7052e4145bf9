// `{ trait, op, value, for }`: a comparison that held without a break for that long (contract section 6).
// Invariant: the comparison is made afresh at every moment at which its answer could change.
import type { Op, Operand } from '../../collector/src/wire/definitions.ts';
import { compares, instantOf, msOf } from './comparison.ts';
import type { ModelMessage } from './history.ts';
import { declaredTraits, traitOf } from './traits.ts';

interface Hold {
  trait: string;
  op: Op;
  value?: Operand | undefined;
}

/** Whether it held at every moment from `now` - `lengthMs` to `now`. `messages` are one person's, in order. */
export function holdsFor(
  { trait, op, value }: Hold,
  lengthMs: number,
  messages: readonly ModelMessage[],
  now: number,
): boolean {
  const first = messages[0]?.time ?? Number.POSITIVE_INFINITY;
  const writers = messages.filter((message) => message.type === 'identify');
  const valueAt = (moment: number) =>
    traitOf(declaredTraits(writers.filter((writer) => writer.time <= moment)), trait);
  const heldAt = (moment: number): boolean => first <= moment && compares(valueAt(moment), op, value, moment);

  // A value changes with its writer; a date comes into or out of a relative window at its own moments.
  const moments = new Set<number>(writers.map((writer) => writer.time));
  const reach = typeof value === 'string' && op.startsWith('within_') ? msOf(value) : 0;
  for (const { time } of writers) {
    const date = instantOf(valueAt(time));
    if (date === undefined) continue;
    for (const moment of [date - reach, date, date + reach]) moments.add(moment);
  }
  const from = now - lengthMs;
  return heldAt(from) && [...moments].every((moment) => moment < from || moment > now || heldAt(moment));
}
