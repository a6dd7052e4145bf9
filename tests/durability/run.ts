// Kills a loaded collector, or takes its power, as often as you like: `npm run durability -- --rounds 100`.
// Invariant: exits 1 at the first promise that was not kept, and prints the seed and the file.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drawnSeed, flag, toolOptions, wholeAboveZero } from '../tool-options.ts';
import { playPowerLoss } from './power-loss.ts';
import { playRounds } from './rounds.ts';

const HELP = `npm run durability -- [--power-loss] [--rounds N] [--seed S]

Starts a collector on one file, loads it from 12 senders while four operators change definitions,
merge, part and erase people, kills it with SIGKILL at a random moment, and so on. What was not
answered is sent again under the same ids. After every restart what was answered last must be
there; at the end everything must be, exactly once, and \`tidemark verify\` must find no difference.

With --power-loss there is one collector in this process. At a random commit of each round its files
are copied 8 times as a disk may hold them when the power goes: the end of the log that nobody has
waited for is cut off, overwritten or lost by sectors, or the log was half copied into the database.
In every copy all that was acknowledged must be there, and \`verify\` must find no difference.

  --power-loss  as above
  --rounds N    how often it is killed (default 100)
  --seed S      a whole number: what is sent, and when the end comes (default random)
  --help        this text

On a failure the exit code is 1, and the files are kept.`;

/** Copies opened in a round of --power-loss. */
const COPIES = 8;

const {
  'power-loss': isPowerLoss,
  rounds,
  seed,
} = toolOptions(HELP, {
  'power-loss': flag,
  rounds: wholeAboveZero(100),
  seed: drawnSeed,
});

const folder = mkdtempSync(join(tmpdir(), 'tidemark-durability-'));
const start = performance.now();
const number = (value: number): string => value.toLocaleString('en');

function tell(round: number, acknowledged: number, operations: number, more: readonly string[]): void {
  const seconds = Math.round((performance.now() - start) / 1_000);
  const kept = `${number(acknowledged)} messages and ${number(operations)} operations acknowledged`;
  console.log(
    `durability: ${seconds} s, round ${round} of ${rounds}, ${[kept, ...more].join(', ')}, seed ${seed}`,
  );
}

async function kill(): Promise<void> {
  const database = join(folder, 'tidemark.db');
  const report = await playRounds({
    database,
    rounds,
    seed,
    onRound: (done) =>
      tell(done.rounds, done.acknowledged, done.operations, [
        `${done.killedWhileOpening} killed while opening`,
        `${number(done.cutOff)} requests cut off`,
        `${number(done.refused)} answered 503`,
      ]),
  });
  const { acknowledged, duplicates } = report;
  console.log(
    `durability: ${number(acknowledged)} messages acknowledged, ${number(duplicates)} repeats recognised`,
  );
}

async function losePower(): Promise<void> {
  await playPowerLoss({
    folder,
    losses: rounds,
    copies: COPIES,
    seed,
    onLoss: (done) =>
      tell(done.losses, done.acknowledged, done.operations, [
        `${number(done.copies)} copies opened`,
        `${number(done.unsynced)} with a commit that was written only`,
        `${number(done.lazy)} of these of a build`,
        `${number(done.halfCopied)} half copied`,
      ]),
  });
}

console.log(`durability: ${rounds} rounds, --seed ${seed}${isPowerLoss ? ' --power-loss' : ''}`);
try {
  await (isPowerLoss ? losePower() : kill());
  console.log('durability: nothing lost, nothing doubled, verify without a difference');
  rmSync(folder, { recursive: true, force: true });
} catch (error) {
  console.error(
    `durability: ${error instanceof Error ? error.message : error}\nThe files are kept: ${folder}`,
  );
  process.exit(1);
}
