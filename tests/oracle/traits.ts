// Declared traits: of people by `identify`, of groups by `group` (contract section 4).
// Invariant: the latest writer of a key wins, null unsets it, an absent key changes nothing.
import type { JsonObject } from '../../collector/src/wire/message.ts';
import { at, type Value } from './comparison.ts';
import type { ModelMessage } from './history.ts';
import { idOf } from './history.ts';

/** What `messages`, given in order, leave behind. */
export function lastWriterWins(messages: readonly ModelMessage[]): JsonObject {
  const traits = new Map<string, Value>();
  for (const { body } of messages) {
    if (typeof body.traits !== 'object' || body.traits === null || Array.isArray(body.traits)) continue;
    for (const [key, value] of Object.entries(body.traits)) {
      if (value === null) traits.delete(key);
      else traits.set(key, value);
    }
  }
  return Object.fromEntries(traits) as JsonObject; // only JSON values were put in
}

export const declaredTraits = (messages: readonly ModelMessage[]): JsonObject =>
  lastWriterWins(messages.filter((message) => message.type === 'identify'));

/** A trait by the name a definition gives it: the exact key, else the key before the first dot, walked. */
export function traitOf(traits: JsonObject, name: string): Value {
  if (Object.hasOwn(traits, name)) return traits[name];
  const dot = name.indexOf('.');
  const head = name.slice(0, dot);
  return dot < 0 || !Object.hasOwn(traits, head) ? undefined : at(traits[head], name.slice(dot + 1));
}

export interface Group {
  id: string;
  traits: JsonObject;
}

export const groupOf = (message: ModelMessage) =>
  message.type === 'group' ? idOf(message.groupId) : undefined;

/** The groups that `theirs` joined; their traits are those of everybody's calls. */
export function groupsOf(theirs: readonly ModelMessage[], everybodys: readonly ModelMessage[]): Group[] {
  const ids = new Set(theirs.map(groupOf).filter((id) => id !== undefined));
  return [...ids].sort().map((id) => ({
    id,
    traits: lastWriterWins(everybodys.filter((message) => groupOf(message) === id)),
  }));
}
