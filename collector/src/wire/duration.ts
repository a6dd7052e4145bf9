// Lengths of time as definitions write them: a whole number and one unit, `"30d"`.
// Invariant: every accepted text stands for 1 ms to MAX_DURATION_MS, so that clock arithmetic stays exact.

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** A century: longer than any history kept, and far inside the range of dates. */
export const MAX_DURATION_MS = 36_525 * 86_400_000;

export const DURATION_PATTERN = /^[0-9]{1,10}[smhdw]$/;

/** The length in milliseconds, or undefined when the text is no duration (`"30d"`; s m h d w). */
export function readDuration(text: string): number | undefined {
  if (!DURATION_PATTERN.test(text)) return undefined;
  const ms = Number(text.slice(0, -1)) * (UNIT_MS[text.slice(-1)] as number);
  return ms > 0 && ms <= MAX_DURATION_MS ? ms : undefined;
}

/**
 * The length in milliseconds of a duration that validation has already let through.
 * @throws RangeError for any other text: that is a broken invariant, not bad input.
 */
export function durationMs(text: string): number {
  const ms = readDuration(text);
  if (ms === undefined) throw new RangeError(`not a duration: ${JSON.stringify(text)}`);
  return ms;
}
