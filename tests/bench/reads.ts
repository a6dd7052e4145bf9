// What an operator's requests cost the others: the event loop's worst delay for each, in a file where there is much
// of everything that they go through.
// Invariant: each request is answered with success; a figure of a refusal would say nothing.
import { type Caller, createCaller, type Delay, delayText, type Live, SERVER, startLive } from './live.ts';
import { percentile, say, tell } from './report.ts';

const START = Date.parse('2026-06-10T12:00:00Z');
/** Of each kind of thing: people, somebody's messages, answers, members, rejected and future messages. */
const MANY = 60_000;
/** Devices of one person, some less than the cap. */
const DEVICES = 950;
const BATCH = 200;
/** Times each request is made that changes nothing: the worst counts. */
const ROUNDS = 3;

const DEFINITIONS = {
  traits: { views: { type: 'count', event: 'View' } },
  segments: {
    ...Object.fromEntries(
      Array.from({ length: 20 }, (_, i) => [
        `viewers_${i}`,
        { where: { event: 'View', within: `${i + 1}d` } },
      ]),
    ),
    list: { static: true },
  },
  surveys: {
    nps: {
      name: 'NPS',
      questions: [
        { id: 'score', type: 'nps', title: 'How likely?' },
        { id: 'why', type: 'open_text', title: 'Why?' },
      ],
    },
  },
};

const view = (userId: string | null, more: object = {}): object => ({
  type: 'track',
  event: 'View',
  ...(userId === null ? {} : { userId }),
  timestamp: START - 3_600_000,
  ...more,
});

/** What is sent of each kind, the nth of `many`. */
const kindsOf = (many: number): Record<string, (n: number) => object> => ({
  people: (n) => view(`user-${n}`, { anonymousId: `device-${n}` }),
  'messages of one': (n) =>
    view('heavy', {
      event: n % 3 ? 'View' : `Event ${n % 500}`,
      timestamp: START - n * 1_000,
      properties: { n },
    }),
  'devices of one': (n) => view(n < DEVICES ? 'wide' : null, { anonymousId: `wide-${n % DEVICES}` }),
  answers: (n) => ({
    type: 'survey',
    userId: `user-${n}`,
    surveyId: 'nps',
    status: 'completed',
    answers: { score: n % 11, why: `Because of ${n % 97} things` },
  }),
  'members of a group': (n) => ({ type: 'group', userId: `user-${n}`, groupId: 'all' }),
  'dated in the future': (n) => view(`later-${n % 5_000}`, { timestamp: START + 86_400_000 + n }),
  'to be rejected': (n) => ({ ...view(`user-${n % (many / 10)}`, { properties: { n } }), event: '' }),
});

type Request = [method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object];

const READS: Request[] = [
  ['GET', '/api/profiles'],
  ['GET', '/api/profiles?q=user-'],
  ['GET', '/api/profiles?q=device-5'],
  ['GET', '/api/profiles?segment=viewers_3&q=u'],
  ['GET', '/api/profiles/user:wide'],
  ['GET', '/api/profiles/user:wide/events'],
  ['GET', '/api/profiles/user:heavy/events?limit=1000'],
  ['GET', '/api/profiles/user:heavy/segments/viewers_3/why'],
  ['GET', '/api/profiles/user:wide/export'],
  ['GET', '/api/segments'],
  ['GET', '/api/segments/viewers_3/profiles?limit=1000'],
  ['GET', '/api/groups/all'],
  ['GET', '/api/rejected?limit=1000'],
  ['GET', '/api/surveys/nps/responses?limit=1000'],
  ['GET', '/api/surveys/nps/results'],
  ['GET', '/metrics'],
  ['POST', '/api/segments/preview', { where: { event: 'View', count: { op: 'gte', value: 2 } } }],
  [
    'POST',
    '/api/segments/preview',
    { where: { sequence: [{ event: 'View' }, { event: 'Event 3', within: '1h' }] } },
  ],
];
const CHANGES: Request[] = [
  ['PUT', '/api/segments/list/profiles/user:wide'],
  ['POST', '/api/profiles/merge', { from: 'heavy', into: 'wide' }],
  ['POST', '/api/profiles/unmerge', { userId: 'heavy' }],
  ['PUT', '/api/segments/late', { where: { event: 'View', within: '7d', count: { op: 'gte', value: 2 } } }],
  ['DELETE', '/api/profiles/user:user-9'],
  ['DELETE', '/api/profiles/user:wide'],
  ['DELETE', '/api/profiles/user:heavy'],
];

async function fill(caller: Caller, many: number): Promise<void> {
  for (const [kind, make] of Object.entries(kindsOf(many)))
    for (let n = 0; n < many; n += BATCH) {
      tell(`filling: ${kind}, ${n.toLocaleString('en')}`);
      const batch = Array.from({ length: BATCH }, (_, i) => ({
        messageId: `${kind} ${n + i}`,
        ...make(n + i),
      }));
      const { status, text } = await caller.post('/v1/batch', { batch }, SERVER);
      if (status !== 200) throw new Error(`${kind}: ${status} ${text}`);
    }
}

async function measure(
  live: Live,
  caller: Caller,
  requests: readonly Request[],
  rounds: number,
): Promise<void> {
  for (const [method, path, body] of requests) {
    const delays: Delay[] = [];
    const took: number[] = [];
    for (let round = 0; round < rounds; round++) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      await live.loop();
      const from = performance.now();
      const { status, text } = await caller.ask(method, path, body);
      if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
      took.push(performance.now() - from);
      delays.push(await live.loop());
    }
    const worst = delays.reduce((one, other) => (other.delay > one.delay ? other : one));
    say(
      `  ${`${method} ${path}`.padEnd(62)}${delayText(worst)}; answered after ${percentile(took, 0.5).toFixed(0).padStart(5)} ms`,
    );
  }
}

export async function benchReads(scale: number): Promise<void> {
  const live = await startLive(DEFINITIONS, START);
  const caller = createCaller(live.port, 4);
  const many = Math.ceil((MANY * scale) / BATCH) * BATCH;
  try {
    await fill(caller, many);
    say(
      `Worst delay of the event loop by one request of an operator (aim: 50 ms), among ${many.toLocaleString('en')} of each:`,
    );
    say(`  ${Object.keys(kindsOf(many)).join(', ')}`);
    await measure(live, caller, READS, ROUNDS);
    await measure(live, caller, CHANGES, 1);
  } finally {
    caller.close();
    await live.stop();
  }
}
