// `npm run bench`: our road beside the bare road, measured in one run on one machine.
// Invariant: it prints figures and ratios and fails only if a road fails; speed is read, not asserted.
import { cpus } from 'node:os';
import { benchBuild } from './build.ts';
import { benchHistory } from './history.ts';
import { benchLarge } from './large.ts';
import { benchNeeds } from './needs.ts';
import { benchOverload } from './overload.ts';
import { benchPages } from './pages.ts';
import { benchReads } from './reads.ts';
import { percentile, say, tell } from './report.ts';
import { type Figure, type Load, measureHttp, measureInProcess, measureParse } from './road.ts';
import { benchStart } from './start.ts';
import { benchWave } from './wave.ts';

/** The bare road counts as a yardstick only while its CPU a message stays under this many JSON.parses. */
const MAX_BARE_IN_PARSES = 16;

const quick = process.argv.includes('--quick');
const HELP = `npm run bench [-- --quick] [-- --batch 20] [-- --matching 5]

Measures the built packages (it builds them first), as users run them.

Prints messages a second and CPU microseconds a message of the bare road and of ours, in process and
over HTTP, for batches of 1, 20 and 100 and 0, 5 and 20 matching definitions, and the ratios. As many
messages are sent before, until the code is compiled.
  --quick      a fifth of the messages, and one round: noisier, about a minute
  --rounds N   each is measured so often, in turns, and the median told (3)
  --batch N    only this batch size
  --matching N only this many matching definitions
  --only NAMES one or more of history, wave, build, needs, overload, reads, pages, start, large (with commas)
               instead:
               history  a message of a person with 100,000 messages, and a late one where order matters
               wave     100,000 people leaving a segment at one instant
               build    a new definition over 1,000,000 messages, and the size of the file
               needs    /api/needs over 100,000 people beside live messages
               overload the event loop's worst delay by hostile bodies, and a load beside floods
               reads    the event loop's worst delay by an operator's requests in a file with much of everything
               pages    page views a second, the memory for them, and how long each waits at half of that
               start    the start on a file of 1 GB, and what an idle collector takes
               large    messages a second at 5,000,000 stored messages, beside 100,000
  --messages N with large: so many in place of 5,000,000`;

if (process.argv.includes('--help')) {
  console.log(HELP);
  process.exit(0);
}

const only = (name: string): number | null => {
  const at = process.argv.indexOf(name);
  return at < 0 ? null : Number(process.argv[at + 1]);
};
const OTHERS: Record<string, (scale: number) => Promise<void>> = {
  history: benchHistory,
  wave: benchWave,
  build: benchBuild,
  needs: benchNeeds,
  overload: benchOverload,
  pages: benchPages,
  reads: benchReads,
  start: benchStart,
  large: (scale) => benchLarge(scale, only('--messages') ?? undefined),
};
const named = process.argv.indexOf('--only');
if (named >= 0) {
  for (const name of (process.argv[named + 1] ?? '').split(',')) {
    const bench = OTHERS[name];
    if (!bench) {
      console.error(`there is no bench "${name}"; there are ${Object.keys(OTHERS).join(', ')}`);
      process.exit(1);
    }
    await bench(quick ? 0.2 : 1);
    say();
  }
  process.exit(0);
}
const batches = [1, 20, 100].filter((size) => only('--batch') === null || only('--batch') === size);
const matchings = [0, 5, 20].filter((count) => only('--matching') === null || only('--matching') === count);
const rounds = only('--rounds') ?? (quick ? 1 : 3);
if (!Number.isSafeInteger(rounds) || rounds < 1) {
  console.error('--rounds takes a whole number from 1');
  process.exit(1);
}
const messagesFor = (batch: number): number => (batch === 1 ? 10_000 : 60_000) / (quick ? 5 : 1);

/** Measured once a round, in turns, so that the machine's mood hits all. */
interface Road {
  name: string;
  measure(): Promise<Figure>;
}

interface Measured {
  name: string;
  /** One a round. */
  figures: Figure[];
}

async function inRounds(what: string, roads: readonly Road[]): Promise<Measured[]> {
  const all = roads.map(({ name }): Measured => ({ name, figures: [] }));
  for (let round = 0; round < rounds; round++)
    for (const [i, { name, measure }] of roads.entries()) {
      tell(`${what}, round ${round + 1} of ${rounds}: ${name}`);
      all[i]?.figures.push(await measure());
    }
  return all;
}

const median = (values: readonly number[]): number => percentile(values, 0.5);
const cpuUsOf = ({ figures }: Measured): number[] => figures.map(({ cpuUs }) => cpuUs);
const rateOf = ({ figures }: Measured): number[] => figures.map(({ rate }) => rate);
/** Round by round. */
const quotients = (above: readonly number[], below: readonly number[]): number[] =>
  above.map((value, round) => value / (below[round] ?? Number.NaN));

const cell = (text: string, width: number): string => text.padStart(width);
function show(road: Measured, bare: Measured): void {
  const cpu = quotients(cpuUsOf(bare), cpuUsOf(road));
  const range =
    rounds > 1 && road !== bare ? `${Math.min(...cpu).toFixed(2)} to ${Math.max(...cpu).toFixed(2)}` : '';
  say(
    `  ${road.name.padEnd(34)}${cell(median(cpuUsOf(road)).toFixed(1), 9)}` +
      `${cell(Math.round(median(rateOf(road))).toLocaleString('en'), 11)}${cell(median(cpu).toFixed(2), 9)}` +
      `${cell(median(quotients(rateOf(road), rateOf(bare))).toFixed(2), 9)}${cell(range, 15)}`.trimEnd(),
  );
}

/** Of so many definitions five match: the aim for the CPU of a message, in times that of the five alone. */
const AMONG = [
  [1_000, '1.20'],
  [10_000, '1.50'],
] as const;
const amongName = (all: number): string => `ours over HTTP, 5 of ${all.toLocaleString('en')} match`;
const ours = (matching: number): string => `ours over HTTP, ${matching} definitions`;

say(`Node ${process.version}, ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'})`);
say("CPU us = CPU microseconds a message of the road's own process; ratios are to the bare road over HTTP");
if (rounds > 1)
  say(`The median of ${rounds} rounds in turns, of ratios as well; behind it the lowest and highest of CPU`);
for (const batch of batches) {
  const load: Load = { messages: messagesFor(batch), batch, matching: 0 };
  const parse = measureParse(load);
  const among = batch === 1 || !matchings.includes(5) ? [] : AMONG;
  say();
  say(
    `Batches of ${batch} (${load.messages} messages after as many), JSON.parse of one: ${parse.toFixed(1)} us`,
  );
  const measured = await inRounds(`batches of ${batch}`, [
    { name: 'bare road, HTTP', measure: () => measureHttp('bare', load) },
    ...matchings.flatMap((matching): Road[] => [
      {
        name: `ours in process, ${matching} definitions`,
        measure: () => measureInProcess({ ...load, matching }),
      },
      { name: ours(matching), measure: () => measureHttp('ours', { ...load, matching }) },
    ]),
    ...among.map(
      ([all]): Road => ({
        name: amongName(all),
        measure: () => measureHttp('ours', { ...load, matching: 5, others: all - 5 }),
      }),
    ),
  ]);
  const find = (name: string): Measured => {
    const found = measured.find((road) => road.name === name);
    if (!found) throw new Error(`"${name}" was not measured`);
    return found;
  };
  const bare = find('bare road, HTTP');
  say(`  ${''.padEnd(34)}${cell('CPU us', 9)}${cell('msg/s', 11)}${cell('CPU', 9)}${cell('rate', 9)}`);
  for (const road of measured) show(road, bare);
  const parses = median(cpuUsOf(bare)) / parse;
  if (batch > 1) {
    const verdict =
      parses <= MAX_BARE_IN_PARSES ? 'valid' : 'NOT VALID: the yardstick itself was slow in this run';
    say(`  bare road = ${parses.toFixed(1)} JSON.parses (at most ${MAX_BARE_IN_PARSES}): ${verdict}`);
  }
  for (const [all, aim] of among) {
    const times = median(quotients(cpuUsOf(find(amongName(all))), cpuUsOf(find(ours(5)))));
    say(
      `  ${all.toLocaleString('en')} definitions of which 5 match cost ${times.toFixed(2)} times 5 (aim: at most ${aim})`,
    );
  }
}
