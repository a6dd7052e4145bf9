// Plays one random script after another until one disagrees with the model, and makes that one short.
// Invariant: the scripts are a function of the seed; a report holds all that is needed to play it again.
import fc from 'fast-check';
import { playScript } from './run-script.ts';
import { describeScript, type Script } from './script.ts';
import { shrinkScript } from './shrink.ts';

/** Longest the shrinking of a failure may take, in milliseconds. */
export const SHRINK_LIMIT_MS = 60_000;
/** Scripts drawn with one seed: the first few of a seed alone would be alike. */
const SCRIPTS_A_SEED = 50;

/** Scripts for ever, all drawn from `seed`. */
export function* scriptsFrom(scripts: fc.Arbitrary<Script>, seed: number): Generator<Script> {
  for (let round = 0; ; round++) {
    yield* fc.sample(scripts, { seed: (seed + round) | 0, numRuns: SCRIPTS_A_SEED });
  }
}

/** The same script on a collector that builds with the help of threads. */
export function withThreads(script: Script): Script {
  const [first, ...rest] = script;
  return first?.do === 'open'
    ? [{ ...first, threads: true }, ...rest]
    : [{ do: 'open', threads: true }, ...script];
}

export interface Verdict {
  /** Messages sent and operations made. */
  steps: number;
  /** What the model disagrees with, or undefined. */
  fault?: string;
}

export async function judge(script: Script): Promise<Verdict> {
  try {
    return { steps: await playScript(script) };
  } catch (error) {
    return { steps: 0, fault: error instanceof Error ? error.message : String(error) };
  }
}

/** The failing script as short as can be, and what is wrong with it. */
export async function reportOf(script: Script): Promise<string> {
  const short = await shrinkScript(
    script,
    async (candidate) => (await judge(candidate)).fault !== undefined,
    SHRINK_LIMIT_MS,
  );
  const { fault } = await judge(short);
  return `${describeScript(short)}\n${fault ?? 'It failed while being shrunk and does no more: it depends on timing.'}`;
}
