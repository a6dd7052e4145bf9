// Large bodies are parsed and judged on a thread, since JSON.parse of a hostile 4 MiB takes 200 to 330 ms: this
// end of it.
// Invariant: one thread and one body at a time, senders in turn; what waits is bounded; a thread that ends, however
// it does, has its request answered 503 and is begun anew with the next.
import { Worker } from 'node:worker_threads';
import type { Sender } from '../ingest/core.ts';
import { createFairQueue, type Job } from '../ingest/fair-queue.ts';
import { threadFile } from '../threads/beside.ts';
import type { AcceptedMessage, RefusedMessage } from '../wire/accepted.ts';
import type { JsonObject } from '../wire/message.ts';
import { ApiError, type ErrorStatus, overloaded } from './errors.ts';
import type { Ask, Judged } from './judge.ts';

/** Decoded bodies up to this size are read where they are, in 12 to 20 ms at the worst; larger ones on the thread. */
export const LARGE_BODY_BYTES = 256 * 1024;
/**
 * Heap of the thread in MiB: the worst 4 MiB of JSON (1.4 million empty objects) become some 100. Past it the thread
 * ends, not the process.
 */
const LIMITS = { maxOldGenerationSizeMb: 384 };
/**
 * Bodies that may wait for the thread: some three seconds of its work at the worst, and what the event loop takes for
 * the turns in which it hears of them, 16 for 4 MiB.
 */
const MAX_WAITING = { messages: 32, bytes: 32 * 1024 * 1024 };
/** How long whoever's body the thread ended over should wait, seconds. */
const ENDED_RETRY_SECONDS = 5;

/** What decides who sent a body, before it is judged. */
export interface Head {
  writeKey: string | undefined;
  userSignature: string | undefined;
}
export type Order = { judge: Ask } | { pick: string[] } | { drop: true };
export type ToDecoder = { decode: Uint8Array } | Order | { more: true };
/** Messages and refusals in order, as many as are handed over at once. */
export interface Part {
  /** Without the body: copying it takes longer than parsing it again. */
  messages: Omit<AcceptedMessage, 'body'>[];
  refused: RefusedMessage[];
}
export type FromDecoder =
  | { head: Head }
  /** The others come when more is asked for, the last of them with `judged`. */
  | { part: Part }
  | { judged: Part & Pick<Judged, 'places' | 'rejected'> }
  | { picked: JsonObject }
  | { failed: { status: ErrorStatus; code: string; message: string; cause: unknown } };

export interface Decoder {
  /** `admit` is called once the key in the body is known. @throws what it throws, and ApiError 400, 413, 429, 503 */
  judge(bytes: Uint8Array, sender: Sender, admit: (head: Head) => Ask): Promise<Judged>;
  /** Some fields of the body; one that is neither plain nor a list of texts comes as an empty object. */
  pick(bytes: Uint8Array, sender: Sender, names: string[]): Promise<JsonObject>;
  close(): Promise<void>;
}

interface Waiting extends Job {
  body: Uint8Array;
  /** What was handed over so far. */
  taken: Pick<Judged, 'messages' | 'refused'>;
  order(head: Head): Order;
  resolve(told: FromDecoder): void;
  reject(error: unknown): void;
}

const THREAD = threadFile('decode-thread', import.meta.url);

/** @param onTrouble hears of a thread that ended by itself; `script` is what the thread runs */
export function createDecoder(onTrouble: (error: unknown) => void = () => {}, script = THREAD): Decoder {
  const queue = createFairQueue<Waiting>(MAX_WAITING);
  let thread: Worker | null = null;
  let current: Waiting | null = null;
  let closed = false;

  function begin(): Worker {
    const begun = new Worker(script, { execArgv: [], resourceLimits: LIMITS });
    let failure: unknown = new Error('the thread that reads large bodies has ended');
    begun.on('error', (error) => {
      failure = error;
    });
    begun.once('exit', () => {
      if (thread === begun) thread = null;
      if (closed) return;
      onTrouble(failure);
      finish((job) => job.reject(threadEnded(failure)));
    });
    begun.on('message', (told: FromDecoder) => hear(begun, told));
    return begun;
  }

  function hear(from: Worker, told: FromDecoder): void {
    if ('head' in told) {
      const order = orderFor(told.head);
      from.postMessage(order);
      if ('drop' in order) next();
    } else if ('part' in told) {
      take(told.part);
      // In a turn of the loop of its own: all at once would hold up everybody else for tens of milliseconds.
      setImmediate(() => from.postMessage({ more: true } satisfies ToDecoder));
    } else if ('failed' in told) {
      const { status, code, message, cause } = told.failed;
      finish((job) => job.reject(new ApiError(status, code, message, { cause })));
    } else {
      if ('judged' in told) take(told.judged);
      finish((job) => job.resolve(told));
    }
  }

  /** A body is parsed when it is looked at, in the lane's slices. */
  function take({ messages, refused }: Part): void {
    for (const message of messages) current?.taken.messages.push({ ...message, body: null });
    current?.taken.refused.push(...refused);
  }

  function orderFor(head: Head): Order {
    try {
      return current?.order(head) ?? { drop: true };
    } catch (error) {
      current?.reject(error);
      current = null;
      return { drop: true };
    }
  }

  function finish(tell: (job: Waiting) => void): void {
    const job = current;
    current = null;
    if (job) tell(job);
    next();
  }

  function next(): void {
    if (current || closed) return;
    const [part] = queue.take(1);
    if (!part) {
      thread?.unref();
      return;
    }
    current = part.job;
    thread ??= begin();
    // Whoever waits for the answer waits for the thread.
    thread.ref();
    const message: ToDecoder = { decode: current.body };
    thread.postMessage(message, [current.body.buffer as ArrayBuffer]); // its own: see `ownBytes`
  }

  const ask = (
    bytes: Uint8Array,
    sender: Sender,
    order: Waiting['order'],
    taken: Waiting['taken'] = { messages: [], refused: [] },
  ): Promise<FromDecoder> =>
    new Promise((resolve, reject) => {
      if (closed) return reject(threadEnded(null));
      const body = ownBytes(bytes);
      const gone = queue.add({ sender, size: 1, bytes: body.length, body, taken, order, resolve, reject });
      for (const job of gone) job.reject(overloaded());
      next();
    });

  return {
    async judge(bytes, sender, admit) {
      const taken: Waiting['taken'] = { messages: [], refused: [] };
      const told = await ask(bytes, sender, (head) => ({ judge: admit(head) }), taken);
      if (!('judged' in told)) throw new Error('the decoder was asked for messages');
      return { ...told.judged, ...taken };
    },
    async pick(bytes, sender, names) {
      const told = await ask(bytes, sender, () => ({ pick: names }));
      if (!('picked' in told)) throw new Error('the decoder was asked for fields');
      return told.picked;
    },
    async close() {
      closed = true;
      const ending = thread?.terminate();
      current?.reject(threadEnded(null));
      for (const { job } of queue.take(queue.jobs())) job.reject(threadEnded(null));
      await ending;
    },
  };
}

function threadEnded(cause: unknown): ApiError {
  const message = 'The collector could not read this body right now; send it again later';
  return new ApiError(503, 'not_decoded', message, { retryAfterSeconds: ENDED_RETRY_SECONDS, cause });
}

/** Bytes whose memory can be handed over: small buffers share theirs. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}
