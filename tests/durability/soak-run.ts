// Mixed load on a collector for as long as you like: `npm run soak -- --minutes 60`.
// Invariant: exits 1 at any difference between promised and kept, and when memory passes the bound.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aboveZero, drawnSeed, toolOptions } from '../tool-options.ts';
import { type SoakReport, soak } from './soak.ts';

/**
 * Twice what a collector run from its sources was seen to take, MB: it does not grow with the messages stored,
 * so that a leak shows before the machine suffers.
 */
const MAX_MEMORY_MB = 400;
/** Between two lines of progress. */
const TELL_EVERY_MS = 10_000;

const HELP = `npm run soak -- [--minutes N] [--seed S] [--max-memory-mb N]

Runs \`tidemark serve\` under mixed load: 12 senders with late messages, repeats and devices that are
filed anew, three operators who change definitions, merge, part and erase people and keep a list,
two readers, people who leave a segment by time alone. Every 10 to 60 s the collector is stopped by
SIGTERM or SIGKILL and started anew. At the end everything answered must be there, exactly once, every
figure must be that of the messages answered, and \`tidemark verify\` must find no difference.

  --minutes N        how long (default 10)
  --seed S           a whole number: what is sent, and when it is stopped (default random)
  --max-memory-mb N  resident memory of the collector above which the soak fails (default ${MAX_MEMORY_MB})
  --help             this text

On a failure the exit code is 1, and the database is kept.`;

const {
  minutes,
  seed,
  'max-memory-mb': maxMemoryMb,
} = toolOptions(HELP, {
  minutes: aboveZero(10),
  seed: drawnSeed,
  'max-memory-mb': aboveZero(MAX_MEMORY_MB),
});

const folder = mkdtempSync(join(tmpdir(), 'tidemark-soak-'));
const database = join(folder, 'tidemark.db');
const start = performance.now();
const number = (value: number): string => value.toLocaleString('en');

function describe({ vitals, ...done }: SoakReport): string {
  const seconds = Math.round((performance.now() - start) / 1_000);
  const memory = vitals.memoryMb();
  const ms = (part: number, times: keyof typeof vitals & ('batches' | 'reads' | 'loop')): string =>
    String(Math.round(vitals[times].quantile(part)));
  return [
    `soak: ${seconds} s of ${Math.round(minutes * 60)}`,
    `${number(done.acknowledged)} messages and ${number(done.operations)} operations acknowledged`,
    `${number(done.reads)} reads`,
    `${number(done.cutOff)} cut off`,
    `${number(done.refused)} answered 503`,
    `${done.stops} stops and ${done.kills} kills`,
    `batches p50/p99 ${ms(0.5, 'batches')}/${ms(0.99, 'batches')} ms`,
    `reads ${ms(0.5, 'reads')}/${ms(0.99, 'reads')} ms`,
    `loop ${ms(0.5, 'loop')}/${ms(0.99, 'loop')} ms`,
    `memory ${memory.now} MB, at most ${memory.most} MB`,
    `seed ${seed}`,
  ].join(', ');
}

console.log(`soak: ${minutes} minutes, --seed ${seed}`);
try {
  const report = await soak({
    database,
    minutes,
    seed,
    maxMemoryMb,
    tellEveryMs: TELL_EVERY_MS,
    onProgress: (done) => console.log(describe(done)),
  });
  console.log(`${describe(report)}\nsoak: nothing lost, nothing doubled, verify without a difference`);
  rmSync(folder, { recursive: true, force: true });
} catch (error) {
  console.error(`soak: ${error instanceof Error ? error.message : error}\nThe database is kept: ${database}`);
  process.exit(1);
}
