// The command line: what people type.
// Invariant: exit code 0 only on success; what people read goes to stderr when --json is on.
import { runCommand } from './main/commands.ts';
import { watchStandardStreams } from './main/standard-streams.ts';

watchStandardStreams();
process.exitCode = await runCommand(process.argv.slice(2), process.env);
