// One thing that is stored otherwise than the messages say.
// Invariant: what is compared is plain JSON; the order of keys makes no difference.
import { canonical } from '../engine/values.ts';
import type { NodeRow } from '../storage/port.ts';
import type { JsonValue } from '../wire/message.ts';

export interface Difference {
  profile: string;
  what: string;
  stored: JsonValue;
  recomputed: JsonValue;
}

export function compare(
  differences: Difference[],
  profile: string,
  what: string,
  stored: JsonValue,
  recomputed: JsonValue,
): void {
  if (canonical(stored) !== canonical(recomputed)) differences.push({ profile, what, stored, recomputed });
}

export const nameOf = (node: NodeRow | null, id: number): string =>
  node === null ? `#${id}` : `${node.kind === 'user' ? 'user' : 'anon'}:${node.ext}`;
