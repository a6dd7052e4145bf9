// How much may be declared of one person or one group, and how many groups a person may join.
// Invariant: judged once, when a message arrives; what is stored counts, whatever it adds up to, so that no refold and
// no other order of arrival depends on the limit.

import { declaredTraits } from '../engine/filter.ts';
import type { Stamp } from '../engine/stamp.ts';
import { emptyBag, growthBy, sizeOf } from '../engine/trait-bag.ts';
import type { NodeRow } from '../storage/port.ts';
import type { Arrival } from './arrival.ts';
import { ownerOf } from './owner.ts';
import type { WorkingSet } from './working-set.ts';

/**
 * Characters of declared traits, as `sizeOf` counts them. They are in the person's row, which is written whole at each
 * of their messages: so many take some 10 ms, a megabyte of small keys several times as much, and nobody else is
 * answered meanwhile. It is room for some 5,000 traits; people have a few dozen.
 */
export const MAX_TRAITS_CHARS = 512 * 1024;

/**
 * Groups that a person may join by messages; merges and links may add up to more. They are in the row as well, and
 * each condition on groups looks at all of them; people are in a few.
 */
export const MAX_GROUPS = 1_000;

/**
 * Why a message may not declare its traits, or null. What makes them smaller passes, also past the limit: people who
 * were merged may be there already. One dated in the future is judged with what else waits of the same id.
 */
export async function whyTooManyTraits(
  set: WorkingSet,
  { message, user, device }: Arrival,
  clock: number,
): Promise<string | null> {
  const { type, stamp } = message;
  if (type !== 'identify' && message.groupId === null) return null;
  const sender = (user ?? device) as NodeRow; // the caller looked
  if (message.groupId !== null) {
    const why = await whyTooManyGroups(set, sender, message.groupId, stamp, clock);
    if (why) return why;
  }
  const bag =
    message.groupId === null
      ? ((await set.person(await ownerOf(set, sender, stamp)))?.traits ?? emptyBag())
      : (await set.group(message.groupId)).bag;
  const growth = growthBy(bag, declaredTraits(message.body()), stamp);
  if (growth <= 0) return null;
  const waiting = stamp[0] > clock ? await set.upcomingChars(sender.id, type, clock) : 0;
  if (sizeOf(bag) + growth + waiting <= MAX_TRAITS_CHARS) return null;
  const whose = message.groupId === null ? "this person's" : "this group's";
  return (
    `with these, ${whose} declared traits would take more than ${MAX_TRAITS_CHARS / 1024} KiB of JSON; ` +
    'make large ones shorter or unset them with null, and send what happens as events'
  );
}

async function whyTooManyGroups(
  set: WorkingSet,
  sender: NodeRow,
  group: string,
  stamp: Stamp,
  clock: number,
): Promise<string | null> {
  const groups = (await set.person(await ownerOf(set, sender, stamp)))?.groups ?? new Map<string, number>();
  if (groups.has(group)) return null;
  // Of those that wait as many are looked at as there may be groups.
  const waiting =
    stamp[0] > clock ? await set.upcomingGroups(sender.id, clock, MAX_GROUPS) : new Set<string>();
  if (waiting.has(group)) return null;
  const joined = new Set([...groups.keys(), ...waiting]).size;
  if (joined < MAX_GROUPS) return null;
  return `this person is in ${joined} groups, and ${MAX_GROUPS} is the most; join fewer, or say what they belong to by traits`;
}
