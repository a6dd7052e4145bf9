// `npm run bench:sdk`: both SDKs beside those people use today, measured in one run on one machine.
// Invariant: it prints figures and fails only if a measurement fails; speed is read, not asserted.
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { say } from './report.ts';

const PARTS = ['node', 'web'];
const HELP = `npm run bench:sdk [-- --only node] [-- --quick]

Prints what a call costs, what is delivered and what it takes in memory, for our SDKs and for others that
are installed into a temporary folder for this run alone (it needs npm's registry, or an npm cache).
  --only PART  one of ${PARTS.join(', ')}
  --quick      a fifth of the calls: noisier`;

interface Part {
  /**
   * A part without it measures as it is imported.
   * @param scale 1, or less for a quicker and noisier run
   */
  bench?(scale: number): Promise<void>;
}

if (process.argv.includes('--help')) {
  say(HELP);
  process.exit(0);
}
const at = process.argv.indexOf('--only');
const only = at < 0 ? null : (process.argv[at + 1] ?? '');
if (only !== null && !PARTS.includes(only)) {
  console.error(`there is no part "${only}"; there are ${PARTS.join(', ')}`);
  process.exit(1);
}
say(`Node ${process.version}, ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'})`);
for (const name of PARTS.filter((part) => only === null || part === only)) {
  const file = fileURLToPath(new URL(`./sdk-${name}.ts`, import.meta.url));
  if (!existsSync(file)) continue;
  say();
  const { bench } = (await import(file)) as Part; // the shape of every part
  await bench?.(process.argv.includes('--quick') ? 0.2 : 1);
}
