// Who is on the static lists, by the ids that were put on them.
// Invariant: a profile is on a list while any of the ids that resolve to it now is.
import { holderOf } from '../engine/identity.ts';
import type { Program } from '../engine/program.ts';
import type { Store } from '../storage/port.ts';
import type { Draft } from './draft.ts';
import type { HeldIdentities } from './held-identities.ts';

export interface HeldLists {
  /** Numbers of the static lists a profile is on, by any of the ids that resolve to it now. */
  listsOf(root: number): Promise<number[]>;
  /** The ids of a profile that a list holds. */
  listedBy(root: number, list: number): Promise<number[]>;
  isListed(node: number): Promise<boolean>;
  setListed(list: number, node: number, on: boolean): void;
}

interface ListEntry {
  list: number;
  node: number;
}

/** As in the draft. */
const keyOf = ({ list, node }: ListEntry): string => `${list}:${node}`;

interface Means {
  read: Store['read'];
  /** Of the commit being prepared. */
  draft(): Draft;
  identities: HeldIdentities;
  program(): Program;
}

export function createHeldLists({ read, draft, identities, program }: Means): HeldLists {
  const { nodeById, circle, timeline, countingPairs } = identities;

  /** The ids that mean this profile now: its users, and the devices it holds. */
  async function idsThatResolveTo(root: number): Promise<number[]> {
    if ((await nodeById(root))?.kind === 'device') return [root];
    const users = await circle(root);
    const ids = [...users];
    const devices = new Set<number>();
    for (const user of users) for (const device of (await countingPairs(user)).keys()) devices.add(device);
    for (const device of devices) {
      const holder = holderOf(await timeline(device));
      if (holder !== null && users.includes(holder)) ids.push(device);
    }
    return ids;
  }

  async function entriesOf(root: number): Promise<ListEntry[]> {
    const given = await idsThatResolveTo(root);
    const { listed } = await read({ listed: given });
    const entries = new Map(listed.map((entry) => [keyOf(entry), entry]));
    for (const [key, { list, node, on }] of draft().listed) {
      if (!given.includes(node)) continue;
      if (on) entries.set(key, { list, node });
      else entries.delete(key);
    }
    return [...entries.values()];
  }

  return {
    async listsOf(root) {
      if (program().allLists.size === 0) return [];
      const lists = new Set((await entriesOf(root)).map(({ list }) => list));
      return [...lists].filter((list) => program().allLists.has(list)).sort((a, b) => a - b);
    },
    async listedBy(root, list) {
      return (await entriesOf(root)).filter((entry) => entry.list === list).map(({ node }) => node);
    },
    async isListed(id) {
      if (program().allLists.size === 0) return false;
      if ([...draft().listed.values()].some((entry) => entry.node === id)) return true;
      return (await read({ listed: [id] })).listed.length > 0;
    },
    setListed(list, id, on) {
      draft().listed.set(keyOf({ list, node: id }), { list, node: id, on });
    },
  };
}
