// Who answered too fast to have read, and who gave one answer to everything.
// Invariant: a person is only pointed at; whether the answers count is for the survey's owner to say.
import { areCounts, DEFAULT_LEVEL, type Estimate } from './estimate.ts';
import { mean } from './mean.ts';
import { proportion } from './proportion.ts';

export interface Speed {
  n: number;
  /** Seconds, like the following. */
  median: number;
  /** Median absolute deviation from the median, unscaled. */
  mad: number;
  mean: number;
  sd: number | null;
  halfMedian: SpeedRule;
  /** Median less 2.5 scaled MAD; null when more than half took the same time. */
  robust: SpeedRule | null;
}

export interface SpeedRule {
  /** Seconds below which somebody is a speeder. */
  threshold: number;
  /** Places in the list given. */
  speeders: number[];
  share: Estimate | null;
}

/** Makes the MAD an estimate of a normal distribution's standard deviation: 1/Φ⁻¹(3/4). */
const MAD_SCALE = 1.4826;
/** C. Leys et al., J. Experimental Social Psychology 49 (2013): 2.5 scaled MAD as the default. */
const ROBUST_CUT = 2.5;

/**
 * Two rules for speeders: less than half the median (R. Greszki, M. Meyer, H. Schoen, 2014), and less than
 * the median by 2.5 scaled MAD (Leys et al. 2013). Not a rule by mean and standard deviation, since one
 * forgotten tab of 300 s hides every speeder. Times that are no finite numbers from 0 are left out; null
 * when none is left.
 */
export function speed(seconds: readonly number[], level = DEFAULT_LEVEL): Speed | null {
  const valid = seconds.filter((time) => areCounts([time]));
  const average = mean(valid, level);
  const middle = medianOf(valid);
  if (!average || middle === null) return null;
  const mad = medianOf(valid.map((time) => Math.abs(time - middle))) as number; // not empty
  const rule = (threshold: number): SpeedRule => {
    const speeders = seconds.flatMap((time, i) => (time >= 0 && time < threshold ? [i] : []));
    return { threshold, speeders, share: proportion(speeders.length, valid.length, level) };
  };
  return {
    n: valid.length,
    median: middle,
    mad,
    mean: average.value,
    sd: average.sd,
    halfMedian: rule(middle / 2),
    robust: mad > 0 ? rule(middle - ROBUST_CUT * MAD_SCALE * mad) : null,
  };
}

/** The middle value, or the mean of the two middle ones; null of nothing. */
export function medianOf(values: readonly number[]): number | null {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  const high = sorted[sorted.length >> 1];
  if (high === undefined) return null;
  if (sorted.length % 2 === 1) return high;
  const low = sorted[(sorted.length >> 1) - 1] as number;
  return low + (high - low) / 2;
}

export interface StraightLines {
  /** People with a grid long enough to judge. */
  n: number;
  /** Places in the list given. */
  straightLiners: number[];
  share: Estimate | null;
}

/** In a shorter grid one answer throughout is nothing strange. */
const MIN_GRID_ANSWERS = 4;

/**
 * Who gave the same answer to every item of a grid (Y. Kim et al., Social Science Computer Review 37, 2019:
 * "simple nondifferentiation"). Missing answers are passed over; null when no grid has four answers.
 */
export function straightLines(
  grids: readonly (readonly (number | string | null)[])[],
  level = DEFAULT_LEVEL,
): StraightLines | null {
  const answers = grids.map((grid) => grid.filter((answer) => answer !== null));
  const n = answers.filter(({ length }) => length >= MIN_GRID_ANSWERS).length;
  const straightLiners = answers.flatMap((grid, i) =>
    grid.length >= MIN_GRID_ANSWERS && grid.every((answer) => answer === grid[0]) ? [i] : [],
  );
  const share = proportion(straightLiners.length, n, level);
  return share && { n, straightLiners, share };
}
