// A child process of the benchmark: our collector over HTTP with a clock that its parent sets.
// Invariant: it ticks five times a second, as `serve` does.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import { createCollector } from '@tidemark/collector';

const [start = '0', config = '{}'] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
let offset = Number(start) - Date.now();
const collector = await createCollector({
  database: join(folder, 'bench.db'),
  writeKey: 'wk_bench',
  serverKey: 'sk_bench',
  adminKey: 'ak_bench',
  signingSecret: 'bench-signing-secret-bench-signing-secret',
  now: () => Date.now() + offset,
  config: JSON.parse(config),
});
// As `tidemark serve`: after Node's five seconds a connection may be closed just as the bench uses it again.
const serverOptions = { keepAliveTimeout: 65_000 };
const address = { port: 0, hostname: '127.0.0.1' };
const server = serve({ fetch: collector.fetch, ...address, serverOptions }, ({ port }) => {
  process.send?.({ port, folder });
});
// Whoever asked for it is gone, and would not stop it any more.
process.on('disconnect', () => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(1);
});
let ticking = Promise.resolve();
const ticks = setInterval(() => {
  ticking = ticking.then(() => collector.tick());
}, 200);

/** CPU time of this thread so far, ms; null where the system does not tell, which only Linux does. */
function workMs(): number | null {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  } catch {
    return null;
  }
}
/**
 * The longest that the event loop did not turn, and how much of that it worked, ms: for the rest it waited for a core,
 * which others had, or for the disk. Looks as often as it can: a shorter delay would not show.
 */
let worst: { delay: number; work: number | null } = { delay: 0, work: 0 };
let seen = { at: performance.now(), work: workMs() };
setInterval(() => {
  const now = { at: performance.now(), work: workMs() };
  const delay = now.at - seen.at;
  if (delay > worst.delay)
    worst = { delay, work: now.work === null || seen.work === null ? null : now.work - seen.work };
  seen = now;
}, 1);
let cpu = process.cpuUsage();

const mebibytes = (bytes: number): number => Math.round(bytes / 1_048_576);

process.on('message', (asked: { clock?: number; memory?: true; loop?: true; stop?: true }) => {
  if (asked.clock !== undefined) {
    offset = asked.clock - Date.now();
    process.send?.({});
  } else if (asked.memory) {
    process.send?.({
      now: mebibytes(process.memoryUsage().rss),
      peak: mebibytes(process.resourceUsage().maxRSS * 1_024),
    });
  } else if (asked.loop) {
    const { user, system } = process.cpuUsage(cpu);
    process.send?.({ ...worst, cpu: (user + system) / 1e3 });
    worst = { delay: 0, work: 0 };
    cpu = process.cpuUsage();
  } else {
    clearInterval(ticks);
    server.close();
    ticking
      .then(() => collector.close())
      .finally(() => {
        rmSync(folder, { recursive: true, force: true });
        process.exit(0);
      });
  }
});
