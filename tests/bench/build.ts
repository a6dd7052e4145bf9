// A new definition over a million messages while messages go on arriving; and the size of the file.
// Invariant: the messages are those of the other benchmarks, spread over many people.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { createCaller, spread, startLive, steadyLoad } from './live.ts';
import { percentile, say, tell } from './report.ts';
import { createRandom, definitions, EVENT, message } from './traffic.ts';

const START = Date.parse('2026-03-01T00:00:00Z');

export async function benchBuild(scale: number): Promise<void> {
  const messages = Math.round(1_000_000 * scale);
  const people = Math.round(50_000 * scale);
  say(`${messages.toLocaleString('en')} messages of ${people.toLocaleString('en')} people, 20 definitions`);
  const live = await startLive(definitions(20), START);
  const caller = createCaller(live.port);
  const random = createRandom(7);
  let rawBytes = 0;
  try {
    for (let sent = 0; sent < messages; sent += 2_000) {
      const batch = Array.from({ length: 2_000 }, () => {
        const one = {
          ...message(random, START - Math.floor(random() * 86_400_000)),
          userId: `p${Math.floor(random() * people)}`,
        };
        rawBytes += Buffer.byteLength(JSON.stringify(one));
        return one;
      });
      const { status } = await caller.post('/v1/batch', { batch });
      if (status !== 200) throw new Error(`the collector answered ${status}`);
      tell(`${sent.toLocaleString('en')} of ${messages.toLocaleString('en')} messages`);
    }
    let serial = 0;
    const makeBody = (): string =>
      JSON.stringify({
        batch: [
          {
            type: 'track',
            event: EVENT,
            userId: `p${serial % people}`,
            messageId: `l${++serial}`,
            properties: { quantity: 1, price: 2 },
          },
        ],
      });
    const everyMs = 4;
    const end = performance.now() + 8_000;
    const quiet = await steadyLoad(caller, { everyMs, makeBody, isOver: () => performance.now() > end });
    const before = await live.memory();
    const from = performance.now();
    await caller.put('/api/traits/new_total', {
      type: 'sum',
      event: EVENT,
      property: 'price',
      // Asked by none of the others, so that every message must be read again.
      where: { path: 'properties.position', op: 'lt', value: 10 },
    });
    await caller.put('/api/segments/new_rich', { where: { computed: 'new_total', op: 'gt', value: 300 } });
    let took = 0;
    const watch = (async () => {
      for (;;) {
        const trait = JSON.parse((await caller.get('/api/traits/new_total')).text);
        const { status, progress } = JSON.parse((await caller.get('/api/segments/new_rich')).text);
        if (status === 'ready' && trait.status === 'ready') break;
        tell(`building ${Math.round(progress * 100)} %`);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      took = performance.now() - from;
    })();
    const during = await steadyLoad(caller, { everyMs, makeBody, isOver: () => took > 0 });
    await watch;
    const after = await live.memory();
    say(
      `  built in ${(took / 1_000).toFixed(1)} s: ${Math.round(messages / (took / 1_000)).toLocaleString('en')} messages/s (aim: 100,000)`,
    );
    say(`  one message every ${everyMs} ms, quiet:  ${spread(quiet)}`);
    say(`  while building:               ${spread(during)}`);
    say(
      `  p99 ${(percentile(during, 0.99) / percentile(quiet, 0.99)).toFixed(1)} times quiet (aim: at most 2); memory ${before.now} MiB before, ${after.peak} MiB at its highest`,
    );
    const size = sizeOf(join(live.folder, 'bench.db'));
    say(
      `  file ${(size / 1e6).toFixed(0)} MB, raw JSON ${(rawBytes / 1e6).toFixed(0)} MB: ${(size / rawBytes).toFixed(2)} times (aim: at most 2.2)`,
    );
  } finally {
    caller.close();
    await live.stop();
  }
}

/** With everything in the main file. */
function sizeOf(path: string): number {
  const database = new Database(path);
  database.pragma('wal_checkpoint(TRUNCATE)');
  database.close();
  return statSync(path).size;
}
