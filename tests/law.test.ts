// The law of the engine: state is a function of messages, definitions and clock, whatever the road there.
// Invariant: after every step the whole API agrees with a model that computes everything from scratch.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { describeScript, playScript } from './oracle/run-script.ts';
import { burstScript, type Script, script } from './oracle/script.ts';
import { shrinkScript } from './oracle/shrink.ts';

/** Scripts to play; each has about 20 steps and takes 100 to 200 ms. */
const RUNS = Number(process.env.TIDEMARK_LAW_RUNS ?? 300);
/** Scripts with hundreds of events for one person: twice as slow. */
const BURST_RUNS = Math.ceil(RUNS / 3);
const SEED = Number(process.env.TIDEMARK_LAW_SEED ?? Date.now() % 2 ** 31);
/** Longest the shrinking of a failure may take, in milliseconds. */
const SHRINK_LIMIT_MS = 60_000;
/** Generous room for one script, in milliseconds. */
const SCRIPT_LIMIT_MS = 5_000;

/** What went wrong, or undefined when the script agrees with the model. */
async function faultOf(steps: Script): Promise<string | undefined> {
  try {
    await playScript(steps);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function holds(scripts: fc.Arbitrary<Script>, runs: number): Promise<void> {
  const details = await fc.check(
    fc.asyncProperty(scripts, async (steps) => (await faultOf(steps)) === undefined),
    { numRuns: runs, seed: SEED, endOnFailure: true },
  );
  const found = details.counterexample?.[0];
  if (!found) return;
  const short = await shrinkScript(
    found,
    async (candidate) => (await faultOf(candidate)) !== undefined,
    SHRINK_LIMIT_MS,
  );
  expect.fail(
    `TIDEMARK_LAW_SEED=${SEED} TIDEMARK_LAW_RUNS=${RUNS}, run ${details.numRuns}, shrunk to:\n` +
      `${describeScript(short)}\n${await faultOf(short)}`,
  );
}

const limitMs = (runs: number) => runs * SCRIPT_LIMIT_MS + SHRINK_LIMIT_MS;

it(
  `keeps the law in ${RUNS} random scripts (TIDEMARK_LAW_SEED=${SEED})`,
  () => holds(script, RUNS),
  limitMs(RUNS),
);

it(
  `keeps the law in ${BURST_RUNS} random scripts with long histories (TIDEMARK_LAW_SEED=${SEED})`,
  () => holds(burstScript, BURST_RUNS),
  limitMs(BURST_RUNS),
);
