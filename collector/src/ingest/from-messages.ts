// Links, merges and groups worked out anew from the stored messages and operations.
// Invariant: reads nothing that was computed before.
import { declaredTraits } from '../engine/filter.ts';
import {
  type Merge,
  type Pair,
  pairKey,
  type Resolution,
  type Run,
  type Timeline,
  tidy,
} from '../engine/identity.ts';
import { compareStamps, type Stamp } from '../engine/stamp.ts';
import { emptyBag, type TraitBag, writeTraits } from '../engine/trait-bag.ts';
import type { AliasRow, NodeRow } from '../storage/port.ts';
import { mergeStamp } from './operations.ts';
import { engineMessage } from './stored-message.ts';
import type { WorkingSet } from './working-set.ts';

/** Rows read at a time. */
const PAGE = 1_000;

export interface Links {
  /** Device to its links in effect. */
  byDevice: Map<number, Run[]>;
  pairs: Map<string, Pair>;
  merges: Merge[];
  /** Rows of the alias table that messages and operations make; kept links are not among them. */
  aliases: AliasRow[];
  users: Map<number, NodeRow>;
  devices: Map<number, NodeRow>;
}

/** Every link and merge in effect at the clock. */
export async function collectLinks(set: WorkingSet, clock: number): Promise<Links> {
  const links: Links = {
    byDevice: new Map(),
    pairs: new Map(),
    merges: [],
    aliases: [],
    users: new Map(),
    devices: new Map(),
  };
  for (let after = 0; ; ) {
    const nodes = await set.store.query({ ask: 'nodes', after, limit: PAGE });
    for (const node of nodes) (node.kind === 'user' ? links.users : links.devices).set(node.id, node);
    const last = nodes[nodes.length - 1];
    if (!last) break;
    after = last.id;
  }
  const unmerged = new Map<number, number>();
  for (const { id, kind, user, into, at, seq } of await set.store.query({ ask: 'operations' })) {
    if (kind === 'unmerge') {
      unmerged.set(user, Math.max(seq, unmerged.get(user) ?? -1));
      links.merges = links.merges.filter((merge) => merge.from !== user);
      for (const alias of links.aliases) if (alias.previousUser === user) alias.voided = true;
    } else if (into !== null) {
      const stamp = mergeStamp(at, id);
      links.merges.push({ from: user, into, stamp });
      links.aliases.push({
        user: into,
        device: 0,
        previousUser: user,
        stamp,
        trusted: true,
        seq: -id,
        voided: false,
      });
    }
  }
  for (const { user, device, stamp, trusted } of await set.store.query({ ask: 'kept-links' }))
    addTo(links, user, device, stamp, trusted);
  const idOf = (nodes: Map<number, NodeRow>): Map<string, number> =>
    new Map([...nodes.values()].map((n) => [n.ext, n.id]));
  const [userIds, deviceIds] = [idOf(links.users), idOf(links.devices)];
  for (let after = 0; ; ) {
    const rows = await set.store.query({ ask: 'links', after, limit: PAGE });
    for (const { seq, user, device, stamp, trusted, previousId } of rows) {
      if (stamp[0] > clock) continue;
      if (device !== null) addTo(links, user, device, stamp, trusted);
      if (previousId === null || previousId === links.users.get(user)?.ext) continue;
      const named = deviceIds.get(previousId);
      if (named !== undefined) addTo(links, user, named, stamp, trusted);
      const from = stamp[2] === 1 ? userIds.get(previousId) : undefined;
      const voided = from !== undefined && (unmerged.get(from) ?? -1) >= seq;
      if (from !== undefined && !voided) links.merges.push({ from, into: user, stamp });
      if (named === undefined) continue;
      links.aliases.push({ user, device: named, previousUser: from ?? null, stamp, trusted, seq, voided });
    }
    const last = rows[rows.length - 1];
    if (!last) break;
    after = last.seq;
  }
  return links;
}

function addTo(links: Links, user: number, device: number, stamp: Stamp, trusted: boolean): void {
  const runs = links.byDevice.get(device);
  if (runs) runs.push({ stamp, user });
  else links.byDevice.set(device, [{ stamp, user }]);
  const key = pairKey(user, device);
  const name = links.devices.get(device)?.ext ?? '';
  const pair = links.pairs.get(key) ?? { user, device, name, trusted: null, plain: null };
  const first = trusted ? pair.trusted : pair.plain;
  if (first !== null && compareStamps(first, stamp) <= 0) return;
  links.pairs.set(key, trusted ? { ...pair, trusted: stamp } : { ...pair, plain: stamp });
}

/** Each device's runs, without the links past a cap. */
export function timelinesOf(links: Links, { devicesOf }: Resolution): Map<number, Timeline> {
  return new Map(
    [...links.devices.keys()].map((id) => {
      const allowed = (links.byDevice.get(id) ?? []).filter(({ user }) => devicesOf(user).has(id));
      return [id, tidy(allowed)];
    }),
  );
}

/** Every group's traits at the clock. */
export async function collectGroups(set: WorkingSet, clock: number): Promise<Map<string, TraitBag>> {
  const groups = new Map<string, TraitBag>();
  for (let after = 0; ; ) {
    const rows = await set.store.query({ ask: 'messages-of-type', type: 'group', after, limit: PAGE });
    for (const row of rows) {
      if (row.stamp[0] > clock) continue;
      const message = engineMessage(row);
      const id = message.groupId as string; // every stored group message has one
      const bag = groups.get(id) ?? emptyBag();
      writeTraits(bag, declaredTraits(message.body()), message.stamp);
      groups.set(id, bag);
    }
    const last = rows[rows.length - 1];
    if (!last) return groups;
    after = last.seq;
  }
}
