// A child process of the benchmark: our collector over HTTP with a clock that its parent sets.
// Invariant: it ticks five times a second, as `serve` does.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
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

/** Looks as often as it can: a delay shorter than this would not show. */
const loop = monitorEventLoopDelay({ resolution: 1 });
loop.enable();
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
    process.send?.({ worst: loop.max / 1e6, cpu: (user + system) / 1e3 });
    loop.reset();
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
