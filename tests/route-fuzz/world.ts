// One collector and all that is asked of it: requests in waves, a clock, and `verify` at the end.
// Invariant: what is drawn is a function of the seed and of what the collector answered.
import { createHmac } from 'node:crypto';
import { type InnerCollector, openCollector } from '../../collector/src/main/collector.ts';
import { createRandom, type Random } from '../random.ts';
import { type Answer, answerFaults, operationOf } from './check-answer.ts';
import { drawPools } from './draw-definitions.ts';
import { drawMessagePool } from './draw-messages.ts';
import { type Drawn, drawRequest } from './draw-request.ts';
import type { Ground } from './grammars.ts';
import { type Known, learn, nothingKnown, type Who } from './known.ts';

/** 2026-06-10T12:00:00Z, around which the grammar of messages draws its dates. */
const T0 = Date.parse('2026-06-10T12:00:00Z');
/** Requests under way at once, at most. */
const MAX_WAVE = 16;
const STEPS_MS = [0, 0, 0, 1, 1_000, 5_000, 60_000, 86_400_000];
/** Never drawn otherwise: one in an answer is a leak. */
const KEYS: Readonly<Record<Exclude<Who, 'read'>, string>> = {
  web: 'wk_fuzz_5c1d0b7e9f',
  server: 'sk_fuzz_a83e46d21c',
  admin: 'ak_fuzz_0f97b5e3d4',
};
const SIGNING_SECRET = 'signing_fuzz_71c9e2a05d';

/** Requests under way together, then the clock goes on. */
export interface Wave {
  readonly requests: readonly Drawn[];
  readonly stepMs: number;
  readonly tick: boolean;
}

export interface Fault {
  /** What is wrong, one a line. */
  readonly what: string;
  /** The request whose answer it is; null: `verify`, or the process. */
  readonly request: Drawn | null;
  readonly answer: Answer | null;
}

export interface World {
  /** Draws a wave of at most so many requests. */
  draw(most: number): Wave;
  play(wave: Wave): Promise<Fault | null>;
  /** Recomputes everything; null: no difference. */
  verify(): Promise<Fault | null>;
  close(): Promise<void>;
}

/**
 * A new collector, and the dice of this seed. In a history made shorter, a key that a left-out request made is not
 * known: what is asked with it leads nowhere.
 */
export async function openWorld(seed: number, database = ':memory:'): Promise<World> {
  const dice = createRandom(seed);
  const clock = { now: T0 };
  const troubles: unknown[] = [];
  const collector = await openCollector({
    database,
    writeKey: KEYS.web,
    serverKey: KEYS.server,
    adminKey: KEYS.admin,
    signingSecret: SIGNING_SECRET,
    now: () => clock.now,
    // In every second one whoever a message parts or joins is folded beside the lane, from the first message on.
    ...(seed % 2 === 0 ? { foldBesideFromMessages: 0 } : {}),
    onError: (error) => troubles.push(error),
  });
  const reader = (await collector.app.access.create({ kind: 'admin', role: 'read' })).key;
  const known = nothingKnown(SIGNING_SECRET);
  const secrets = new Set([...Object.values(KEYS), SIGNING_SECRET, reader]);
  const ground: Ground = {
    dice,
    known,
    messages: drawMessagePool(dice),
    definitions: drawPools(dice),
    sourceId: collector.app.access.source().id,
    webKey: KEYS.web,
    get now() {
      return clock.now;
    },
    sign: (userId) => createHmac('sha256', known.signingSecret).update(userId).digest('hex'),
  };
  const keyOf = (who: Who, from: Random): string => {
    const made = known.keys.filter((one) => one.who === who);
    if (made.length > 0 && from.chance(0.1)) return from.pick(made).key;
    return who === 'read' ? reader : KEYS[who];
  };

  async function ask(drawn: Drawn): Promise<Fault | null> {
    const answer = await send(collector, drawn);
    for (const { key } of known.keys) secrets.add(key);
    const faults = answerFaults(drawn, answer, secrets);
    if (answer.status < 300) noteAnswer(known, drawn, answer);
    if (faults.length === 0) return null;
    const causes = troubles.splice(0).map((error) => (error instanceof Error ? error.stack : String(error)));
    return { what: [...faults, ...causes].join('\n'), request: drawn, answer };
  }

  return {
    draw(most) {
      const length = Math.min(most, 1 + dice.below(MAX_WAVE));
      const requests = Array.from({ length }, () => drawRequest(ground, { keyOf }));
      return { requests, stepMs: dice.pick(STEPS_MS), tick: dice.chance(0.2) };
    },
    async play({ requests, stepMs, tick }) {
      const faults = await Promise.all(
        requests.map((drawn) => ask(drawn).catch((error) => thrown(error, drawn))),
      );
      clock.now += stepMs;
      const failed = tick ? await collector.tick().catch((error) => thrown(error, null)) : null;
      return faults.find((fault) => fault !== null) ?? failed ?? null;
    },
    async verify() {
      await collector.tick();
      const { differences } = await collector.core.verify({});
      if (differences.length === 0) return null;
      return {
        what: `verify: ${JSON.stringify(differences.slice(0, 5), null, 1)}`,
        request: null,
        answer: null,
      };
    },
    close: () => collector.close(),
  };
}

const thrown = (error: unknown, request: Drawn | null): Fault => ({
  what: error instanceof Error ? `thrown: ${error.stack}` : String(error),
  request,
  answer: null,
});

async function send(collector: InnerCollector, drawn: Drawn): Promise<Answer> {
  const { method, path, headers, body, address } = drawn;
  const request = new Request(`http://localhost${path}`, {
    method,
    headers: headers.map(([name, value]): [string, string] => [name, value]),
    ...(body === null ? {} : { body }),
  });
  const env = address === null ? undefined : { incoming: { socket: { remoteAddress: address } } };
  const response = await collector.fetch(request, env);
  return { status: response.status, headers: response.headers, text: await response.text() };
}

function noteAnswer(known: Known, drawn: Drawn, { text }: Answer): void {
  try {
    learn(known, operationOf(drawn), JSON.parse(text));
  } catch {
    // No JSON, or none at all: nothing to learn.
  }
}
