// Many senders at once, each as careful as our SDKs: what was not answered 200 is sent again under the same ids.
// Invariant: a message counts as acknowledged only after a 200 whose figures cover all of its batch.
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom, type Random } from '../random.ts';
import { type Client, unlessCutOff } from './client.ts';

/** People that all senders send for: few, so that many messages meet in one row. */
export const PEOPLE = 40;
const DAY_MS = 86_400_000;
/** After a 503 a sender waits less than it is told, to come again while others do. */
const AFTER_REFUSAL_MS = 20;

export interface Sent {
  messageId: string;
  user: string;
  /** What an event `Paid` adds to the person's sum; null for an `identify`. */
  amount: number | null;
}

interface Batch {
  messages: object[];
  sent: Sent[];
}

export interface Figures {
  acknowledged: number;
  /** Requests that got no answer. */
  cutOff: number;
  /** Requests answered 503. */
  refused: number;
  /** Messages that the collector said it had already. */
  duplicates: number;
}

export interface Senders {
  readonly figures: Figures;
  /** All that was answered 200, by message id. */
  readonly acknowledged: ReadonlyMap<string, Sent>;
  /** Resolves with the next answer 200. */
  nextAnswer(): Promise<void>;
  /** Ids acknowledged since this was last asked. */
  newlyAcknowledged(): string[];
  /** Sends until `isOver`; what was on the way then is kept for the next time. */
  run(client: Client, isOver: () => boolean): Promise<void>;
  /** Sends what is left until all of it is acknowledged. */
  finish(client: Client): Promise<void>;
}

export interface SendersOptions {
  count: number;
  seed: number;
  /** So many batches of one hold hundreds of messages. Default 0.1. */
  large?: number;
  /** Longest pause of a sender between two batches, ms. Default none. */
  pauseMs?: number;
}

export function createSenders({ count, seed, large = 0.1, pauseMs = 0 }: SendersOptions): Senders {
  // One for each: what a sender sends must not depend on how fast the others are.
  const randoms = Array.from({ length: count }, (_, sender) => createRandom(seed * 1_000 + sender));
  const acknowledged = new Map<string, Sent>();
  const figures: Figures = { acknowledged: 0, cutOff: 0, refused: 0, duplicates: 0 };
  /** For each sender the batch that nobody answered yet. */
  const open: (Batch | null)[] = Array.from({ length: count }, () => null);
  let fresh: string[] = [];
  let waiting: (() => void)[] = [];
  let serial = 0;

  function drawBatch(random: Random): Batch {
    const size = random.chance(large) ? random.whole(100, 400) : random.whole(1, 12);
    const sent: Sent[] = [];
    const messages = Array.from({ length: size }, () => {
      const messageId = `m${++serial}`;
      const person = random.whole(1, PEOPLE);
      const user = `u${person}`;
      const device = { anonymousId: `d${person}` };
      // Some from the device alone: they are filed anew when the user is linked to it, or already are.
      const who = random.pick([{ userId: user }, { userId: user, ...device }, device]);
      // Some late, some days so.
      const late = random.chance(0.2) ? random.whole(1, 3 * DAY_MS) : 0;
      const common = { ...who, messageId, timestamp: new Date(Date.now() - late).toISOString() };
      if (random.chance(0.1)) {
        sent.push({ messageId, user, amount: null });
        return { type: 'identify', ...common, traits: { last: messageId } };
      }
      const amount = random.whole(1, 1_000);
      sent.push({ messageId, user, amount });
      return { type: 'track', event: 'Paid', ...common, properties: { amount } };
    });
    return { messages, sent };
  }

  /** True once it is acknowledged. */
  async function deliver(client: Client, { messages, sent }: Batch): Promise<boolean> {
    const answer = await unlessCutOff(() => client.post(messages));
    if (!answer) {
      figures.cutOff++;
      return false;
    }
    if (answer.status === 503) {
      figures.refused++;
      if (answer.retryAfter === null) throw new Error('a 503 without Retry-After');
      return false;
    }
    const { accepted, duplicates, rejected } = answer.json;
    if (
      answer.status !== 200 ||
      !Array.isArray(rejected) ||
      rejected.length > 0 ||
      Number(accepted) + Number(duplicates) !== messages.length
    )
      throw new Error(
        `${messages.length} messages were answered ${answer.status} ${JSON.stringify(answer.json)}`,
      );
    figures.duplicates += Number(duplicates);
    for (const one of sent) {
      if (acknowledged.has(one.messageId)) continue;
      acknowledged.set(one.messageId, one);
      fresh.push(one.messageId);
    }
    figures.acknowledged = acknowledged.size;
    for (const go of waiting) go();
    waiting = [];
    return true;
  }

  async function send(client: Client, sender: number, isOver: () => boolean): Promise<void> {
    const random = randoms[sender] ?? createRandom(seed);
    while (!isOver()) {
      const batch = open[sender] ?? drawBatch(random);
      open[sender] = batch;
      // Some send one batch on two connections at once, as two tabs with one queue would.
      const times = random.chance(0.05) ? 2 : 1;
      const done = await Promise.all(Array.from({ length: times }, () => deliver(client, batch)));
      if (done.includes(true)) open[sender] = null;
      else await sleep(AFTER_REFUSAL_MS);
      if (pauseMs > 0) await sleep(random.whole(0, pauseMs));
    }
  }

  async function run(client: Client, isOver: () => boolean): Promise<void> {
    await Promise.all(open.map((_, sender) => send(client, sender, isOver)));
  }

  return {
    figures,
    acknowledged,
    nextAnswer: () => new Promise((resolve) => waiting.push(resolve)),
    newlyAcknowledged() {
      const ids = fresh;
      fresh = [];
      return ids;
    },
    run,
    async finish(client) {
      for (const [sender, batch] of open.entries()) {
        if (batch && !(await deliver(client, batch))) throw new Error('the last batches were not taken');
        open[sender] = null;
      }
      // Everybody's device is known for theirs by now.
      for (let person = 1; person <= PEOPLE; person++) {
        const messageId = `m${++serial}`;
        const user = `u${person}`;
        const message = { type: 'identify', messageId, userId: user, anonymousId: `d${person}` };
        if (!(await deliver(client, { messages: [message], sent: [{ messageId, user, amount: null }] })))
          throw new Error('the last batches were not taken');
      }
    },
  };
}
