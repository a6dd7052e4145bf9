// A stage for tests of the client: a fetch that answers as told, and a clock that the test moves.
// Invariant: nothing leaves the process; what a test left open is closed by `closeOpened`.
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Host } from './host.ts';
import { Analytics, type AnalyticsOptions, type Loss, type Message } from './index.ts';
import { nodeHost } from './node-host.ts';

export interface Request {
  url: string;
  headers: Headers;
  body: { batch: Message[]; sentAt: string };
}

/** `setBack` is somebody at the clock: timers and durations do not feel it. */
export type Clock = Host & { step(): boolean; advance(ms: number): void; setBack(ms: number): void };

const GZIP_MAGIC = 0x1f;

/** A request's body, unpacked. */
function textOf(body: unknown): string {
  const bytes = body as Uint8Array;
  return Buffer.from(bytes[0] === GZIP_MAGIC ? gunzipSync(bytes) : bytes).toString();
}

export type Reply = Response | Error | Promise<Response>;

export const ok = (rejected: object[] = []): Response =>
  Response.json({ success: true, accepted: 0, duplicates: 0, rejected });

/** A clock whose timers fire when the test says so, in order. */
export function createClock(): Clock {
  let now = Date.parse('2026-03-04T05:06:07.000Z');
  let shift = 0;
  let timers: { at: number; run: () => void }[] = [];
  return {
    ...nodeHost,
    now: () => now + shift,
    elapsed: () => now,
    random: () => 0.5,
    // At once, not on a thread whose turn the tests would have to wait for.
    gzip: async (bytes) => new Uint8Array(gzipSync(bytes)),
    after(ms, run) {
      const timer = { at: now + ms, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((held) => held !== timer);
      };
    },
    step() {
      const next = timers.sort((a, b) => a.at - b.at).shift();
      if (!next) return false;
      now = Math.max(now, next.at);
      next.run();
      return true;
    },
    advance(ms) {
      now += ms;
    },
    setBack(ms) {
      shift -= ms;
    },
  };
}

/** Lets promises and what fetch's bodies queue run. */
export const settle = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
};

export function setUp(
  reply: (request: Request, n: number) => Reply = () => ok(),
  options: Partial<AnalyticsOptions> = {},
) {
  const clock = createClock();
  const requests: Request[] = [];
  const lost: { loss: Loss; messages: Message[] }[] = [];
  let open = 0;
  let mostOpen = 0;
  const client = new Analytics(
    {
      writeKey: 'secret',
      host: 'http://collector.test',
      onError: (loss, messages) => lost.push({ loss, messages }),
      fetch: async (url, init) => {
        const request = {
          url: String(url),
          headers: new Headers(init?.headers),
          body: JSON.parse(textOf(init?.body)) as Request['body'],
        };
        requests.push(request);
        mostOpen = Math.max(mostOpen, ++open);
        try {
          const answer = await reply(request, requests.length);
          if (answer instanceof Error) throw answer;
          return answer;
        } finally {
          open--;
        }
      },
      ...options,
    },
    clock,
  );
  opened.push({ client, clock });
  const sent = (): Message[] => requests.flatMap(({ body }) => body.batch);
  const codes = (): string[] => lost.map(({ loss }) => loss.code);
  return { client, clock, requests, lost, sent, codes, mostOpen: () => mostOpen };
}

export const never = (): Promise<Response> => new Promise(() => {});

/** What was opened since the last `closeOpened`. */
const opened: { client: Analytics; clock: Clock }[] = [];

/** Closes what a test left open; its requests may never be answered. */
export async function closeOpened(): Promise<void> {
  for (const { client, clock } of opened.splice(0)) {
    void client.closeAndFlush({ timeout: 0 });
    while (clock.step()) await settle();
  }
}
