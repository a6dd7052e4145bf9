// Hostile requests to every route for as long as you like: `npm run fuzz:routes -- --minutes 60`.
// Invariant: the requests are a function of the seed printed first; exits 1 at the first fault.
import { type Progress, REQUESTS_A_WORLD, run } from './route-fuzz/run.ts';
import { aboveZero, drawnSeed, toolOptions } from './tool-options.ts';

const HELP = `npm run fuzz:routes -- [--minutes N | --requests N] [--seed S]

Asks every route of the OpenAPI document with requests of a grammar: well-formed ones, wrong ones,
spoilt ones. Each answer must be within the document, no 500, without a secret or a stack trace;
after every ${REQUESTS_A_WORLD} requests to one collector \`verify\` must find nothing, and the heap must stay flat.

  --minutes N   how long (default 10)
  --requests N  how many requests instead
  --seed S      a whole number; the same seed asks the same (default random)
  --help        this text

A failure is made short, printed with its seed, and the exit code is 1.`;

/** How often the progress is told, ms. */
const TELL_EVERY_MS = 15_000;

const { minutes, requests, seed } = toolOptions(HELP, {
  minutes: aboveZero(undefined),
  requests: aboveZero(undefined),
  seed: drawnSeed,
});
const forMinutes = minutes ?? (requests === undefined ? 10 : Number.POSITIVE_INFINITY);
console.log(`fuzz:routes: --seed ${seed}`);

const start = performance.now();
let told = start;
let last: Progress = { worlds: 0, requests: 0, heap: 0 };

function say({ worlds, requests: asked, heap }: Progress): void {
  const seconds = (performance.now() - start) / 1_000;
  const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
  console.log(
    `fuzz:routes: ${Math.round(seconds)} s, ${worlds} collectors, ${asked} requests, ${Math.round(asked / seconds)}/s, ` +
      `heap ${mebibytes(heap)} MiB, resident ${mebibytes(process.memoryUsage.rss())} MiB, seed ${seed}`,
  );
}

const failed = await run({
  seed,
  requests: requests ?? Number.POSITIVE_INFINITY,
  until: start + forMinutes * 60_000,
  tell(progress) {
    last = progress;
    if (performance.now() - told < TELL_EVERY_MS) return;
    told = performance.now();
    say(progress);
  },
});
say(last);
if (failed !== null) {
  console.error(failed);
  process.exit(1);
}
