// Everybody leaves a segment at one instant while messages go on arriving.
// Invariant: the same steady load before and during the wave.
import { createCaller, spread, startLive, steadyLoad } from './live.ts';
import { percentile, say, tell } from './report.ts';

const DAY = 86_400_000;
const START = Date.parse('2026-03-01T00:00:00Z');

export async function benchWave(scale: number): Promise<void> {
  const people = Math.round(100_000 * scale);
  say(`${people.toLocaleString('en')} people leave a segment at one instant`);
  const definitions = { segments: { week: { where: { event: 'Visited', within: '7d' } } } };
  const live = await startLive(definitions, START);
  const caller = createCaller(live.port);
  try {
    for (let sent = 0; sent < people; sent += 2_000) {
      const batch = Array.from({ length: Math.min(2_000, people - sent) }, (_, i) => ({
        type: 'track',
        event: 'Visited',
        userId: `w${sent + i}`,
        messageId: `w${sent + i}`,
        timestamp: new Date(START).toISOString(),
      }));
      await caller.post('/v1/batch', { batch });
      tell(`${sent.toLocaleString('en')} people`);
    }
    let serial = 0;
    const makeBody = (): string =>
      JSON.stringify({
        batch: [{ type: 'track', event: 'Other', userId: `l${serial % 500}`, messageId: `l${++serial}` }],
      });
    const size = async (): Promise<number> => JSON.parse((await caller.get('/api/segments/week')).text).size;
    const pace = await quietPace(caller, makeBody);
    const until = (ms: number): (() => boolean) => {
      const end = performance.now() + ms;
      return () => performance.now() > end;
    };
    const quiet = await steadyLoad(caller, { everyMs: pace, makeBody, isOver: until(8_000) });
    await live.setClock(START + 7 * DAY + 1);
    const from = performance.now();
    let out = 0;
    const watch = (async () => {
      // The list is read as seldom as an operator would: reading it settles everybody at once.
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, 500));
        const { text } = await caller.get('/metrics');
        if (/^tidemark_people_due 0$/m.test(text)) break;
        if (performance.now() - from > 120_000) break;
      }
      out = performance.now() - from;
    })();
    const during = await steadyLoad(caller, { everyMs: pace, makeBody, isOver: () => out > 0 });
    await watch;
    say(`  one message every ${pace.toFixed(1)} ms, quiet:  ${spread(quiet)}`);
    say(`  during the wave:               ${spread(during)}`);
    const ratio = percentile(during, 0.99) / percentile(quiet, 0.99);
    say(
      `  p99 ${ratio.toFixed(1)} times quiet (aim: at most 5); all out in ${(out / 1_000).toFixed(1)} s (aim: at most 30); size ${await size()}`,
    );
  } finally {
    caller.close();
    await live.stop();
  }
}

/** Milliseconds between messages at half of what 16 connections can do. */
async function quietPace(caller: ReturnType<typeof createCaller>, makeBody: () => string): Promise<number> {
  const from = performance.now();
  let sent = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() - from < 3_000) {
      await caller.post('/v1/batch', makeBody());
      sent++;
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return 2 / (sent / (performance.now() - from));
}
