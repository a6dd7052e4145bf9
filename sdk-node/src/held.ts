// One message on its way: the text that is sent, and what is needed when it is answered for.
// Invariant: the text never changes; JSON of an entry is its weight alone.
import type { Queued } from '../../sdk-web/src/core/queue.ts';
import type { Callback, Message } from './params.ts';
import type { Place } from './spool-journal.ts';

/**
 * The queue weighs an entry by writing its JSON, which for every text would double the cost of a call.
 * A request of 500 messages of this size cannot be too large, so these weigh nothing.
 */
const LIGHT_CHARS = 1_000;

/** A class for its hidden fields: the queue sees, copies and writes none of them. */
export class Held implements Queued {
  [field: string]: unknown;
  readonly #messageId: string;
  readonly #type: string;
  readonly #text: string;
  readonly #bytes: number;
  readonly #callback: Callback | undefined;
  #place: Place | null = null;
  #isRecovered = false;

  /** @param bytes UTF-8 bytes of the text */
  constructor(messageId: string, type: string, text: string, bytes: number, callback?: Callback) {
    this.#messageId = messageId;
    this.#type = type;
    this.#text = text;
    this.#bytes = bytes;
    this.#callback = callback;
    if (text.length > LIGHT_CHARS) this.weight = text;
  }

  get messageId(): string {
    return this.#messageId;
  }

  get type(): string {
    return this.#type;
  }

  get text(): string {
    return this.#text;
  }

  get bytes(): number {
    return this.#bytes;
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
    return JSON.parse(this.#text) as Message; // `compose` wrote it, or a spool checked it
  }
}
