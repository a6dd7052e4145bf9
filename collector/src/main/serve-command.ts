// `tidemark serve` on the command line: its flags, and where it says things.
// Invariant: everything else that serving needs is in `serve.ts`, which knows no flags.
import { resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { type Command, drawOn, print, tell, text } from './command.ts';
import { createLog } from './log.ts';
import { serve } from './serve.ts';

/**
 * How far the heap may grow after a collection: to twice what is in use. V8's own measure is up to four times where
 * the machine has room, of which most is garbage: 490 MB in place of 340 under full load, for a tenth of the CPU at
 * most (`npm run bench -- --only pages`).
 */
const HEAP_GROWTH = '--heap-growing-percent=100';

export const serving: Command = {
  flags: {
    port: { type: 'string' },
    host: { type: 'string' },
    demo: { type: 'string' },
    config: { type: 'string' },
    'log-level': { type: 'string' },
    ip: { type: 'string' },
  },
  run(flags, settings) {
    const demo = text(flags.demo);
    setFlagsFromString(HEAP_GROWTH);
    return serve({
      settings,
      log: createLog({ level: settings.logLevel, isTerminal: process.stderr.isTTY === true, write: tell }),
      demo: demo === undefined ? null : resolve(demo),
      print,
      draw: drawOn(process.stdout),
      isTerminal: process.stdout.isTTY === true,
    });
  },
};
