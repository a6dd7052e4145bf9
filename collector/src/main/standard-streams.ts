// What becomes of a command whose output nobody takes any more.
// Invariant: an output that fails is never passed over, but for notes that nobody reads.
import { tell } from './command.ts';
import { reasonOf } from './system-error.ts';

/** 128 and the number of SIGPIPE: what a shell says of a tool that ends so. */
const BROKEN_PIPE = 141;

/** Ends the process quietly, as SIGPIPE ends other tools, where whoever reads has seen enough (`| head`). */
export function watchStandardStreams(): void {
  // At once: keys that nobody was shown are not to be stored as shown. What is stored stays whole, as after a kill.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(BROKEN_PIPE);
    tell(`tidemark: stdout cannot be written: ${reasonOf(error)}\n`);
    process.exit(1);
  });
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
