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
  isListed(node: number): Promise<boolean>;
  setListed(list: number, node: number, on: boolean): void;
}

interface Means {
  read: Store['read'];
  /** Of the commit being prepared. */
  draft(): Draft;
  identities: HeldIdentities;
  program(): Program;
}

export function createHeldLists({ read, draft, identities, program }: Means): HeldLists {
  const { nodeById, circle, timeline, pairs } = identities;

  /** The ids that mean this profile now: its users, and the devices it holds. */
  async function idsThatResolveTo(root: number): Promise<number[]> {
    if ((await nodeById(root))?.kind === 'device') return [root];
    const users = await circle(root);
    const ids = [...users];
    const devices = new Set<number>();
    for (const user of users) for (const device of (await pairs(user)).keys()) devices.add(device);
    for (const device of devices) {
      const holder = holderOf(await timeline(device));
      if (holder !== null && users.includes(holder)) ids.push(device);
    }
    return ids;
  }

  async function othersListed(given: readonly number[], id: number, list: number): Promise<boolean> {
    const stored = (await read({ listed: given.filter((other) => other !== id) })).listed;
    return stored.some(
      (entry) => entry.list === list && draft().listed.get(`${list}:${entry.node}`)?.on !== false,
    );
  }

  return {
    async listsOf(root) {
      if (program().allLists.size === 0) return [];
      const lists = new Set<number>();
      const given = await idsThatResolveTo(root);
      for (const { list } of (await read({ listed: given })).listed) lists.add(list);
      for (const { list, node: id, on } of draft().listed.values()) {
        if (!given.includes(id)) continue;
        if (on) lists.add(list);
        else if (!(await othersListed(given, id, list))) lists.delete(list);
      }
      return [...lists].filter((list) => program().allLists.has(list)).sort((a, b) => a - b);
    },
    async isListed(id) {
      if (program().allLists.size === 0) return false;
      if ([...draft().listed.values()].some((entry) => entry.node === id)) return true;
      return (await read({ listed: [id] })).listed.length > 0;
    },
    setListed(list, id, on) {
      draft().listed.set(`${list}:${id}`, { list, node: id, on });
    },
  };
}
