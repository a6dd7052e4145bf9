// The one order of messages: (event time, messageId by UTF-8 bytes, web before server).
// Invariant: a total order over distinct messages, independent of arrival.
import type { KeyKind } from '../wire/accepted.ts';

/** A message's place in the order: `[time, messageId, kind]`, kind 0 = web, 1 = server. */
export type Stamp = readonly [time: number, messageId: string, kind: 0 | 1];

export function stampOf(message: { time: number; messageId: string; kind: KeyKind }): Stamp {
  return [message.time, message.messageId, message.kind === 'web' ? 0 : 1];
}

export function compareStamps(a: Stamp, b: Stamp): number {
  return a[0] - b[0] || compareUtf8(a[1], b[1]) || a[2] - b[2];
}

/**
 * Compares two strings as their UTF-8 bytes would. Code units order the same way, except that
 * surrogates (code points above U+FFFF) come after U+E000 to U+FFFF.
 */
export function compareUtf8(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
