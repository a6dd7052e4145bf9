// The groups that are in memory, and the walks over their members that bring these up to a change of traits.
// Invariant: a group waits until every member was brought up to its newest traits.
import type { Store } from '../storage/port.ts';
import type { Draft } from './draft.ts';
import { type HeldGroup, restoreGroup } from './held-group.ts';

/** One walk over a group's members. */
export interface GroupPass {
  readonly group: string;
  /** The last person brought up. */
  after: number;
  /** The group's revision when it began; null before. */
  revision: number | null;
}

export interface HeldGroups {
  group(id: string): Promise<HeldGroup>;
  touchGroup(group: HeldGroup): void;
  /** Groups some members of which lag behind a change of its traits. */
  readonly waiting: Set<string>;
  /** Walks over the members of groups that are under way. */
  readonly passes: Map<string, GroupPass>;
  /** Every member was brought up to the group's newest traits. */
  settleGroup(id: string): Promise<void>;
}

interface Means {
  read: Store['read'];
  /** Of the commit being prepared. */
  draft(): Draft;
}

export function createHeldGroups({ read, draft }: Means): {
  groups: HeldGroups;
  /** What is held: read again when it is asked for. Which of them wait is not. */
  map: Map<string, HeldGroup>;
} {
  const map = new Map<string, HeldGroup>();
  const waiting = new Set<string>();
  const groups: HeldGroups = {
    waiting,
    passes: new Map(),
    async group(id) {
      const known = map.get(id);
      if (known) return known;
      const group = restoreGroup(id, (await read({ groups: [id] })).groups.get(id));
      map.set(id, group);
      return group;
    },
    touchGroup(group) {
      map.set(group.id, group);
      draft().groups.set(group.id, group);
    },
    async settleGroup(id) {
      (await groups.group(id)).log = [];
      waiting.delete(id);
      draft().extra.push({ settledGroups: [id] });
    },
  };
  return { groups, map };
}
