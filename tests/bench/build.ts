// A new definition over a million messages while messages go on arriving; and the size of the file.
// Invariant: the messages are those of the other benchmarks, spread over many people.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { createRandom } from '../random.ts';
import { type Caller, createCaller, spread, startLive, steadyLoad } from './live.ts';
import { percentile, say, tell } from './report.ts';
import { definitions, EVENT, message } from './traffic.ts';

const START = Date.parse('2026-03-01T00:00:00Z');

export async function benchBuild(scale: number): Promise<void> {
  const messages = Math.round(1_000_000 * scale);
  const people = Math.round(50_000 * scale);
  say(`${messages.toLocaleString('en')} messages of ${people.toLocaleString('en')} people, 20 definitions`);
  const live = await startLive(definitions(20), START);
  const caller = createCaller(live.port);
  const random = createRandom(7).next;
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
    const alone = await build(caller, 'alone', 10);
    let took = 0;
    const building = build(caller, 'new', 11).then((ms) => {
      took = ms;
    });
    const during = await steadyLoad(caller, { everyMs, makeBody, isOver: () => took > 0 });
    await building;
    const after = await live.memory();
    say(`  alone: built in ${inWords(alone, messages)}`);
    say(`  with one message every ${everyMs} ms: built in ${inWords(took, messages)}`);
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

const inWords = (ms: number, messages: number): string =>
  `${(ms / 1_000).toFixed(1)} s: ${Math.round(messages / (ms / 1_000)).toLocaleString('en')} messages/s (aim: 100,000)`;

/** Puts a trait and a segment and resolves when both are ready, with the milliseconds it took. */
async function build(caller: Caller, name: string, below: number): Promise<number> {
  const from = performance.now();
  await caller.put(`/api/traits/${name}_total`, {
    type: 'sum',
    event: EVENT,
    property: 'price',
    // Asked by none of the others, so that every message must be read again.
    where: { path: 'properties.position', op: 'lt', value: below },
  });
  await caller.put(`/api/segments/${name}_rich`, {
    where: { computed: `${name}_total`, op: 'gt', value: 300 },
  });
  for (;;) {
    const trait = JSON.parse((await caller.get(`/api/traits/${name}_total`)).text);
    const { status, progress } = JSON.parse((await caller.get(`/api/segments/${name}_rich`)).text);
    if (status === 'ready' && trait.status === 'ready') return performance.now() - from;
    tell(`building ${Math.round(progress * 100)} %`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** With everything in the main file. */
function sizeOf(path: string): number {
  const database = new Database(path);
  database.pragma('wal_checkpoint(TRUNCATE)');
  database.close();
  return statSync(path).size;
}
