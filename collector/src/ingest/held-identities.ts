// Who is who, as the lane holds it: users and devices, the devices' timelines, their pairs, and merges.
// Invariant: one object a node, so that a root changed in one place is changed in all.
import { createHmac } from 'node:crypto';
import { type Caps, countingPairs, type Pair, pushedOut, type Timeline } from '../engine/identity.ts';
import type { PersonState } from '../engine/person-state.ts';
import {
  type AliasRow,
  ERASED,
  isErased,
  type NodeKey,
  type NodeKind,
  type NodeRow,
  type Store,
} from '../storage/port.ts';
import type { AcceptedMessage } from '../wire/accepted.ts';
import type { Draft } from './draft.ts';

export interface HeldIdentities {
  node(kind: NodeKind, ext: string): Promise<NodeRow | null>;
  /** The same as far as it is known without asking the store; undefined where it is not. */
  readonly inMemory: IdentitiesInMemory;
  /** Whether `node` answers without asking the store. */
  isAsked(kind: NodeKind, ext: string): boolean;
  nodeById(id: number): Promise<NodeRow | null>;
  nodeByPublicId(publicId: string): Promise<NodeRow | null>;
  /**
   * The node, made if new. One erased before goes by its id again, unless that is to `wait` until a message
   * dated in the future takes effect.
   */
  ensureNode(kind: NodeKind, ext: string, wait?: 'wait'): Promise<NodeRow>;
  /** A node that is not there yet, with the profile id it had elsewhere. */
  addNode(kind: NodeKind, ext: string, publicId: string): NodeRow;
  setRoot(node: NodeRow, root: number): Promise<void>;
  /** The users of a profile, its survivor included. */
  circle(root: number): Promise<number[]>;
  timeline(device: number): Promise<Timeline>;
  setTimeline(device: number, timeline: Timeline): void;
  pairs(user: number): Promise<ReadonlyMap<number, Pair>>;
  /** Those of them that may count: see the engine. */
  countingPairs(user: number): Promise<ReadonlyMap<number, Pair>>;
  setPair(pair: Pair): Promise<void>;
  devicePairs(device: number): Promise<Pair[]>;
  /** Aliases that name the users on either side. */
  aliases(users: readonly number[]): Promise<AliasRow[]>;
  addAlias(alias: AliasRow): void;
  /** What somebody is called: the userId, or a lone device's anonymousId; empty once erased. */
  nameOf(id: number): Promise<string>;
  /** Lets somebody erased before, whose id was named again, go by it from now on. False: nothing changed. */
  takeName(state: PersonState): boolean;
  /** Somebody is to go by their id again with the commit being prepared, and their row does not know it yet. */
  isNaming(): boolean;
  /** From now on (and in what follows in this commit) the user's merges so far do not count. */
  voidMerges(user: number): void;
  /** Whether merges from the user were undone after the message with that number. */
  wasUnmerged(user: number, seq: number): Promise<boolean>;
  /** Keyed hashes for what is kept of erased people. */
  hash(text: string): string;
  /** What one profile may have. */
  readonly caps: Caps;
  /** Somebody was erased, so that hashes must be looked up; likewise for suppressed ids. */
  readonly erased: { any: boolean; suppressed: boolean };
}

/** By its message or operation; what is kept of erased people by its place. An id of a message may be any text. */
const aliasKey = ({ seq, user, device, stamp }: AliasRow): string =>
  seq === 0 ? `kept ${user} ${device} ${stamp.join(' ')}` : String(seq);

const KINDS = ['user', 'device'] as const satisfies readonly NodeKind[];

export interface IdentitiesInMemory {
  node(kind: NodeKind, ext: string): NodeRow | undefined;
  nodeById(id: number): NodeRow | undefined;
  circle(root: number): readonly number[] | undefined;
  timeline(device: number): Timeline | undefined;
  pairs(user: number): ReadonlyMap<number, Pair> | undefined;
}

/** Who is named in these messages. */
export type Naming = Pick<AcceptedMessage, 'userId' | 'anonymousId'>;

/** What the working set does with them beside. */
export interface IdentitiesUpkeep {
  /** The nodes that messages name, where there are any; reads in one go what is not in memory. */
  lookUp(messages: readonly Naming[]): Promise<NodeRow[]>;
  remember(row: NodeRow): NodeRow;
  isHeld(id: number): boolean;
  /** Lets go of a person's own node and what belongs to it. */
  drop(id: number): void;
  hasTimeline(device: number): boolean;
  keepTimelines(loaded: ReadonlyMap<number, Timeline>): void;
  /** What was prepared is in the store. */
  committed(): void;
  forget(): void;
  /** After a commit: lets go of every kind of which more is held than `most`. */
  trim(most: number): void;
}

interface Means {
  read: Store['read'];
  /** Of the commit being prepared. */
  draft(): Draft;
  /** The number given last. */
  counters: { lastNode: number };
  /** Key of the opaque profile ids. */
  idKey: string;
  erased: HeldIdentities['erased'];
  caps: Caps;
  /** Hears of a node that was made: it has no row of a person yet. */
  onNew(id: number): void;
}

export function createHeldIdentities({ read, draft, counters, idKey, erased, caps, onNew }: Means): {
  identities: HeldIdentities;
  upkeep: IdentitiesUpkeep;
} {
  const nodes = { user: new Map<string, NodeRow | null>(), device: new Map<string, NodeRow | null>() };
  const byId = new Map<number, NodeRow>();
  const circles = new Map<number, number[]>();
  const timelines = new Map<number, Timeline>();
  const pairs = new Map<number, Map<number, Pair>>();
  /** Of users with more pairs than count. */
  const counting = new Map<number, Map<number, Pair>>();
  /** Users erased before who go by their id again; their row does not know it yet. */
  const revived = new Set<number>();

  const hash = (text: string): string =>
    createHmac('sha256', idKey).update(`erased ${text}`).digest('base64url').slice(0, 27);
  function remember(row: NodeRow): NodeRow {
    // One object a node: a root changed in one place is changed in all.
    const known = byId.get(row.id) ?? row;
    nodes[known.kind].set(known.ext, known);
    byId.set(known.id, known);
    return known;
  }

  async function node(kind: NodeKind, ext: string): Promise<NodeRow | null> {
    const known = nodes[kind].get(ext);
    if (known !== undefined) return known;
    const [row] = (await read({ nodes: [{ kind, ext }] })).nodes;
    if (row) return remember(row);
    nodes[kind].set(ext, null);
    return null;
  }

  async function nodeById(id: number): Promise<NodeRow | null> {
    const known = byId.get(id);
    if (known) return known;
    const [row] = (await read({ nodeIds: [id] })).nodes;
    return row ? remember(row) : null;
  }

  /** Nobody goes by the hash that is kept of an erased id. */
  async function nameOf(id: number): Promise<string> {
    const found = await nodeById(id);
    return found && !isErased(found) && !revived.has(id) ? found.ext : '';
  }

  async function circle(root: number): Promise<number[]> {
    const known = circles.get(root);
    if (known) return known;
    const rows = (await read({ circles: [root] })).nodes.map(remember);
    const users = rows.filter((row) => row.kind === 'user' && row.root === root).map((row) => row.id);
    circles.set(root, users);
    return users;
  }

  async function timeline(device: number): Promise<Timeline> {
    const known = timelines.get(device);
    if (known) return known;
    const loaded = (await read({ timelines: [device] })).timelines.get(device) ?? [];
    timelines.set(device, loaded);
    return loaded;
  }

  async function pairsOf(user: number): Promise<Map<number, Pair>> {
    const known = pairs.get(user);
    if (known) return known;
    const loaded = new Map((await read({ pairs: [user] })).pairs.map((pair) => [pair.device, pair]));
    pairs.set(user, loaded);
    return loaded;
  }

  const self: HeldIdentities = {
    erased,
    caps,
    hash,
    node,
    isAsked: (kind, ext) => nodes[kind].has(ext),
    inMemory: {
      node: (kind, ext) => nodes[kind].get(ext) ?? undefined,
      nodeById: (id) => byId.get(id),
      circle: (root) => circles.get(root),
      timeline: (device) => timelines.get(device),
      pairs: (user) => pairs.get(user),
    },
    nodeById,
    nameOf,
    takeName(state) {
      if (!revived.delete(state.id)) return false;
      state.ext = byId.get(state.id)?.ext ?? ''; // renamed in this commit, hence in memory
      return true;
    },
    isNaming: () => revived.size > 0,
    async nodeByPublicId(publicId) {
      const [row] = (await read({ publicIds: [publicId] })).nodes;
      return row ? remember(row) : null;
    },
    async ensureNode(kind, ext, wait) {
      const known = await node(kind, ext);
      if (known) return known;
      const back = erased.any ? await node(kind, ERASED + hash(`${kind}:${ext}`)) : null;
      if (back && wait) return back;
      if (back) {
        // Erased before and here again: the same node, so that what is known of its times holds.
        nodes[kind].delete(back.ext);
        back.ext = ext;
        draft().extra.push({ renamedNodes: [{ id: back.id, ext }] });
        revived.add(back.id);
        return remember(back);
      }
      const publicId = `p_${createHmac('sha256', idKey).update(`${kind}:${ext}`).digest('base64url').slice(0, 22)}`;
      return self.addNode(kind, ext, publicId);
    },
    addNode(kind, ext, publicId) {
      const id = ++counters.lastNode;
      const row = remember({ id, kind, ext, publicId, root: id });
      draft().nodes.push(row);
      if (kind === 'user') circles.set(id, [id]);
      if (kind === 'user') pairs.set(id, new Map());
      else timelines.set(id, []);
      onNew(id);
      return row;
    },
    async setRoot(row, root) {
      const from = await circle(row.root);
      const to = await circle(root);
      circles.set(
        row.root,
        from.filter((id) => id !== row.id),
      );
      circles.set(root, [...to.filter((id) => id !== row.id), row.id]);
      row.root = root;
      draft().roots.set(row.id, root);
    },
    circle,
    timeline,
    setTimeline(device, next) {
      timelines.set(device, next);
      draft().timelines.set(device, next);
    },
    pairs: pairsOf,
    async countingPairs(user) {
      const known = counting.get(user);
      if (known) return known;
      const all = await pairsOf(user);
      if (all.size < caps.ids) return all;
      const first = countingPairs(all.values(), caps);
      counting.set(user, first);
      return first;
    },
    async setPair(pair) {
      (await pairsOf(pair.user)).set(pair.device, pair);
      const first = counting.get(pair.user);
      if (first) {
        const out = pushedOut(first, pair, caps);
        first.set(pair.device, pair);
        if (out !== null) first.delete(out);
      }
      draft().pairs.set(`${pair.user}:${pair.device}`, pair);
    },
    async devicePairs(device) {
      const found = new Map((await read({ devicePairs: [device] })).pairs.map((pair) => [pair.user, pair]));
      for (const pair of draft().pairs.values()) if (pair.device === device) found.set(pair.user, pair);
      return [...found.values()];
    },
    async aliases(users) {
      const stored = (await read({ merges: [...users] })).merges;
      const wanted = new Set(users);
      const fresh = draft().aliases.filter(
        (alias) => wanted.has(alias.user) || (alias.previousUser !== null && wanted.has(alias.previousUser)),
      );
      const unique = new Map([...stored, ...fresh].map((alias) => [aliasKey(alias), alias]));
      return [...unique.values()].map((alias) =>
        alias.previousUser !== null && draft().voided.has(alias.previousUser)
          ? { ...alias, voided: true }
          : alias,
      );
    },
    addAlias(alias) {
      draft().aliases.push(alias);
    },
    voidMerges(user) {
      draft().voided.add(user);
    },
    async wasUnmerged(user, seq) {
      return ((await read({ unmerged: [user] })).unmerged.get(user) ?? -1) >= seq;
    },
  };

  const maps = [nodes.user, nodes.device, byId, circles, timelines, pairs, counting];
  const upkeep: IdentitiesUpkeep = {
    async lookUp(messages) {
      const found = new Set<NodeRow>();
      const missing = { user: new Set<string>(), device: new Set<string>() };
      const note = (kind: NodeKind, ext: string | null): void => {
        const known = ext === null ? null : nodes[kind].get(ext);
        if (known) found.add(known);
        else if (ext !== null && known === undefined) missing[kind].add(ext);
      };
      for (const { userId, anonymousId } of messages) {
        note('user', userId);
        note('device', anonymousId);
      }
      const unread = KINDS.flatMap((kind) => [...missing[kind]].map((ext): NodeKey => ({ kind, ext })));
      if (unread.length > 0)
        for (const row of (await read({ nodes: unread })).nodes) found.add(remember(row));
      return [...found];
    },
    remember,
    isHeld: (id) => byId.has(id),
    drop(id) {
      circles.delete(id);
      pairs.delete(id);
      counting.delete(id);
      const known = byId.get(id);
      if (!known) return;
      byId.delete(id);
      nodes[known.kind].delete(known.ext);
    },
    hasTimeline: (device) => timelines.has(device),
    keepTimelines(loaded) {
      for (const [device, runs] of loaded) timelines.set(device, runs);
    },
    committed: () => revived.clear(),
    forget() {
      for (const map of maps) map.clear();
      revived.clear();
    },
    trim(most) {
      // By their names and by their numbers they are the same objects, or a root changed in one would not be in the other.
      if (Math.max(nodes.user.size + nodes.device.size, byId.size) > most)
        for (const map of [nodes.user, nodes.device, byId]) map.clear();
      for (const map of [circles, timelines, pairs, counting]) if (map.size > most) map.clear();
    },
  };
  return { identities: self, upkeep };
}
