// What the model is told: the accepted messages and everything done to people by hand (contract section 5).
// Invariant: with the definitions and the clock, a history alone decides every profile.
import type { KeyKind } from '../../collector/src/wire/accepted.ts';
import type { JsonObject, MessageType } from '../../collector/src/wire/message.ts';

/** A place in message order. */
export interface Stamp {
  /** Corrected event time, epoch milliseconds. */
  time: number;
  messageId: string;
  kind: KeyKind;
}

/** An accepted message as the model sees it. Ids are as sent: blocked ones are sorted out by `idOf`. */
export interface ModelMessage extends Stamp {
  type: MessageType;
  trusted: boolean;
  userId?: string | null;
  anonymousId?: string | null;
  previousId?: string | null;
  groupId?: string | null;
  body: JsonObject;
  /** Kept no longer since so many expiries, from 1: only definitions made before see it. */
  expired?: number;
  /** A server alias whose merge was undone: it still links the device of that name. */
  unmerged?: true;
}

/** A merge made through the API, dated at the clock of the call. */
export interface Merge {
  from: string;
  into: string;
  time: number;
}

/** A link of an erased person to a device shared with others: kept so that their times stay theirs. */
export interface Shadow extends Stamp {
  device: string;
  user: string;
  trusted: boolean;
}

export interface History {
  messages: ModelMessage[];
  /** In the order of the calls. */
  merges: Merge[];
  /** What each static segment holds: addresses (`user:x`, `anon:d`) as they were given. */
  lists: Record<string, string[]>;
  shadows: Shadow[];
}

export function emptyHistory(): History {
  return { messages: [], merges: [], lists: {}, shadows: [] };
}

const BLOCKED = new Set(
  'null undefined -1 nan none nil unknown anonymous guest true false [objectobject]'.split(' '),
);

/** Whether a value is never an identifier. */
export function isBlocked(id: string): boolean {
  const bare = id.toLowerCase().replace(/\s+/g, '');
  return /^[0-]*$/.test(bare) || BLOCKED.has(bare);
}

/** The id, or undefined when there is none to speak of. */
export function idOf(id: string | null | undefined): string | undefined {
  return id == null || isBlocked(id) ? undefined : id;
}

/** Message order: time, then messageId by UTF-8 bytes, then web before server. */
export function inOrder(a: Stamp, b: Stamp): number {
  if (a.time !== b.time) return a.time - b.time;
  const bytes = Buffer.compare(Buffer.from(a.messageId), Buffer.from(b.messageId));
  if (bytes !== 0) return bytes;
  return (a.kind === 'web' ? 0 : 1) - (b.kind === 'web' ? 0 : 1);
}
