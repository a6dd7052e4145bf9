// Random scripts against the model for as long as you like: `npm run fuzz -- --minutes 60`.
// Invariant: the scripts are a function of the seed printed first; exits 1 at the first disagreement.
import { burstScript, script } from './oracle/draw-script.ts';
import { judge, reportOf, scriptsFrom, withThreads } from './oracle/law.ts';
import { aboveZero, drawnSeed, flag, toolOptions } from './tool-options.ts';

const HELP = `npm run fuzz -- [--minutes N] [--seed S] [--burst] [--threads]

Plays random scripts on a collector and on a model that computes everything from scratch,
and compares all that the API shows.

  --minutes N  how long (default 10)
  --seed S     a whole number; the same seed plays the same scripts (default random)
  --burst      fewer, longer histories: hundreds of events for one person
  --threads    builds with the help of threads in every script, not in one of twelve
  --help       this text

A step is one message sent or one operation. On a disagreement the script is made short,
printed with the seed, and the exit code is 1.`;

/** How often the progress is told, in milliseconds. */
const TELL_EVERY_MS = 15_000;

const { minutes, seed, burst, threads } = toolOptions(HELP, {
  minutes: aboveZero(10),
  seed: drawnSeed,
  burst: flag,
  threads: flag,
});
const again = `--seed ${seed}${burst ? ' --burst' : ''}${threads ? ' --threads' : ''}`;
console.log(`fuzz: ${minutes} minutes, ${again}`);

const start = performance.now();
let told = start;
let scripts = 0;
let steps = 0;

function tell(): void {
  const seconds = (performance.now() - start) / 1_000;
  const rate = Math.round(steps / seconds);
  console.log(
    `fuzz: ${Math.round(seconds)} s, ${scripts} scripts, ${steps} steps, ${rate} steps/s, seed ${seed}`,
  );
}

for (const drawn of scriptsFrom(burst ? burstScript : script, seed)) {
  const next = threads ? withThreads(drawn) : drawn;
  const verdict = await judge(next);
  scripts++;
  steps += verdict.steps;
  if (verdict.fault !== undefined) {
    tell();
    console.error(`fuzz: script ${scripts} of ${again} disagrees; making it short ...`);
    console.error(`fuzz: ${again}, script ${scripts}:\n${await reportOf(next)}`);
    process.exit(1);
  }
  const now = performance.now();
  if (now - told >= TELL_EVERY_MS) {
    told = now;
    tell();
  }
  if (now - start >= minutes * 60_000) break;
}
tell();
