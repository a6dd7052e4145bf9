// `npm start`: set up what is missing, then run the collector with the demo shop in the foreground.
// Invariant: signals reach the collector, and its exit code is ours.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build, install, orEnd, root } from './set-up.mjs';

await orEnd(async () => {
  await install();
  await build();
});

const cli = join(root, 'collector', 'dist', 'cli.js');
const args = [cli, 'serve', '--demo', join(root, 'examples'), ...process.argv.slice(2)];
const child = spawn(process.execPath, args, { stdio: 'inherit', cwd: root });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
// npm ends at a signal without passing it on: when whoever started us is gone, the collector stops too.
const starter = process.ppid;
setInterval(() => {
  if (process.ppid !== starter) child.kill('SIGTERM');
}, 500).unref();
child.on('close', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
