// Chains of a sequence as its matches come, in order: the newest end of each step, and what waits.
// Invariant: chains that end later never begin earlier, so the newest chain end of each step decides for all.

/** What of a sequence decides how its chains go on. */
export interface Chains {
  /** Index of the absent step, or -1. */
  readonly absent: number;
  /** How soon each step must follow the one before, ms; Infinity unless given. */
  readonly gaps: readonly number[];
  /** `ever`, a fixed range (epoch ms, both ends inclusive), or a sliding window. */
  readonly reach: 'ever' | 'sliding' | { from: number; to: number };
}

/** The newest chain that ends with a step: when it ended and when its first step was. */
export type ChainEnd = [time: number, start: number] | 0;
/** A chain complete but for its absent step: when it will be, and when it began. */
export type Waiting = [at: number, start: number];

export interface ChainFold {
  ends: ChainEnd[];
  /** In order of `at`; those before `head` are settled. */
  waiting: Waiting[];
  head: number;
  /** More wait than `waiting` has. */
  more: boolean;
  /** Latest beginning of a chain that is complete. */
  complete: number | undefined;
}

const later = (a: number | undefined, b: number): number => (a === undefined ? b : Math.max(a, b));

/** Lets one match, the newest so far, take effect. Changes the ends in place: a refold takes 100,000 such steps. */
export function step(sequence: Chains, fold: ChainFold, time: number, bits: number): void {
  const { absent, gaps } = sequence;
  if (absent >= 0) {
    settleWaiting(fold, time);
    if (bits & (1 << absent)) {
      fold.waiting = [];
      fold.head = 0;
      fold.more = false;
    }
  }
  const last = fold.ends.length - 1;
  for (let i = last; i >= 0; i--) {
    if (!(bits & (1 << i))) continue;
    const before = i > 0 ? fold.ends[i - 1] : undefined;
    if (i > 0 && (!before || time >= before[0] + (gaps[i] as number))) continue;
    const start = before ? before[1] : time;
    const end = fold.ends[i];
    if (end) {
      end[0] = time;
      end[1] = start;
    } else fold.ends[i] = [time, start];
    if (i === last) finish(sequence, fold, time, start);
  }
}

function finish({ absent, gaps, reach }: Chains, fold: ChainFold, time: number, start: number): void {
  if (absent < 0) {
    fold.complete = later(fold.complete, start);
    return;
  }
  // An absence undoes all that wait at once: without a window the first of them speaks for the rest.
  if (fold.more || (reach !== 'sliding' && fold.head < fold.waiting.length)) return;
  fold.waiting.push([time + (gaps[absent] as number), start]);
}

/** Chains whose absent step can no longer come are complete. */
export function settleWaiting(fold: ChainFold, now: number): void {
  for (; fold.head < fold.waiting.length; fold.head++) {
    const [at, start] = fold.waiting[fold.head] as Waiting;
    if (at > now) return;
    fold.complete = later(fold.complete, start);
  }
}
