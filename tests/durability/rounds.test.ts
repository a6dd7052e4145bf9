// Answered 200 is on disk: the collector is killed under load, again and again, on one file.
// Invariant: nothing acknowledged is lost or doubled, and `verify` finds no difference.
import { expect, it } from 'vitest';
import { seedFrom } from '../seed.ts';
import { useFolder } from '../temporary-folder.ts';
import { playRounds } from './rounds.ts';

/** `npm run durability` plays a hundred. */
const ROUNDS = 5;
/** Each starts a process or two, beside other tests. */
const ROUND_LIMIT_MS = 60_000;
const SEED = seedFrom(process.env.TIDEMARK_DURABILITY_SEED);

const inFolder = useFolder('kill');

it(
  `keeps every promise over ${ROUNDS} kills (TIDEMARK_DURABILITY_SEED=${SEED})`,
  async () => {
    const report = await playRounds({ database: inFolder('tidemark.db'), rounds: ROUNDS, seed: SEED });
    expect(report.acknowledged).toBeGreaterThan(0);
  },
  ROUND_LIMIT_MS * ROUNDS,
);
