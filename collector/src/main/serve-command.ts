// `tidemark serve` on the command line: its flags, and where it says things.
// Invariant: everything else that serving needs is in `serve.ts`, which knows no flags.
import { resolve } from 'node:path';
import { type Command, drawOn, print, tell, text } from './command.ts';
import { createLog } from './log.ts';
import { serve } from './serve.ts';

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
