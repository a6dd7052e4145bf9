// Hooks around a message: before it is queued, and after it is answered for.
// Invariant: hooks run in the order of `use`; one that throws lets no message pass.
import type { Loss } from '../../sdk-web/src/core/queue.ts';
import type { Message } from './params.ts';

/** Something that looks at every message, or makes some of its own: the web SDK's plugins have the same shape. */
export interface Plugin<A = unknown> {
  /** Called by `use`; the answer is called when the client closes. */
  start?(analytics: A): (() => void) | undefined;
  /**
   * Sees the complete message before it is queued: may change it, or answer another one. `null` drops it,
   * which is no loss: the call answers true. If it throws, the message is lost as `plugin_failed`: a hook
   * that removes what must not leave never lets it pass.
   */
  before?(message: Message): Message | null | undefined;
  /** Hears of messages that are delivered, or lost with this error. */
  after?(messages: Message[], error?: Loss): void;
}

/**
 * @returns the message to send, or null if a plugin dropped it
 * @throws whatever a hook throws
 */
export function runBefore(plugins: readonly Plugin<never>[], message: Message): Message | null {
  let current = message;
  for (const plugin of plugins) {
    const answer = plugin.before?.(current);
    if (answer === null) return null;
    current = answer ?? current;
  }
  return current;
}
