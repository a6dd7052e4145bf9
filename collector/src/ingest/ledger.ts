// The loss ledger: what the SDKs numbered against what arrived, and which messages did.
// Invariant: reads only, in slices, so that live messages are never held up; no instance claims more than is
// plausible for what came of it, since anybody can write numbers with a public key.
import { type LedgerRow, type Store, seenKey } from '../storage/port.ts';
import type { KeyKind } from '../wire/accepted.ts';
import type { DayLedger } from './core.ts';
import type { WorkingSet } from './working-set.ts';

/** Messages looked at in one slice: about 10 ms of reading their JSON. */
const SLICE = 2_000;
/** SDK instances (page loads) counted at once, so that memory stays within about 100 MB. */
const MAX_INSTANCES = 500_000;
/** Ids looked up in one slice: some milliseconds, as a slice of the lane. */
const SEEN_SLICE = 1_000;
const DAY_MS = 86_400_000;
/**
 * Missing messages that are believed of one instance on one day: what one batch may hold, and four for each
 * that came. A page that lost more is counted as doubtful.
 */
const BELIEVED = 20;
const BELIEVED_PER_MESSAGE = 4;

/** One instance so far: highest number and losses by day, and which numbers came. */
interface Instance {
  /** Its first number in sight. */
  lowest: number;
  days: Map<number, { received: number; highest: number; lost: number }>;
}

/** As `seenIn`, a slice at a time. */
export async function seenAmong(
  set: Pick<WorkingSet, 'store' | 'hash' | 'erased'>,
  messageIds: readonly string[],
  kind: KeyKind,
): Promise<string[]> {
  const seen: string[] = [];
  for (let i = 0; i < messageIds.length; i += SEEN_SLICE) {
    if (i > 0) await nextTurn();
    seen.push(...(await seenIn(set, messageIds.slice(i, i + SEEN_SLICE), kind)));
  }
  return seen;
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Which messages need not be sent again. Those of erased people look stored: nobody learns who was erased. */
async function seenIn(
  { store, hash, erased }: Pick<WorkingSet, 'store' | 'hash' | 'erased'>,
  messageIds: readonly string[],
  kind: KeyKind,
): Promise<string[]> {
  const { seen } = await store.read({ seen: messageIds.map((messageId) => ({ messageId, kind })) });
  const isStored = (messageId: string): boolean => seen.has(seenKey({ messageId, kind }));
  if (!erased.any) return messageIds.filter(isStored);
  const hashes = messageIds.map((messageId) => ({ hash: hash(`message:${messageId}`), kind }));
  const { gone } = await store.read({ gone: hashes });
  return messageIds.filter((messageId, i) => isStored(messageId) || gone.has(`${kind} ${hashes[i]?.hash}`));
}

/**
 * By day of event time, from the day before `from` on: what an instance numbered then is not missing later.
 * Null when there are more instances than fit: ask for fewer days.
 */
export async function measureCompleteness(
  store: Store,
  { from, to }: { from: number; to: number },
): Promise<DayLedger[] | null> {
  const instances = new Map<string, Instance>();
  let after: number | null = 0;
  while (after !== null) {
    const slice: { rows: LedgerRow[]; next: number | null } = await store.query({
      ask: 'ledger',
      after,
      limit: SLICE,
      from: from - DAY_MS,
      to,
    });
    for (const row of slice.rows) note(instances, row);
    if (instances.size > MAX_INSTANCES) return null;
    after = slice.next;
    await nextTurn();
  }
  return sumUp(instances).filter(({ day }) => day >= from);
}

function note(instances: Map<string, Instance>, { client, number, lost, time }: LedgerRow): void {
  const instance = instances.get(client) ?? { lowest: number, days: new Map() };
  instance.lowest = Math.min(instance.lowest, number);
  instances.set(client, instance);
  const start = Math.floor(time / DAY_MS) * DAY_MS;
  const day = instance.days.get(start) ?? { received: 0, highest: 0, lost: 0 };
  day.received++;
  day.highest = Math.max(day.highest, number);
  day.lost = Math.max(day.lost, lost);
  instance.days.set(start, day);
}

function sumUp(instances: Map<string, Instance>): DayLedger[] {
  const days = new Map<number, DayLedger>();
  for (const instance of instances.values()) {
    // What an instance numbered on one day is what it numbered beyond the days before.
    // One whose first is far from 1 was open before the days in sight.
    let highest = instance.lowest > BELIEVED ? instance.lowest - 1 : 0;
    let lost = 0;
    for (const [start, day] of [...instance.days].sort(([a], [b]) => a - b)) {
      const total = days.get(start) ?? { day: start, expected: 0, received: 0, reported: 0, doubtful: 0 };
      days.set(start, total);
      total.received += day.received;
      const missing = Math.max(day.highest - highest - day.received, 0);
      const told = Math.max(day.lost - lost, 0);
      const believed = BELIEVED + BELIEVED_PER_MESSAGE * day.received;
      total.expected += day.received + Math.min(missing, believed);
      total.reported += Math.min(told, believed);
      if (Math.max(missing, told) > believed) total.doubtful++;
      highest = Math.max(highest, day.highest);
      lost = Math.max(lost, day.lost);
    }
  }
  return [...days.values()].sort((a, b) => a.day - b.day);
}
