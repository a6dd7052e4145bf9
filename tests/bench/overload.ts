// What one hostile sender costs the others: the event loop's worst delay for each hostile body, and a steady
// load of one key beside floods of another.
// Invariant: each hostile body is within the limits of the contract, so that it is read, not refused by size.
import { gzipSync } from 'node:zlib';
import {
  type Caller,
  createCaller,
  type Delay,
  delayText,
  type Live,
  SERVER,
  spread,
  startLive,
  steadyLoad,
  WEB,
} from './live.ts';
import { percentile, say } from './report.ts';

const START = Date.parse('2026-06-10T12:00:00Z');
const BODY_BYTES = 4 * 1024 * 1024;
const ROOM = 4_096;
/** Times each body is sent: the worst counts. */
const ROUNDS = 3;

const DEFINITIONS = {
  traits: {
    views: { type: 'count', event: 'View' },
    spent: { type: 'sum', event: 'View', property: 'price' },
    kinds: { type: 'unique_count', event: '*', property: 'kind' },
  },
  segments: {
    viewers: { where: { event: 'View', count: { op: 'gte', value: 3 }, within: '7d' } },
    shoppers: { where: { sequence: [{ event: 'View' }, { event: 'Cart', within: '1h' }] } },
    held: { where: { trait: 'plan', op: 'eq', value: 'pro', for: '1d' } },
  },
};

let serial = 0;
const id = (): string => `00000000-0000-4000-8000-${String(++serial).padStart(12, '0')}`;
const track = (userId: string, more: object = {}): Record<string, unknown> => ({
  type: 'track',
  event: 'View',
  messageId: id(),
  userId,
  ...more,
});

/** As many of `make`'s messages as fit into one body. */
function filled(make: (i: number) => object): string {
  const items: string[] = [];
  for (let bytes = ROOM, i = 0; items.length < 2_000; i++) {
    const text = JSON.stringify(make(i));
    bytes += Buffer.byteLength(text) + 1;
    if (bytes > BODY_BYTES) break;
    items.push(text);
  }
  return `{"batch":[${items.join(',')}]}`;
}

const smallKeys = (count: number, salt: number): object =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${(salt * 7_919 + i).toString(36)}`, 0]));
const deep = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));

/** Links a device to one user and another in turn, and has it say something by itself between. */
function relink(i: number, timestamp: number): object {
  if (i % 3 > 0) return track(`r${i % 3}`, { anonymousId: 'shared', timestamp });
  return { ...track('', { anonymousId: 'shared', timestamp }), userId: null };
}

const SMALL_KEYS = (): string =>
  filled((i) => ({ type: 'identify', messageId: id(), userId: `t${i}`, traits: smallKeys(2_600, i) }));

const BODIES: Record<string, () => string> = {
  'ordinary messages, 2,000': () =>
    filled((i) =>
      track(`u${i % 500}`, { properties: { price: i, kind: `k${i % 9}`, note: 'x'.repeat(1_000) } }),
    ),
  'small keys in properties': () => filled((i) => track(`p${i}`, { properties: smallKeys(2_600, i) })),
  'small keys in traits': SMALL_KEYS,
  'small keys in traits of one person': () =>
    filled((i) => ({ type: 'identify', messageId: id(), userId: 'one', traits: smallKeys(2_600, i) })),
  'one object of small keys': () => {
    const text = `{"batch":[],"x":${JSON.stringify(smallKeys(380_000, 0))}}`;
    if (text.length > BODY_BYTES) throw new Error('too large');
    return text;
  },
  'lists nested 90 deep': () =>
    filled((i) => track(`d${i}`, { properties: { deep: deep(90), list: Array(150).fill(deep(90)) } })),
  'one nest of 2 million levels': () => `{"batch":[],"x":${'['.repeat(2_000_000)}${']'.repeat(2_000_000)}}`,
  'one context in each of 2,000': () =>
    JSON.stringify({
      batch: Array.from({ length: 2_000 }, (_, i) => track(`c${i % 3}`)),
      context: { list: Array(2_700).fill([]) },
    }),
  'strings of 30 KiB': () => filled((i) => track(`s${i}`, { properties: { text: 'x'.repeat(30_000) } })),
  'strings of 10 KiB, three-byte characters': () =>
    filled((i) => track(`c${i}`, { properties: { text: '漢'.repeat(10_000) } })),
  'strings of escapes': () => filled((i) => track(`e${i}`, { properties: { text: '\u0001'.repeat(5_000) } })),
  'empty objects for messages': () =>
    `{"batch":[${Array(2_000).fill('{}').join(',')}],"x":[${Array(1_390_000).fill('{}').join(',')}]}`,
  'messages of one list of numbers': () =>
    filled((i) => track(`n${i}`, { properties: { list: Array(15_000).fill(i % 10) } })),
  'too large messages': () =>
    filled((i) => track(`l${i}`, { properties: { a: 'x'.repeat(20_000), b: smallKeys(2_600, i) } })),
  'no JSON at its very end': () =>
    filled((i) => track(`b${i}`, { properties: smallKeys(2_600, i) })).slice(0, -1),
  '2,000 re-links of one device': () => filled((i) => relink(i, START - i * 1_000)),
  '2,000 late messages of one person': () =>
    filled((i) => ({ ...track('late', { timestamp: START - i * 1_000 }), event: i % 2 ? 'View' : 'Cart' })),
};

async function measureBodies(live: Live, caller: Caller): Promise<void> {
  say(
    `Worst delay of the event loop by one body of up to 4 MiB, of ${ROUNDS} (aim: 50 ms), and its work in that`,
  );
  for (const [name, make] of Object.entries(BODIES)) {
    const delays: Delay[] = [];
    const took: number[] = [];
    const work: number[] = [];
    let status = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const body = make();
      await new Promise((resolve) => setTimeout(resolve, 200));
      await live.loop();
      const from = performance.now();
      status = (await caller.post('/v1/batch', body)).status;
      took.push(performance.now() - from);
      const { cpu, ...delay } = await live.loop();
      delays.push(delay);
      work.push(cpu);
    }
    const gzip = gzipSync(make());
    const worst = delays.reduce((one, other) => (other.delay > one.delay ? other : one));
    say(
      `  ${name.padEnd(42)}${delayText(worst)}; answered ${status} after ${percentile(took, 0.5).toFixed(0).padStart(5)} ms, ` +
        `CPU ${percentile(work, 0.5).toFixed(0).padStart(5)} ms (${(gzip.length / 1024).toFixed(0)} KiB gzip)`,
    );
  }
}

/** Floods sent by four connections, one request after the other each. */
const FLOODS: Record<string, () => string> = {
  nothing: () => '',
  'batches of 100': () => filledBatch(100, (i) => track(`u${i % 500}`, { properties: { price: i } })),
  'batches of 2,000': () => filledBatch(2_000, (i) => track(`u${i % 500}`, { properties: { price: i } })),
  '4 MiB of small keys': SMALL_KEYS,
  'late messages, 200 a batch': () =>
    filledBatch(200, (i) => ({
      ...track('late', { timestamp: START - (serial % 90_000) * 1_000 }),
      event: i % 2 ? 'View' : 'Cart',
    })),
  're-links, 200 a batch': () => filledBatch(200, (i) => relink(i, START - (serial % 90_000) * 1_000)),
};
const filledBatch = (count: number, make: (i: number) => object): string =>
  JSON.stringify({ batch: Array.from({ length: count }, (_, i) => make(i)) });

async function measureFloods(live: Live, seconds: number): Promise<void> {
  say(`A steady load of 50 requests a second with one key, beside a flood with another, ${seconds} s each`);
  for (const [name, make] of Object.entries(FLOODS)) {
    const flood = createCaller(live.port, 4);
    const steady = createCaller(live.port, 64);
    const ready = name === 'nothing' ? [] : Array.from({ length: 8 }, make);
    const end = performance.now() + seconds * 1_000;
    const isOver = (): boolean => performance.now() > end;
    let answered = 0;
    let refused = 0;
    const flooding = Array.from({ length: name === 'nothing' ? 0 : 4 }, async (_, n) => {
      for (let i = n; !isOver(); i++) {
        // The same bytes but for the ids: making them would cost the machine more than taking them.
        const body = (ready[i % ready.length] ?? '').replaceAll(
          '00000000-0000-4000',
          `${String(i * 4 + n).padStart(8, '0')}-${String(++salt % 10_000).padStart(4, '0')}-4000`,
        );
        const { status } = await flood.post('/v1/batch', body, WEB);
        if (status === 200) answered++;
        else refused++;
      }
    });
    await live.loop();
    const taken = await steadyLoad(steady, {
      everyMs: 20,
      makeBody: () => JSON.stringify({ batch: [track(`steady${serial % 100}`)] }),
      isOver,
      headers: SERVER,
    });
    await Promise.all(flooding);
    const delay = await live.loop();
    flood.close();
    steady.close();
    say(
      `  ${name.padEnd(30)}${spread(taken)}; flood: ${answered} answered, ${refused} refused; loop ${delayText(delay)}`,
    );
  }
}
let salt = 0;

export async function benchOverload(scale: number): Promise<void> {
  const live = await startLive(DEFINITIONS, START);
  const caller = createCaller(live.port, 4);
  try {
    await measureBodies(live, caller);
    say();
    await measureFloods(live, Math.max(2, Math.round(10 * scale)));
  } finally {
    caller.close();
    await live.stop();
  }
}
