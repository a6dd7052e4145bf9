// One more message, and a late one, for a person with 100 messages and one with 100,000.
// Invariant: the same definitions and the same kind of message; only the length of the history differs.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCollector } from '@tidemark/collector';
import { benchLate } from './late.ts';
import { percentile, say, tell } from './report.ts';

const EVENT = 'Product Viewed';
const DAY = 86_400_000;
const START = Date.parse('2026-01-01T00:00:00Z');
const KEY = `Basic ${Buffer.from('wk_bench:').toString('base64')}`;

/** A dashboard's worth of what can be asked of one event, order and distinct values included. */
const DEFINITIONS = {
  traits: {
    views: { type: 'count', event: EVENT },
    views_30d: { type: 'count', event: EVENT, within: '30d' },
    spent: { type: 'sum', event: EVENT, property: 'price' },
    products: { type: 'unique_count', event: EVENT, property: 'product_id' },
    product_list: { type: 'unique_list', event: EVENT, property: 'product_id' },
    favourite: { type: 'most_frequent', event: EVENT, property: 'category' },
    latest: { type: 'last', event: EVENT, property: 'name' },
    days: { type: 'active_days', event: EVENT },
    since: { type: 'first_seen', event: EVENT },
    per_day: { type: 'formula', expression: 'views / days' },
  },
  segments: {
    active: { where: { event: EVENT, count: { op: 'gte', value: 3 }, within: '7d' } },
    rich: { where: { computed: 'spent', op: 'gt', value: 1_000 } },
    back: { where: { sequence: [{ event: EVENT }, { event: 'Cart Viewed', within: '1h' }], within: '30d' } },
  },
};

interface Cost {
  /** CPU microseconds of one message, median. */
  next: number;
  /** Milliseconds of a late one, median and worst. */
  late: number;
  worst: number;
}

async function measure(messages: number, distinct: number): Promise<Cost> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
  const span = 300 * DAY;
  let clock = START;
  const collector = await createCollector({
    database: join(folder, 'bench.db'),
    writeKey: 'wk_bench',
    serverKey: 'sk_bench',
    adminKey: 'ak_bench',
    signingSecret: 'bench-signing-secret-bench-signing-secret',
    now: () => clock,
    config: DEFINITIONS as never,
  });
  let serial = 0;
  const message = (time: number) => ({
    type: 'track',
    event: serial % 10 === 9 ? 'Cart Viewed' : EVENT,
    userId: 'one',
    messageId: `b${String(++serial).padStart(9, '0')}`,
    timestamp: new Date(time).toISOString(),
    properties: {
      product_id: `sku-${serial % distinct}`,
      category: `c${serial % 40}`,
      name: `Product ${serial % 500}`,
      price: 4.99 + (serial % 50),
      description: 'x'.repeat(300),
    },
  });
  const send = async (batch: object[]): Promise<void> => {
    const body = JSON.stringify({ batch });
    const request = new Request('http://127.0.0.1/v1/batch', {
      method: 'POST',
      body,
      headers: { authorization: KEY },
    });
    const answer = await collector.fetch(request);
    if (answer.status !== 200) throw new Error(`${answer.status}: ${await answer.text()}`);
  };
  try {
    for (let sent = 0; sent < messages; ) {
      const size = Math.min(2_000, messages - sent);
      const batch = Array.from({ length: size }, (_, i) => message(START + ((sent + i) / messages) * span));
      sent += size;
      clock = START + (sent / messages) * span;
      await send(batch);
      tell(`${sent.toLocaleString('en')} of ${messages.toLocaleString('en')} messages`);
    }
    const next: number[] = [];
    for (let i = 0; i < 300; i++) {
      clock += 1_000;
      const before = process.cpuUsage();
      await send([message(clock)]);
      const { user, system } = process.cpuUsage(before);
      if (i >= 100) next.push(user + system);
    }
    const late: number[] = [];
    for (let i = 0; i < 60; i++) {
      const before = performance.now();
      await send([message(START + span * (0.2 + 0.79 * (i / 60)))]);
      if (i >= 10) late.push(performance.now() - before);
    }
    return { next: percentile(next, 0.5), late: percentile(late, 0.5), worst: Math.max(...late) };
  } finally {
    await collector.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function benchHistory(scale: number): Promise<void> {
  const long = Math.round(100_000 * scale);
  say(`One message of a person with 100 and with ${long.toLocaleString('en')} messages (13 definitions)`);
  const base = await measure(100, 50);
  say(
    `  100 messages                      ${base.next.toFixed(0).padStart(6)} us CPU; late ${base.late.toFixed(1)} ms, worst ${base.worst.toFixed(1)}`,
  );
  for (const distinct of [50, long]) {
    const cost = await measure(long, distinct);
    say(
      `  ${`${long.toLocaleString('en')}, ${distinct.toLocaleString('en')} distinct values`.padEnd(34)}${cost.next.toFixed(0).padStart(6)} us CPU = ` +
        `${(cost.next / base.next).toFixed(2)} times (aim: at most 3); late ${cost.late.toFixed(1)} ms, worst ${cost.worst.toFixed(1)} (aim: at most 100)`,
    );
  }
  say();
  await benchLate(scale);
}
