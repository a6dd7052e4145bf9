// The needs board over many people while messages go on arriving.
// Invariant: the same steady load before and during the reads.
import { createCaller, spread, startLive, steadyLoad } from './live.ts';
import { say, tell } from './report.ts';

const DAY = 86_400_000;
const START = Date.parse('2026-03-01T00:00:00Z');
const EVENTS_EACH = 5;
/** One in so many answers the survey. */
const ASKED = 5;
/** Ms between two live messages: far below what the machine can do. */
const EVERY_MS = 10;

const options = ['f0', 'f1', 'f2', 'f3', 'f4', 'f5', 'f6', 'f7'];
const definitions = {
  segments: { some: { where: { event: 'Used*', within: '60d' } } },
  surveys: {
    next: {
      name: 'What next?',
      questions: [
        { id: 'weigh', type: 'maxdiff', title: 'Best and worst?', options },
        { id: 'felt', type: 'kano', title: 'With it?' },
        { id: 'more', type: 'open_text', title: 'What else?' },
      ],
      features: options.map((key, i) => ({
        ...{ key, name: key, event: `Used ${key}`, maxdiff: key, terms: [key] },
        ...(i === 0 ? { kano: 'felt' } : {}),
      })),
    },
  },
};

export async function benchNeeds(scale: number): Promise<void> {
  const people = Math.round(100_000 * scale);
  const name = (count: number) => count.toLocaleString('en');
  say(
    `The needs board over ${name(people)} people, ${EVENTS_EACH} messages each, ${name(people / ASKED)} answers`,
  );
  const live = await startLive(definitions, START);
  const caller = createCaller(live.port);
  try {
    for (let first = 0; first < people; first += 300) {
      await caller.post('/v1/batch', { batch: messagesOf(first, Math.min(first + 300, people)) });
      tell(`${name(first)} people`);
    }
    let serial = 0;
    const makeBody = (): string =>
      JSON.stringify({
        batch: [{ type: 'track', event: 'Other', userId: `l${serial % 500}`, messageId: `l${++serial}` }],
      });
    const end = performance.now() + 5_000;
    const load = (isOver: () => boolean) => steadyLoad(caller, { everyMs: EVERY_MS, makeBody, isOver });
    const quiet = await load(() => performance.now() > end);
    say(`  one message every ${EVERY_MS} ms, quiet: ${spread(quiet)}`);
    for (const query of ['', '?segment=some']) {
      let isDone = false;
      const from = performance.now();
      const asked = caller.get(`/api/needs${query}`).then(({ status, text }) => {
        isDone = true;
        const board = JSON.parse(text) as { people: number; features: unknown[] };
        return `${status}, ${name(board.people)} people, ${board.features.length} features`;
      });
      const during = await load(() => isDone);
      const took = ((performance.now() - from) / 1_000).toFixed(1);
      say(`  /api/needs${query}: ${await asked} in ${took} s; messages meanwhile: ${spread(during)}`);
    }
  } finally {
    caller.close();
    await live.stop();
  }
}

function messagesOf(from: number, to: number): object[] {
  return Array.from({ length: to - from }, (_, i) => from + i).flatMap((who) => {
    const userId = `p${who}`;
    const events = Array.from({ length: EVENTS_EACH }, (_, i) => ({
      ...{ type: 'track', userId, messageId: `${userId} ${i}`, event: `Used f${(who + i * i) % 12}` },
      timestamp: new Date(START - ((who * 7 + i * 13) % 60) * DAY).toISOString(),
    }));
    if (who % ASKED !== 0) return events;
    const best = options[who % 8] as string;
    const worst = options[(who + 3) % 8] as string;
    const felt = { functional: 'like', dysfunctional: who % 2 ? 'dislike' : 'neutral' };
    const answers = {
      weigh: { best, worst },
      felt,
      more: `What I miss is ${options[who % 7]} and nothing else`,
    };
    return [...events, { type: 'survey', userId, messageId: `${userId} s`, surveyId: 'next', answers }];
  });
}
