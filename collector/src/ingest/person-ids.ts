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
}

export async function whoIs(set: WorkingSet, node: NodeRow): Promise<Person> {
  const who: Person = { node, users: new Set(), alone: new Set(), shared: new Set() };
  if (node.kind === 'device') {
    who.alone.add(node.id);
    return who;
  }
  for (const user of await set.circle(node.id)) who.users.add(user);
  for (const user of who.users)
    for (const device of (await set.pairs(user)).keys()) {
      const pairs = await set.devicePairs(device);
      (pairs.every((pair) => who.users.has(pair.user)) ? who.alone : who.shared).add(device);
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
