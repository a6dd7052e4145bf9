// Which leaves a message may matter to: an index from event names to leaves.
// Invariant: a message's cost depends on the leaves that match it, not on how many there are; of a message kept no
// longer only leaves made before it went hear.
import { type EngineMessage, selectorsOf } from './filter.ts';
import type { Leaf } from './leaf.ts';

export function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

/** An index from messages to those of the leaves that they may matter to. */
export function createMatcher(leaves: readonly Leaf[]): (message: EngineMessage) => readonly Leaf[] {
  const exact = new Map<string, Leaf[]>();
  const prefixes: { prefix: string; leaf: Leaf }[] = [];
  const every: Leaf[] = [];
  /** Leaves that several selectors may reach; the others cannot be matched twice. */
  let several = false;
  for (const leaf of leaves) {
    several ||= leaf.events.length > 1;
    for (const event of leaf.events) {
      if (event === '*') every.push(leaf);
      else if (event.endsWith('*')) prefixes.push({ prefix: event.slice(0, -1), leaf });
      else push(exact, event, leaf);
    }
  }
  const nothing: readonly Leaf[] = [];
  return (message) => {
    if (message.type === 'alias') return nothing;
    const names = selectorsOf(message);
    let matched: readonly Leaf[] = names.length === 1 ? (exact.get(names[0] as string) ?? nothing) : nothing;
    if (names.length > 1) matched = names.flatMap((name) => exact.get(name) ?? []);
    if (every.length > 0) matched = [...matched, ...every];
    const { event } = message;
    if (event !== null && prefixes.length > 0) {
      const hits = prefixes.filter(({ prefix }) => event.startsWith(prefix));
      if (hits.length > 0) matched = [...matched, ...hits.map(({ leaf }) => leaf)];
    }
    const { expired } = message;
    if (expired) matched = matched.filter(({ since }) => since < expired);
    return several && matched.length > 1 ? [...new Set(matched)] : matched;
  };
}
