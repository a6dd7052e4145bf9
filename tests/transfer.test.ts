// An export imported into a new file gives the same people: after any script of the law.
// Invariant: all that the API shows of people and segments is equal, but for what was observed when.
import type fc from 'fast-check';
import { expect, it } from 'vitest';
import { burstScript, script } from './oracle/draw-script.ts';
import { SHRINK_LIMIT_MS, scriptsFrom } from './oracle/law.ts';
import { playScript } from './oracle/run-script.ts';
import { describeScript, type Script } from './oracle/script.ts';
import { shrinkScript } from './oracle/shrink.ts';
import { faultsOfMove } from './oracle/transfer.ts';
import { seedFrom } from './seed.ts';

const RUNS = Number(process.env.TIDEMARK_TRANSFER_RUNS ?? 60);
const SEED = seedFrom(process.env.TIDEMARK_LAW_SEED);
/** Generous room for one script, in milliseconds. */
const SCRIPT_LIMIT_MS = 5_000;

/** What has expired is in no export. */
const unexpired = (steps: Script): Script => steps.filter((step) => step.do !== 'retain');

/** What goes wrong when the script's end is exported and imported, or undefined. */
async function faultOf(steps: Script): Promise<string | undefined> {
  try {
    let faults: string[] = [];
    await playScript(steps, async (collector, timezone) => {
      faults = await faultsOfMove(collector, timezone);
    });
    return faults.length > 0 ? faults.join('\n') : undefined;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

async function holds(scripts: fc.Arbitrary<Script>, runs: number): Promise<void> {
  let run = 0;
  for (const steps of scriptsFrom(scripts.map(unexpired), SEED)) {
    if (++run > runs) return;
    if ((await faultOf(steps)) === undefined) continue;
    const fails = async (candidate: Script) => (await faultOf(candidate)) !== undefined;
    const short = await shrinkScript(steps, fails, SHRINK_LIMIT_MS);
    const fault = await faultOf(short);
    expect.fail(
      `TIDEMARK_LAW_SEED=${SEED} TIDEMARK_TRANSFER_RUNS=${RUNS}, run ${run}, shrunk to:\n${describeScript(short)}\n${fault}`,
    );
  }
}

it.each([
  ['scripts', script, RUNS],
  ['scripts with long histories', burstScript, Math.ceil(RUNS / 4)],
])(
  `moves all people after random %s (TIDEMARK_LAW_SEED=${SEED})`,
  (_, scripts, runs) => holds(scripts, runs),
  RUNS * SCRIPT_LIMIT_MS + SHRINK_LIMIT_MS,
);
