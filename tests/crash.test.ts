// Killed between any two commits, the file is whole: nothing is left half done, nothing has to be repaired.
// Invariant: opened again, `verify` finds no difference, then and after all that was due is settled.
import { fork } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { createCore } from '../collector/src/ingest/create-core.ts';
import { T0 } from './collector.ts';
import { seedFrom } from './seed.ts';
import { useFolder } from './temporary-folder.ts';

const KILLS = 20;
/** The kill comes at one of so many commits; a script makes some dozens. */
const MAX_COMMITS = 150;
/** So long after a kill everything drawn for the scripts is over, in milliseconds. */
const SETTLED_AFTER_MS = 30 * 60_000;
const SEED = seedFrom(process.env.TIDEMARK_CRASH_SEED);
const child = fileURLToPath(new URL('./crash-child.ts', import.meta.url));

const inFolder = useFolder('crash');

/** A number below 1 that depends on the seed and the round alone. */
function chance(round: number, salt: number): number {
  const mixed = Math.imul(
    SEED ^ Math.imul(round + 1, 0x9e3779b1) ^ Math.imul(salt + 1, 0x85ebca6b),
    0xc2b2ae35,
  );
  return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
}

async function playUntilKilled(database: string, clockFile: string, round: number): Promise<void> {
  const process = fork(child, [database, clockFile], {
    execArgv: ['--conditions=tidemark-source', '--import', 'tsx'],
    env: {
      ...globalThis.process.env,
      TIDEMARK_CRASH_SEED: String(SEED + round),
      TIDEMARK_TEST_KILL_AFTER: String(1 + Math.floor(chance(round, 0) * MAX_COMMITS)),
      TIDEMARK_TEST_KILL_BEFORE: chance(round, 1) < 0.5 ? '1' : '0',
    },
  });
  const ended = await new Promise((resolve) =>
    process.once('exit', (code, signal) => resolve(signal ?? code)),
  );
  expect(ended, `the child of round ${round}, TIDEMARK_CRASH_SEED=${SEED}`).toBe('SIGKILL');
}

it(
  `is whole after each of ${KILLS} kills (TIDEMARK_CRASH_SEED=${SEED})`,
  async () => {
    const database = inFolder('tidemark.db');
    const clockFile = inFolder('clock');
    for (let round = 0; round < KILLS; round++) {
      await playUntilKilled(database, clockFile, round);
      let now = existsSync(clockFile) ? Number(readFileSync(clockFile, 'utf8')) : T0;
      const core = await createCore({ database, now: () => now });
      const where = `round ${round}, TIDEMARK_CRASH_SEED=${SEED}`;
      const found = await core.verify({});
      expect(found.differences, `after the kill, ${where}`).toEqual([]);
      now += SETTLED_AFTER_MS;
      await core.tick();
      const settled = await core.verify({});
      expect(settled.differences, `after what was due, ${where}`).toEqual([]);
      await core.close();
      writeFileSync(clockFile, String(now));
    }
  },
  KILLS * 20_000,
);
