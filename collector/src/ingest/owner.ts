// Whom something that was sent under an id belongs to.
// Invariant: the one place that says it: what names a user is that user's; what names a device alone is the user's
// who was linked to it at its place in time, or else the device's own.
import { ownerAt } from '../engine/identity.ts';
import type { Stamp } from '../engine/stamp.ts';
import type { NodeRow } from '../storage/port.ts';
import type { WorkingSet } from './working-set.ts';

type Sender = Pick<NodeRow, 'id' | 'kind'>;

/** The id that it stands under now: the user's, or the device's where nobody was linked to it. */
export async function filedUnder(set: WorkingSet, { id, kind }: Sender, stamp: Stamp): Promise<number> {
  return kind === 'user' ? id : (ownerAt(await set.timeline(id), stamp) ?? id);
}

/** The profile it belongs to, merges followed. */
export async function ownerOf(set: WorkingSet, sender: Sender, stamp: Stamp): Promise<number> {
  return profileOf(set, await filedUnder(set, sender, stamp));
}

/** The same where memory knows it; undefined otherwise. */
export function ownerInMemory(
  { inMemory }: WorkingSet,
  { id, kind }: Sender,
  stamp: Stamp,
): number | undefined {
  if (kind === 'user') return inMemory.nodeById(id)?.root;
  const timeline = inMemory.timeline(id);
  return timeline && inMemory.nodeById(ownerAt(timeline, stamp) ?? id)?.root;
}

/** The profile that a user's or a device's own id stands for, merges followed. */
export async function profileOf(set: WorkingSet, id: number): Promise<number> {
  return (await set.nodeById(id))?.root ?? id;
}
