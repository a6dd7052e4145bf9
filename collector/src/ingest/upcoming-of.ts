// A person's messages that are dated in the future: who they will be of is not written down before their time.
// Invariant: as the links that wait as well will have it.
import { type Run, tidy } from '../engine/identity.ts';
import { compareStamps } from '../engine/stamp.ts';
import type { HistoryRow, NodeRow } from '../storage/port.ts';
import type { JsonObject } from '../wire/message.ts';
import { breathe } from './breathe.ts';
import type { Person } from './person-ids.ts';
import type { WorkingSet } from './working-set.ts';

/** Messages read at a time. */
const PENDING_PAGE = 500;

/**
 * The person's messages dated in the future: those under their user ids, and a device's own in the stretch
 * that will be theirs once the links that wait as well have taken effect.
 */
export async function upcomingOf(
  set: WorkingSet,
  { node, users }: Pick<Person, 'node' | 'users'>,
): Promise<HistoryRow[]> {
  const mine: HistoryRow[] = [];
  const own: HistoryRow[] = [];
  const links = new Map<number, Run[]>();
  const link = (device: number | undefined, { node: user, stamp }: HistoryRow): void => {
    if (device === undefined) return;
    const runs = links.get(device) ?? [];
    runs.push({ user, stamp });
    links.set(device, runs);
  };
  for (let after = 0; ; ) {
    const page = await set.store.query({ ask: 'pending', after, limit: PENDING_PAGE });
    for (const row of page) {
      const filed = await set.nodeById(row.node);
      if (filed?.kind !== 'user') own.push(row);
      else {
        if (users.has(row.node)) mine.push(row);
        if (row.device !== null) link(row.device, row);
        if (row.type === 'alias') link((await namedDevice(set, row))?.id, row);
      }
    }
    const last = page[page.length - 1];
    if (!last) break;
    after = last.seq;
    await breathe();
  }
  for (const row of own) {
    const timeline = tidy([...(await set.timeline(row.node)), ...(links.get(row.node) ?? [])]);
    const run = timeline.findLast(({ stamp }) => compareStamps(stamp, row.stamp) <= 0);
    if (run ? users.has(run.user) : row.node === node.id) mine.push(row);
  }
  return mine;
}

/** The device that an alias links. */
async function namedDevice(set: WorkingSet, row: HistoryRow): Promise<NodeRow | null> {
  const { previousId, userId } = JSON.parse(row.text) as JsonObject; // stored by the lane
  // An alias of an id to itself does nothing.
  return (typeof previousId === 'string' || typeof previousId === 'number') &&
    String(previousId) !== String(userId)
    ? set.node('device', String(previousId))
    : null;
}
