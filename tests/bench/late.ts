// A late message where its order matters: for each shape a person with very many matches, and messages that
// are older than what the person's row keeps of them.
// Invariant: each shape has its own collector and one person; only what a late message costs is measured.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCollector } from '@tidemark/collector';
import { percentile, say, tell } from './report.ts';

const DAY = 86_400_000;
const SPAN = 28 * DAY;
const START = Date.parse('2026-01-01T00:00:00Z');
const KEY = `Basic ${Buffer.from('wk_bench:').toString('base64')}`;
const FILL = { description: 'x'.repeat(300) };
/** Late messages sent one by one, and how many of them warm up. */
const LATE = 40;
const WARM = 10;

type Said = { type: string } & Record<string, unknown>;

interface Shape {
  name: string;
  where: object;
  /** The i-th message of the person. */
  said(i: number): Said;
  late(i: number): Said;
}

const event = (name: string, more: object = {}): Said => ({
  type: 'track',
  event: name,
  properties: { ...FILL, ...more },
});
const NEVER = { event: 'Never' };
const viewOrCart = (i: number): Said => event(i % 10 === 9 ? 'Cart' : 'View');

const SHAPES: readonly Shape[] = [
  {
    name: 'sequence, soon as if never late',
    where: { sequence: [{ event: 'View' }, { event: 'Cart', within: '1h' }, NEVER] },
    said: viewOrCart,
    late: () => event('View'),
  },
  {
    name: 'sequence, changed to the end',
    where: { sequence: [{ event: 'Start' }, { event: 'View' }, NEVER] },
    said: (i) => event(i === 0 ? 'Start' : 'View'),
    late: () => event('Start'),
  },
  {
    name: 'sequence, few of the events match',
    where: {
      sequence: [
        { event: 'View', where: { path: 'properties.n', op: 'eq', value: 0 } },
        { event: 'Cart' },
        NEVER,
      ],
    },
    said: (i) => event('View', { n: i % 500 }),
    late: () => event('View', { n: 0 }),
  },
  {
    name: 'sequence within 30 d',
    where: { sequence: [{ event: 'View' }, { event: 'Cart', within: '1h' }], within: '30d' },
    said: viewOrCart,
    late: viewOrCart,
  },
  {
    name: 'absent step, all waiting',
    where: { sequence: [{ event: 'View' }, { absent: { event: 'Paid' }, within: '40d' }], within: '90d' },
    said: () => event('View'),
    late: (i) => event(i % 20 === 19 ? 'Paid' : 'View'),
  },
  {
    name: 'trait held for a day',
    where: { trait: 'plan', op: 'eq', value: 'pro', for: '1d' },
    said: (i) => ({ type: 'identify', traits: { plan: i % 3 === 0 ? 'free' : 'pro', ...FILL } }),
    late: (i) => ({ type: 'identify', traits: { plan: i % 2 === 0 ? 'free' : 'pro' } }),
  },
  {
    name: 'survey answers',
    where: { survey: 'nps', question: 'score', op: 'gte', value: 9 },
    said: (i) => ({
      type: 'survey',
      surveyId: 'nps',
      submissionId: `s${i}`,
      answers: { score: i % 11, ...FILL },
    }),
    late: (i) => ({ type: 'survey', surveyId: 'nps', submissionId: `l${i}`, answers: { score: i % 11 } }),
  },
];

interface Cost {
  /** CPU microseconds of a message in order, mean. */
  next: number;
  /** Milliseconds of late ones: the first, the median and the worst; CPU milliseconds, median. */
  first: number;
  late: number;
  worst: number;
  cpu: number;
  mib: number;
}

async function measure({ where, said, late }: Shape, messages: number): Promise<Cost> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
  const database = join(folder, 'bench.db');
  let clock = START;
  const collector = await createCollector({
    database,
    writeKey: 'wk_bench',
    serverKey: 'sk_bench',
    adminKey: 'ak_bench',
    signingSecret: 'bench-signing-secret-bench-signing-secret',
    now: () => clock,
    config: { segments: { one: { where } } } as never,
  });
  let serial = 0;
  const dated = (message: Said, time: number) => ({
    ...message,
    userId: 'one',
    messageId: `00000000-0000-4000-8000-${String(++serial).padStart(12, '0')}`,
    timestamp: new Date(time).toISOString(),
  });
  const send = async (batch: object[]): Promise<void> => {
    const request = new Request('http://127.0.0.1/v1/batch', {
      method: 'POST',
      body: JSON.stringify({ batch }),
      headers: { authorization: KEY },
    });
    const answer = await collector.fetch(request);
    if (answer.status !== 200) throw new Error(`${answer.status}: ${await answer.text()}`);
  };
  try {
    const began = process.cpuUsage();
    for (let sent = 0; sent < messages; ) {
      const size = Math.min(2_000, messages - sent);
      const batch = Array.from({ length: size }, (_, i) =>
        dated(said(sent + i), START + ((sent + i) / messages) * SPAN),
      );
      sent += size;
      clock = START + (sent / messages) * SPAN;
      await send(batch);
      tell(`${sent.toLocaleString('en')} of ${messages.toLocaleString('en')} messages`);
    }
    const { user, system } = process.cpuUsage(began);
    const took: number[] = [];
    const worked: number[] = [];
    for (let i = 0; i < LATE; i++) {
      const cpu = process.cpuUsage();
      const before = performance.now();
      await send([dated(late(i), START + SPAN * (0.05 + 0.9 * (i / LATE)))]);
      took.push(performance.now() - before);
      const used = process.cpuUsage(cpu);
      worked.push((used.user + used.system) / 1_000);
    }
    await collector.close();
    const kept = took.slice(WARM);
    return {
      next: (user + system) / messages,
      first: took[0] as number,
      late: percentile(kept, 0.5),
      worst: Math.max(...kept),
      cpu: percentile(worked.slice(WARM), 0.5),
      mib: statSync(database).size / 2 ** 20,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function benchLate(scale: number): Promise<void> {
  const messages = Math.round(100_000 * scale);
  say(
    `A late message where its order matters, of a person with ${messages.toLocaleString('en')} (aim: at most 100 ms)`,
  );
  for (const shape of SHAPES) {
    const { next, first, late, worst, cpu, mib } = await measure(shape, messages);
    say(
      `  ${shape.name.padEnd(34)}late ${late.toFixed(1).padStart(7)} ms (CPU ${cpu.toFixed(1)}), worst ${worst.toFixed(1)}, the first ${first.toFixed(1)}; ` +
        `in order ${next.toFixed(0)} us CPU a message, file ${mib.toFixed(0)} MiB`,
    );
  }
}
