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

/** What is worked out of all messages together and not person by person. */
export const SHARED = {
  survivor: 'survivor',
  links: 'links',
  firstLinks: 'first links',
  aliases: 'aliases',
  groupTraits: 'group traits',
  strayMembers: 'group members that are nobody',
  waiting: 'messages that wait for their time',
} as const;

/** Whether a repair must work out links, aliases and groups anew as well. */
export function concernsLinks(differences: readonly Pick<Difference, 'what'>[]): boolean {
  const shared: readonly string[] = Object.values(SHARED);
  return differences.some(({ what }) => shared.includes(what));
}
