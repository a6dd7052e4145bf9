// Times of erased people on devices that others use too: who was linked when, without saying by what.
// Invariant: each stays at its place among what else the device sent and was linked by, and holds no id.
import type { Run } from '../engine/identity.ts';
import { compareStamps, type Stamp } from '../engine/stamp.ts';
import { type AliasRow, ERASED, type HistoryRow } from '../storage/port.ts';
import { createPace } from './breathe.ts';
import { LINKS_PAGE } from './held-history.ts';
import type { WorkingSet } from './working-set.ts';

interface KeptLink {
  user: number;
  device: number;
  stamp: Stamp;
  trusted: boolean;
}

/**
 * On shared devices the times of the person's links stay, so that no others get their messages: at the same
 * place among the device's messages, but without their message ids.
 */
export async function keepTimes(
  set: WorkingSet,
  { users, shared }: { users: ReadonlySet<number>; shared: ReadonlySet<number> },
  rows: readonly HistoryRow[],
  aliases: readonly AliasRow[],
  mine: ReadonlySet<number>,
): Promise<void> {
  const links: KeptLink[] = [];
  for (const { node, device, stamp, trusted } of rows)
    if (device !== null && shared.has(device) && users.has(node))
      links.push({ user: node, device, stamp, trusted });
  for (const { user, device, stamp, trusted, seq } of aliases)
    if (mine.has(seq) && shared.has(device) && users.has(user)) links.push({ user, device, stamp, trusted });
  for (const device of shared) {
    const own = links.filter((link) => link.device === device);
    const stamps = own.map(({ stamp }) => stamp);
    const nameless = await namelessStamps(set, { device, stamps, gone: mine });
    for (const { user, stamp, trusted } of own)
      set.addAlias({
        user,
        device,
        previousUser: null,
        stamp: nameless(stamp),
        trusted,
        seq: 0,
        voided: false,
      });
    const runs = (await set.timeline(device)).map(
      (run): Run => (users.has(run.user) ? { ...run, stamp: nameless(run.stamp) } : run),
    );
    set.setTimeline(device, runs);
    for (const pair of await set.devicePairs(device)) {
      if (!users.has(pair.user)) continue;
      const trusted = pair.trusted && nameless(pair.trusted);
      await set.setPair({ ...pair, trusted, plain: pair.plain && nameless(pair.plain) });
    }
  }
}

/** Stamps that sort like these among what else the device sent and was linked by at their instants, without their ids. */
async function namelessStamps(
  set: WorkingSet,
  { device, stamps, gone }: { device: number; stamps: readonly Stamp[]; gone: ReadonlySet<number> },
): Promise<(stamp: Stamp) => Stamp> {
  const own = new Set(stamps.map((stamp) => JSON.stringify(stamp)));
  const names = new Map<string, Stamp>();
  for (const [place, stamp] of [...stamps].sort(compareStamps).entries()) {
    const [time, , kind] = stamp;
    const instant = { from: [time, '', 0] as Stamp, to: [time + 1, '', 0] as Stamp, until: time };
    const { history } = await set.store.read({ history: [{ node: device, ...instant }] });
    const sent = (history[0] ?? []).filter(({ seq }) => !gone.has(seq)).map((row) => row.stamp);
    const others = [...sent, ...(await linksAt(set, device, time))]
      .filter((other) => !own.has(JSON.stringify(other)) && compareStamps(other, stamp) < 0)
      .sort(compareStamps);
    // After the id before it comes nothing else: no id has a control character.
    const before = others[others.length - 1]?.[1] ?? '';
    names.set(JSON.stringify(stamp), [time, `${before}${ERASED}${String(place).padStart(9, '0')}`, kind]);
  }
  return (stamp) => names.get(JSON.stringify(stamp)) ?? stamp;
}

/** Every link of the device at one instant, also those that changed nothing. */
async function linksAt(set: WorkingSet, device: number, time: number): Promise<Stamp[]> {
  const links: Stamp[] = [];
  const pace = createPace();
  for (const { user } of await set.devicePairs(device)) {
    const asked = { user, device, before: [time + 1, '', 0] as Stamp, until: time };
    // No id is empty, so that nothing comes before this place.
    for (let after: Stamp | undefined = [time, '', 0]; after; ) {
      const page: Stamp[] = await set.links({ ...asked, after }, LINKS_PAGE);
      links.push(...page);
      after = page.length < LINKS_PAGE ? undefined : page.at(-1);
      await pace();
    }
  }
  return links;
}
