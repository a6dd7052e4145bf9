// One message on its way: the text that is sent, and what is needed when it is answered for.
// Invariant: the text never changes.
import type { Queued } from '../../sdk-web/src/core/queue.ts';
import type { Callback, Message } from './params.ts';
import type { Place } from './spool-journal.ts';

/**
 * The queue weighs an entry by writing its JSON, which for every text would double the cost of a call.
 * A request of 500 messages of this size cannot be too large, so these weigh nothing.
 */
const LIGHT_CHARS = 1_000;

/** A class, so that all entries share one `toJSON`. */
export class Held implements Queued {
  [field: string]: unknown;
  readonly messageId: string;
  readonly type: string;
  readonly text: string;
  /** UTF-8 bytes of the text. */
  readonly bytes: number;
  readonly callback: Callback | undefined;
  /** Where it is on disk; null: in memory only. */
  place: Place | null = null;
  /** Left by an earlier process. */
  isRecovered = false;

  constructor(messageId: string, type: string, text: string, bytes: number, callback?: Callback) {
    this.messageId = messageId;
    this.type = type;
    this.text = text;
    this.bytes = bytes;
    this.callback = callback;
  }

  /** For the queue's scales alone. */
  toJSON(): string | number {
    return this.text.length > LIGHT_CHARS ? this.text : 0;
  }

  /** The message anew: callers may keep and change it. */
  toMessage(): Message {
    return JSON.parse(this.text) as Message; // `compose` wrote it, or a spool checked it
  }
}
