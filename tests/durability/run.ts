// Kills a loaded collector as often as you like: `npm run durability -- --rounds 100`.
// Invariant: exits 1 at the first promise that was not kept, and prints the seed and the file.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { playRounds, type RoundsReport } from './rounds.ts';

const HELP = `npm run durability -- [--rounds N] [--seed S]

Starts a collector on one file, loads it from 12 senders while four operators change definitions,
merge, part and erase people, kills it with SIGKILL at a random moment, and so on. What was not answered is
sent again under the same ids. After every restart what was answered last must be there; at the
end everything must be, exactly once, and \`tidemark verify\` must find no difference.

  --rounds N  how often it is killed (default 100)
  --seed S    a whole number: what is sent, and when the kills come (default random)
  --help      this text

On a failure the exit code is 1, and the database is kept.`;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const rounds = Number(values.rounds);
const seed = Number(values.seed);
if (!Number.isSafeInteger(rounds) || rounds < 1 || !Number.isSafeInteger(seed)) {
  console.error(`--rounds must be a whole number above 0 and --seed a whole number.\n\n${HELP}`);
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'tidemark-durability-'));
const database = join(folder, 'tidemark.db');
const start = performance.now();
const number = (value: number): string => value.toLocaleString('en');

function describe(done: RoundsReport): string {
  const seconds = Math.round((performance.now() - start) / 1_000);
  return (
    `durability: ${seconds} s, round ${done.rounds} of ${rounds} (${done.killedWhileOpening} killed while opening), ` +
    `${number(done.acknowledged)} messages and ${number(done.operations)} operations acknowledged, ` +
    `${number(done.cutOff)} requests cut off, ${number(done.refused)} answered 503, ${number(done.duplicates)} repeats recognised, seed ${seed}`
  );
}

console.log(`durability: ${rounds} rounds, --seed ${seed}`);
try {
  const report = await playRounds({
    database,
    rounds,
    seed,
    onRound: (done) => console.log(describe(done)),
  });
  console.log(`${describe(report)}\ndurability: nothing lost, nothing doubled, verify without a difference`);
  rmSync(folder, { recursive: true, force: true });
} catch (error) {
  console.error(
    `durability: ${error instanceof Error ? error.message : error}\nThe database is kept: ${database}`,
  );
  process.exit(1);
}
