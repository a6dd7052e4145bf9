// Which ids are a person's, and under which of them their history was written down.
// Invariant: as the links and merges in effect say; nothing is kept here.
import type { NodeRow } from '../storage/port.ts';
import type { WorkingSet } from './working-set.ts';

/** A person's ids: their users, the devices that are theirs alone, and those they share. */
export interface Person {
  node: NodeRow;
  users: Set<number>;
  alone: Set<number>;
  shared: Set<number>;
  /** Devices past the cap: their messages name them, and they are not theirs. */
  pastCap: Set<number>;
}

export async function whoIs(set: WorkingSet, node: NodeRow): Promise<Person> {
  const who: Person = { node, users: new Set(), alone: new Set(), shared: new Set(), pastCap: new Set() };
  if (node.kind === 'device') {
    who.alone.add(node.id);
    return who;
  }
  for (const user of await set.circle(node.id)) who.users.add(user);
  for (const user of who.users)
    for (const device of (await set.pairs(user)).keys()) {
      // Links past a cap, whoever's, leave no run.
      const linked = (await set.timeline(device)).map(({ user }) => who.users.has(user));
      const kind = !linked.includes(true) ? 'pastCap' : linked.includes(false) ? 'shared' : 'alone';
      who[kind].add(device);
    }
  return who;
}

/** Under whom the person's transitions were logged: themselves and whoever they absorbed. */
export async function logsOf(set: WorkingSet, { users, alone, shared }: Person): Promise<number[]> {
  const logs = [...users, ...alone];
  for (const device of shared) {
    const first = (await set.timeline(device))[0];
    if (first && users.has(first.user)) logs.push(device);
  }
  return logs;
}
