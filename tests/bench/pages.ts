// Page views as browsers send them, through the built `tidemark serve`: how many, in how much memory, and how long
// each waits at half of that.
// Invariant: the second load is sent at a fixed pace, whatever the answers take, so that waiting shows.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom } from '../random.ts';
import { type Caller, createCaller, spread, steadyLoad } from './live.ts';
import { say, tell } from './report.ts';
import { type ServedCollector, startServed } from './served.ts';

/** Browsers' connections, as the aim for p99 has them. */
const CONNECTIONS = 32;
const VISITORS = 20_000;
/** Before each measurement, until the code is compiled. */
const WARM_UP_MS = 5_000;
/** What the design measured of Umami on PostgreSQL on such a machine: page views a second one by one, in batches; MB. */
const UMAMI = { single: [160, 175], batched: [233, 260], memoryMb: 568 } as const;

const CONFIG = {
  traits: {
    pages: { type: 'count', event: '$page' },
    first_page: { type: 'first', event: '$page', property: 'path' },
    pages_seen: { type: 'unique_count', event: '$page', property: 'path' },
  },
  segments: {
    active: { where: { event: '$page', within: '7d' } },
    readers: { where: { event: '$page', count: { op: 'gte', value: 10 }, within: '30d' } },
  },
};

export async function benchPages(scale: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
  const config = join(folder, 'definitions.json');
  writeFileSync(config, JSON.stringify(CONFIG));
  const ms = 20_000 * scale;
  say(
    `Page views over ${CONNECTIONS} connections, five definitions matching, ${ms / 1_000} s each; the load's own CPU is on the same cores`,
  );
  const collector = await startServed(join(folder, 'pages.db'), config);
  const caller = createCaller(collector.port, CONNECTIONS);
  const makeBody = createViews(Date.now());
  try {
    await showAtTheirPace(collector, caller, { ms, makeBody });
    const single = await flood(collector, caller, { ms, size: 1, makeBody });
    show('one a request', single, UMAMI.single);
    const everyMs = 2_000 / single.rate;
    const end = performance.now() + ms;
    const taken = await steadyLoad(caller, {
      everyMs,
      makeBody: () => makeBody(1),
      isOver: () => performance.now() > end,
    });
    say(
      `  at half of that, ${Math.round(1_000 / everyMs).toLocaleString('en')}/s: ${spread(taken)} (aim: p99 under 100 ms)`,
    );
    show('20 a request', await flood(collector, caller, { ms, size: 20, makeBody }), UMAMI.batched);
    const { memoryMb, peakMb } = collector.vitals();
    say(
      `  memory ${memoryMb.toFixed(0)} MB resident, ${peakMb.toFixed(0)} at its highest: ${(peakMb / UMAMI.memoryMb).toFixed(2)} of Umami's ${UMAMI.memoryMb} (aim: 0.20)`,
    );
  } finally {
    caller.close();
    await collector.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The same work as Umami did, before anything else: what a collector takes that is not driven to its limit. */
async function showAtTheirPace(
  collector: ServedCollector,
  caller: Caller,
  { ms, makeBody }: { ms: number; makeBody(size: number): string },
): Promise<void> {
  const pace = Math.max(...UMAMI.batched);
  const before = collector.vitals();
  const from = performance.now();
  const taken = await steadyLoad(caller, {
    everyMs: 1_000 / pace,
    makeBody: () => makeBody(1),
    isOver: () => performance.now() > from + ms,
  });
  const seconds = (performance.now() - from) / 1_000;
  const { memoryMb, peakMb, cpuMs } = collector.vitals();
  const busy = (cpuMs - before.cpuMs) / 10 / seconds;
  say(
    `  at Umami's pace, ${pace}/s one by one: ${spread(taken)}, CPU ${busy.toFixed(0)} % of a core, ` +
      `${memoryMb.toFixed(0)} MB, ${peakMb.toFixed(0)} at its highest: ${(peakMb / UMAMI.memoryMb).toFixed(2)} of Umami's ${UMAMI.memoryMb} (aim: 0.20)`,
  );
}

interface Flooded {
  /** Page views a second. */
  rate: number;
  /** CPU microseconds a page view, of the collector. */
  cpuUs: number;
  /** Resident at the end, MB. */
  memoryMb: number;
}

/** Each connection sends its next request when the one before was answered. */
async function flood(
  collector: ServedCollector,
  caller: Caller,
  { ms, size, makeBody }: { ms: number; size: number; makeBody(size: number): string },
): Promise<Flooded> {
  const run = async (forMs: number): Promise<number> => {
    const end = performance.now() + forMs;
    let views = 0;
    const sender = async (): Promise<void> => {
      while (performance.now() < end) {
        const { status, text } = await caller.post('/v1/batch', makeBody(size));
        if (status !== 200) throw new Error(`the collector answered ${status}: ${text}`);
        views += size;
        tell(`${views.toLocaleString('en')} page views`);
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, sender));
    return views;
  };
  await run(WARM_UP_MS);
  const before = collector.vitals();
  const from = performance.now();
  const views = await run(ms);
  const seconds = (performance.now() - from) / 1_000;
  const after = collector.vitals();
  return {
    rate: views / seconds,
    cpuUs: ((after.cpuMs - before.cpuMs) * 1_000) / views,
    memoryMb: after.memoryMb,
  };
}

function show(
  name: string,
  { rate, cpuUs, memoryMb }: Flooded,
  [low, high]: readonly [number, number],
): void {
  const times = (umami: number): string => (rate / umami).toFixed(0);
  say(
    `  ${name.padEnd(14)} ${Math.round(rate).toLocaleString('en').padStart(7)}/s, CPU ${cpuUs.toFixed(0).padStart(4)} us each, ` +
      `${memoryMb.toFixed(0)} MB; Umami ${low} to ${high}/s: ${times(high)} to ${times(low)} times (aim: 20)`,
  );
}

/** Views of visitors who come and go, with what the browser SDK says of the page. */
function createViews(start: number): (size: number) => string {
  const random = createRandom(20_261_127);
  let serial = 0;
  const view = (): object => {
    const page = random.below(400);
    return {
      type: 'page',
      messageId: `${start.toString(16)}-${(++serial).toString(16).padStart(12, '0')}`,
      anonymousId: `visitor-${random.below(VISITORS)}`,
      timestamp: new Date().toISOString(),
      properties: {
        path: `/articles/${page}`,
        url: `https://blog.example/articles/${page}?utm_source=news`,
        title: `An article with a title of ordinary length, number ${page}`,
        referrer: 'https://search.example/',
      },
      context: {
        locale: 'en-GB',
        timezone: 'Europe/Berlin',
        screen: { width: 1920, height: 1080 },
        userAgent:
          'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
        library: { name: '@tidemark/sdk-web', version: '0.1.0' },
      },
    };
  };
  return (size) =>
    JSON.stringify({ batch: Array.from({ length: size }, view), sentAt: new Date().toISOString() });
}
