// What an erasure must look for among all rejected messages and all names of events, found before it, beside the
// lane: where there are very many of them messages do not wait for that.
// Invariant: a hint. Each thing found is looked at again in the lane; what came meanwhile, or may have changed what
// was passed over, is looked for there.
import type { Changes, HistoryRow, RefusedRow } from '../storage/port.ts';
import type { JsonObject, JsonValue } from '../wire/message.ts';
import { breathe, createPace } from './breathe.ts';
import { type Person, whoIs } from './person-ids.ts';
import { upcomingOf } from './upcoming-of.ts';
import type { WorkingSet } from './working-set.ts';

/** Rejected messages read at a time: 1 MB or so. */
const REFUSED_PAGE = 1_000;
/** Messages looked at between two breaths for the names of their events: some milliseconds. */
const EVENTS_PAGE = 5_000;

/** With no more than so many of each the lane looks itself: some milliseconds. */
const FEW_REFUSED = 1_000;
const FEW_MESSAGES = 5_000;

/** Whether there is so much to look through that scouting pays. */
export async function isMuch({ store, lastSeq }: Pick<WorkingSet, 'store' | 'lastSeq'>): Promise<boolean> {
  if (lastSeq() > FEW_MESSAGES) return true;
  const [newest] = await store.query({ ask: 'refused', before: Number.MAX_SAFE_INTEGER, limit: 1 });
  return newest !== undefined && newest.id > FEW_REFUSED;
}

/** Rejected messages that may name a person, by number. */
export interface ScoutedRefused {
  /** The ids that were looked for, as they are written. */
  names: ReadonlySet<string>;
  numbers: readonly number[];
  /** Something was stored meanwhile that this does not know of. */
  isStale: boolean;
}

/** Names of events of a person that others use too. */
export interface ScoutedEvents {
  /** The person's messages, by number. */
  mine: ReadonlySet<number>;
  /** The names that were looked for. */
  looked: ReadonlySet<string>;
  /** By name the number of a message of somebody else. */
  uses: ReadonlyMap<string, number>;
  /** Up to this message all uses of the other names are the person's. */
  upTo: number;
}

/** A person's ids, as they are written. */
export async function namesOf(set: WorkingSet, { users, alone, shared }: Person): Promise<Set<string>> {
  const names = new Set<string>();
  for (const id of [...users, ...alone, ...shared]) {
    const node = await set.nodeById(id);
    if (node) names.add(node.ext);
  }
  return names;
}

/** Whether a rejected message may be of or about one of these ids. */
export function mayName(text: string, names: ReadonlySet<string>): boolean {
  const message = parsed(text);
  // Cut short, so that nobody can tell where an id stands.
  if (!message) return [...names].some((name) => text.includes(JSON.stringify(name).slice(1, -1)));
  return [message.userId, message.previousId, message.anonymousId].some((id) => names.has(idTextOf(id)));
}

/** As the ids of accepted messages are written; of what cannot be an id the empty text, which is nobody's. */
export function idTextOf(value: JsonValue | undefined): string {
  const isId = typeof value === 'string' || typeof value === 'number';
  return isId ? Buffer.from(String(value)).toString() : '';
}

/** Null: it is no JSON object, or no longer one. */
export function parsed(text: string): JsonObject | null {
  try {
    const value = JSON.parse(text) as JsonValue; // JSON.parse gives nothing else
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/** Rejected messages that may name one of these ids, newest first. */
export async function* refusedNaming(
  { store }: Pick<WorkingSet, 'store'>,
  names: ReadonlySet<string>,
): AsyncGenerator<RefusedRow> {
  const pace = createPace();
  for (let before = Number.MAX_SAFE_INTEGER; ; ) {
    const rows = await store.query({ ask: 'refused', before, limit: REFUSED_PAGE });
    for (const row of rows) {
      if (mayName(row.text, names)) yield row;
      await pace();
    }
    const last = rows.at(-1);
    if (!last) return;
    before = last.id;
  }
}

/**
 * Uses of these names by messages other than `mine`, from a message on: one of each name, as far as there is any.
 * `upTo` is the last message that was looked at.
 */
export async function usesByOthers(
  { store }: Pick<WorkingSet, 'store'>,
  names: Iterable<string>,
  mine: ReadonlySet<number>,
  from = 0,
): Promise<{ uses: Map<string, number>; upTo: number }> {
  const left = new Set(names);
  const uses = new Map<string, number>();
  let after = from;
  while (left.size > 0) {
    const asked = { ask: 'uses-of-events', events: [...left], after, limit: EVENTS_PAGE } as const;
    const { uses: found, last } = await store.query(asked);
    for (const { seq, event } of found) if (!mine.has(seq) && left.delete(event)) uses.set(event, seq);
    if (last === null) break;
    after = last;
    await breathe();
  }
  return { uses, upTo: after };
}

/** Looks through the rejected messages for these ids, and listens to what is rejected until `close`. */
export async function scoutRefused(
  set: Pick<WorkingSet, 'store' | 'watchers'>,
  names: ReadonlySet<string>,
): Promise<ScoutedRefused & { close(): void }> {
  const numbers: number[] = [];
  const scouted = { names, numbers, isStale: false, close: () => void set.watchers.delete(hear) };
  // One that is rejected again takes the place of what it was.
  const hear = ({ refused = [], erasure, rebuilt }: Changes): void => {
    if (erasure || rebuilt || refused.some(({ text }) => mayName(text, names))) scouted.isStale = true;
  };
  set.watchers.add(hear);
  try {
    for await (const { id } of refusedNaming(set, names)) numbers.push(id);
  } catch (error) {
    scouted.close();
    throw error;
  }
  return scouted;
}

/** What an erasure may begin with. */
export interface Scouted {
  refused: ScoutedRefused;
  events: ScoutedEvents;
}

/** Scouts for the rejected messages that name a person, alone. */
export async function scoutRejections(
  set: Pick<WorkingSet, 'store' | 'watchers'>,
  copy: WorkingSet,
  id: number,
): Promise<(ScoutedRefused & { close(): void }) | null> {
  const node = await copy.nodeById(id);
  return node && scoutRefused(set, await namesOf(copy, await whoIs(copy, node)));
}

/** Scouts for the erasure of a person, on a copy of what the lane holds; `close` when it is over. */
export async function scoutErasure(
  set: Pick<WorkingSet, 'store' | 'watchers'>,
  copy: WorkingSet,
  id: number,
  clock: number,
): Promise<(Scouted & { close(): void }) | null> {
  const node = await copy.nodeById(id);
  const refused = await scoutRejections(set, copy, id);
  if (!node || !refused) return null;
  try {
    const mine = new Set<number>();
    const looked = new Set<string>();
    const note = ({ seq, event }: HistoryRow): void => {
      mine.add(seq);
      if (event !== null) looked.add(event);
    };
    for await (const page of copy.historyPages(id, clock)) page.forEach(note);
    (await upcomingOf(copy, await whoIs(copy, node))).forEach(note);
    const events = { mine, looked, ...(await usesByOthers(set, looked, mine)) };
    return { refused, events, close: refused.close };
  } catch (error) {
    refused.close();
    throw error;
  }
}
