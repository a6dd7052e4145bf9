// A child process of the benchmark: one road over HTTP on a free port of 127.0.0.1.
// Invariant: it reports its own CPU time on request, so that the load generator's is left out.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import { createCollector } from '@tidemark/collector';
import { createBareRoad } from './bare-road.ts';
import { definitions } from './traffic.ts';

export const WRITE_KEY = 'wk_bench';

const [road, matching = '0', others = '0'] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
const database = join(folder, 'bench.db');

const collector =
  road === 'bare'
    ? createBareRoad(database)
    : await createCollector({
        database,
        writeKey: WRITE_KEY,
        serverKey: 'sk_bench',
        adminKey: 'ak_bench',
        signingSecret: 'bench-signing-secret-bench-signing-secret',
        config: definitions(Number(matching), Number(others)),
      });

const server = serve({ fetch: collector.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => {
  process.send?.({ port });
});

// Whoever asked for it is gone, and would not stop it any more.
process.on('disconnect', () => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(1);
});
process.on('message', (asked: 'cpu' | 'stop') => {
  if (asked === 'cpu') {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpuUs: user + system });
    return;
  }
  server.close();
  Promise.resolve(collector.close()).finally(() => {
    rmSync(folder, { recursive: true, force: true });
    process.exit(0);
  });
});
