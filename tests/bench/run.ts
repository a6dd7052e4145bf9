// `npm run bench`: our road beside the bare road, measured in one run on one machine.
// Invariant: it prints figures and ratios and fails only if a road fails; speed is read, not asserted.
import { cpus } from 'node:os';
import { benchBuild } from './build.ts';
import { benchHistory } from './history.ts';
import { benchLarge } from './large.ts';
import { benchNeeds } from './needs.ts';
import { benchOverload } from './overload.ts';
import { benchPages } from './pages.ts';
import { say } from './report.ts';
import { type Figure, type Load, measureHttp, measureInProcess, measureParse } from './road.ts';
import { benchStart } from './start.ts';
import { benchWave } from './wave.ts';

/** The bare road counts as a yardstick only while its CPU a message stays under this many JSON.parses. */
const MAX_BARE_IN_PARSES = 16;

const quick = process.argv.includes('--quick');
const HELP = `npm run bench [-- --quick] [-- --batch 20] [-- --matching 5]

Measures the built packages (it builds them first), as users run them.

Prints messages a second and CPU microseconds a message of the bare road and of ours, in process and
over HTTP, for batches of 1, 20 and 100 and 0, 5 and 20 matching definitions, and the ratios.
  --quick      a fifth of the messages: noisier, about a minute
  --batch N    only this batch size
  --matching N only this many matching definitions
  --only NAMES one or more of history, wave, build, needs, overload, pages, start, large (with commas)
               instead:
               history  a message of a person with 100,000 messages, and a late one where order matters
               wave     100,000 people leaving a segment at one instant
               build    a new definition over 1,000,000 messages, and the size of the file
               needs    /api/needs over 100,000 people beside live messages
               overload the event loop's worst delay by hostile bodies, and a load beside floods
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
const messagesFor = (batch: number): number => (batch === 1 ? 10_000 : 60_000) / (quick ? 5 : 1);

const cell = (text: string, width: number): string => text.padStart(width);
const show = (name: string, { cpuUs, rate }: Figure, bare?: Figure): void => {
  const ratios = bare
    ? `${cell((bare.cpuUs / cpuUs).toFixed(2), 9)}${cell((rate / bare.rate).toFixed(2), 9)}`
    : `${cell('1.00', 9)}${cell('1.00', 9)}`;
  say(
    `  ${name.padEnd(34)}${cell(cpuUs.toFixed(1), 9)}${cell(Math.round(rate).toLocaleString('en'), 11)}${ratios}`,
  );
};

say(`Node ${process.version}, ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'})`);
say("CPU us = CPU microseconds a message of the road's own process; ratios are to the bare road over HTTP");
for (const batch of batches) {
  const load: Load = { messages: messagesFor(batch), batch, matching: 0 };
  const parse = measureParse(load);
  say();
  say(`Batches of ${batch} (${load.messages} messages), JSON.parse of one: ${parse.toFixed(1)} us`);
  say(`  ${''.padEnd(34)}${cell('CPU us', 9)}${cell('msg/s', 11)}${cell('CPU', 9)}${cell('rate', 9)}`);
  const bare = await measureHttp('bare', load);
  show('bare road, HTTP', bare);
  const limit = MAX_BARE_IN_PARSES * parse;
  if (batch > 1) {
    const verdict = bare.cpuUs <= limit ? 'valid' : 'NOT VALID: the yardstick itself was slow in this run';
    say(
      `  bare road = ${(bare.cpuUs / parse).toFixed(1)} JSON.parses (at most ${MAX_BARE_IN_PARSES}): ${verdict}`,
    );
  }
  for (const matching of matchings) {
    show(`ours in process, ${matching} definitions`, await measureInProcess({ ...load, matching }), bare);
    show(`ours over HTTP, ${matching} definitions`, await measureHttp('ours', { ...load, matching }), bare);
  }
  if (batch === 1 || !matchings.includes(5)) continue;
  const few = await measureHttp('ours', { ...load, matching: 5 });
  for (const [all, aim] of [
    [1_000, '1.20'],
    [10_000, '1.50'],
  ] as const) {
    const many = await measureHttp('ours', { ...load, matching: 5, others: all - 5 });
    const text = all.toLocaleString('en');
    show(`ours over HTTP, 5 of ${text} match`, many, bare);
    say(
      `  ${text} definitions of which 5 match cost ${(many.cpuUs / few.cpuUs).toFixed(2)} times 5 (aim: at most ${aim})`,
    );
  }
}
