// One message on its way: the bytes that are sent, and what is needed when it is answered for.
// Invariant: the bytes never change; JSON of an entry is its weight alone.
import type { Queued } from '../../sdk-web/src/core/queue.ts';
import type { Callback, Message } from './params.ts';
import type { Piece } from './shelf.ts';
import type { Place } from './spool-journal.ts';

/**
 * The queue weighs an entry by writing its JSON, which for every message would double the cost of a call.
 * A request of 500 messages of this size cannot be too large, so these weigh nothing.
 */
const LIGHT_BYTES = 1_000;
/** Heavier ones are weighed in steps, by a text that all of a step share. */
const STEP_BYTES = 1_000;
const WEIGHTS: string[] = [];
const decoder = new TextDecoder();

function weightOf(bytes: number): string {
  const step = Math.ceil(bytes / STEP_BYTES);
  WEIGHTS[step] ??= '0'.repeat(step * STEP_BYTES);
  return WEIGHTS[step];
}

/**
 * A class for its hidden fields: the queue sees, copies and writes none of them. What the text says is not
 * kept beside it: at 100,000 entries each field is a megabyte, and the id ten.
 */
export class Held implements Queued {
  [field: string]: unknown;
  readonly #block: Uint8Array<ArrayBuffer>;
  readonly #start: number;
  readonly #end: number;
  readonly #callback: Callback | undefined;
  #place: Place | null = null;
  #isRecovered = false;

  /** @param piece where the text lies that `compose` wrote */
  constructor({ block, start, end }: Piece, callback?: Callback) {
    this.#block = block;
    this.#start = start;
    this.#end = end;
    this.#callback = callback;
    if (end - start > LIGHT_BYTES) this.weight = weightOf(end - start);
  }

  get messageId(): string {
    return this.toMessage().messageId;
  }

  /** UTF-8 of its JSON. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#block.subarray(this.#start, this.#end);
  }

  get size(): number {
    return this.#end - this.#start;
  }

  get callback(): Callback | undefined {
    return this.#callback;
  }

  /** Where it is on disk; null: in memory only. */
  get place(): Place | null {
    return this.#place;
  }

  /** Left by an earlier process. */
  get isRecovered(): boolean {
    return this.#isRecovered;
  }

  keepIn(place: Place | null, isRecovered = false): void {
    this.#place = place;
    this.#isRecovered = isRecovered;
  }

  /** The message anew: callers may keep and change it. */
  toMessage(): Message {
    return JSON.parse(decoder.decode(this.bytes)) as Message; // `compose` wrote it, or a spool checked it
  }
}
