// Tells whoever asked what became of messages: callbacks, plugins, `onError` and listeners.
// Invariant: nobody's exception reaches another, or the host; messages that nobody asks about are not read.
import type { Loss } from '../../sdk-web/src/core/queue.ts';
import type { Emitter } from './emitter.ts';
import type { Events } from './events.ts';
import type { Held } from './held.ts';
import { CALLS, type Call, type Message } from './params.ts';
import type { Plugin } from './plugin.ts';

export interface OutcomeParts {
  emitter: Emitter<Events>;
  /** Those added so far; `use` adds to it. */
  plugins: readonly Pick<Plugin, 'after'>[];
  onError: ((error: Loss, messages: Message[]) => void) | undefined;
  /** The collector's address. */
  origin: string;
  /** Writes to the console. */
  say(text: string): void;
  /** Runs what is the host's; what it throws goes no further. */
  quietly(run: () => unknown): void;
}

export interface Outcomes {
  deliver(entries: Held[]): void;
  /** These are lost; with none, something went wrong without a loss. */
  lose(loss: Loss, entries: Held[]): void;
  /** These are held no more: what is on disk waits there, the rest is lost as `closed`. */
  abandon(entries: Held[], message: string): void;
  report(loss: Loss, messages: Message[]): void;
}

const REFUSALS = ['http_401', 'http_403'];

export function createOutcomes(parts: OutcomeParts): Outcomes {
  const { emitter, plugins, onError, quietly } = parts;
  const said = new Set<string>();

  /** Where nobody listens a wrong key or address would show nowhere: once each, without any key. */
  function sayOnce(about: string, text: string): void {
    if (onError || emitter.isHeard('error') || said.has(about)) return;
    said.add(about);
    quietly(() => parts.say(`Tidemark: ${text}. The option onError hears of all losses.`));
  }

  function answer({ callback }: Held, loss: Loss | undefined, event: Message): void {
    if (callback) quietly(() => callback(loss, { id: event.messageId, event }));
  }

  function report(loss: Loss, messages: Message[]): void {
    if (onError) quietly(() => onError(loss, messages));
    if (!emitter.isHeard('error')) return;
    const [first] = messages;
    const ctx = first && { id: first.messageId, event: first };
    emitter.emit('error', { ...loss, reason: loss.message, ctx }, messages);
  }

  function lose(loss: Loss, entries: Held[]): void {
    const messages = entries.map((entry) => entry.toMessage());
    for (const [i, entry] of entries.entries()) answer(entry, loss, messages[i] as Message); // one each
    if (messages.length === 0 && REFUSALS.includes(loss.code))
      sayOnce('refusal', `${parts.origin} refused the write key (${loss.code}), nothing more is sent`);
    if (messages.length > 0) for (const plugin of plugins) quietly(() => plugin.after?.(messages, loss));
    report(loss, messages);
  }

  return {
    lose,
    report,
    deliver(entries) {
      const listening = plugins.filter(({ after }) => after);
      const isHeard = listening.length > 0 || CALLS.some((type) => emitter.isHeard(type));
      const messages: Message[] = [];
      for (const entry of entries) {
        if (!entry.callback && !isHeard) continue;
        const message = entry.toMessage();
        messages.push(message);
        answer(entry, undefined, message);
        // One of the calls made it, here or in another process.
        emitter.emit(message.type as Call, { id: message.messageId, event: message });
      }
      for (const plugin of listening) quietly(() => plugin.after?.(messages));
    },
    abandon(entries, message) {
      const kept = { code: 'closed', message: `${message}: kept in spoolDir` };
      const lost: Held[] = [];
      for (const entry of entries) {
        if (entry.place === null) lost.push(entry);
        else if (entry.callback) answer(entry, kept, entry.toMessage());
      }
      if (lost.length === 0) return;
      const count = lost.length === 1 ? '1 message was' : `${lost.length} messages were`;
      sayOnce('end', `${count} not delivered: ${message}`);
      lose({ code: 'closed', message }, lost);
    },
  };
}
