// Which messages are kept no longer, by what the definitions file says of their events.
// Invariant: what is too old to come in and what expires is decided by the same comparison.
import type { ExpiryHorizon } from '../storage/port.ts';
import type { AcceptedMessage } from '../wire/accepted.ts';
import { durationMs } from '../wire/duration.ts';
import type { MessageType } from '../wire/message.ts';
import type { Retention } from '../wire/retention.ts';

interface Term {
  type: MessageType;
  /** A track event's name. */
  event: string | null;
  /** As it is written: `90d`. */
  text: string;
  ms: number;
}

/** How long events are kept, by how they are looked up; those it does not hold: for ever. */
export type CompiledRetention = ReadonlyMap<string, Term>;

export const KEEP_ALL: CompiledRetention = new Map();

const lookUpKey = (type: MessageType, event: string | null): string => `${type} ${event ?? ''}`;

export function compileRetention(retention: Readonly<Retention>): CompiledRetention {
  return new Map(
    Object.entries(retention).map(([name, text]) => {
      const calls: Readonly<Record<string, MessageType>> = { $page: 'page', $screen: 'screen' };
      const type = (Object.hasOwn(calls, name) ? calls[name] : undefined) ?? 'track';
      const event = type === 'track' ? name : null;
      return [lookUpKey(type, event), { type, event, text, ms: durationMs(text) }];
    }),
  );
}

/** What a sender is told of a message older than its event is kept; null: it is kept. */
export function whyTooOld(
  retention: CompiledRetention,
  { type, name, time }: Pick<AcceptedMessage, 'type' | 'name' | 'time'>,
  clock: number,
): string | null {
  if (retention.size === 0) return null;
  const term = retention.get(lookUpKey(type, type === 'track' ? name : null));
  if (!term || time >= clock - term.ms) return null;
  return `${term.event === null ? `$${type}` : `"${term.event}"`} is kept for ${term.text} here, and this message is older; send it sooner, or have its retention made longer`;
}

/** What is kept no longer at the clock. */
export const horizonsAt = (retention: CompiledRetention, clock: number): ExpiryHorizon[] =>
  [...retention.values()].map(({ type, event, ms }) => ({ type, event, before: clock - ms }));
