// What listeners of a client hear of.
// Invariant: types only.
import type { Loss } from '../../sdk-web/src/core/queue.ts';
import type { HttpRequestEvent, HttpResponseEvent } from './http-client.ts';
import type { Context, Message } from './params.ts';

/** A loss as listeners of `error` get it: with Segment's words for the same beside ours. */
export interface EmittedError extends Loss {
  /** The same as `message`. */
  reason: string;
  /** The first of the messages. */
  ctx?: Context | undefined;
}

/** What `on` hears of. The calls' own names: the collector has that message. */
export interface Events {
  error: [error: EmittedError, messages: Message[]];
  identify: [context: Context];
  track: [context: Context];
  page: [context: Context];
  screen: [context: Context];
  group: [context: Context];
  alias: [context: Context];
  survey: [context: Context];
  call_after_close: [message: Message];
  /** A request that is about to be sent: its headers without the key. */
  http_request: [request: HttpRequestEvent];
  http_response: [response: HttpResponseEvent];
  /** Nothing is held any more. */
  drained: [];
}
