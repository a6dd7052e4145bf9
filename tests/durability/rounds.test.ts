// Answered 200 is on disk: the collector is killed under load, again and again, on one file.
// Invariant: nothing acknowledged is lost or doubled, and `verify` finds no difference.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { seedFrom } from '../seed.ts';
import { playRounds } from './rounds.ts';

/** `npm run durability` plays a hundred. */
const ROUNDS = 5;
/** Each starts a process or two, beside other tests. */
const ROUND_LIMIT_MS = 60_000;
const SEED = seedFrom(process.env.TIDEMARK_DURABILITY_SEED);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-kill-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it(
  `keeps every promise over ${ROUNDS} kills (TIDEMARK_DURABILITY_SEED=${SEED})`,
  async () => {
    const report = await playRounds({ database: join(folder, 'tidemark.db'), rounds: ROUNDS, seed: SEED });
    expect(report.acknowledged).toBeGreaterThan(0);
  },
  ROUND_LIMIT_MS * ROUNDS,
);
