// A snapshot on its way to the thread that computes results of it: in parcels, and put together again.
// Invariant: what is unpacked equals what was packed; packing and sending one parcel holds up nobody for long.
import type { SurveySnapshot } from '../../../ingest/core.ts';
import type { Digest, Submission } from './digest.ts';
import type { Pace } from './pace.ts';
import type { Period } from './results.ts';

type Snapshot = SurveySnapshot<Digest>;
type Entries<M> = M extends ReadonlyMap<infer K, infer V> ? [K, V][] : never;
type Values = NonNullable<NonNullable<Snapshot['split']>['values']>;

/** One parcel; the last is what is to be computed. */
export type Parcel =
  | { records: Submission[] }
  | { frame: Entries<NonNullable<Snapshot['frame']>> }
  | { filter: number[] }
  | { members: number[] }
  | { values: Entries<Values> }
  | { compute: Period; rest: Rest };

/** What is small, and which of the lists there are at all. */
interface Rest extends Pick<Snapshot, 'at' | 'definition'> {
  split: { kind: NonNullable<Snapshot['split']>['kind']; key: string; hasValues: boolean } | null;
  has: Record<'frame' | 'filter' | 'members', boolean>;
}

/** Rows of a parcel: some 2 ms to copy. */
const RECORDS = 200;
const ROWS = 2_000;

/** Sends a snapshot, taking its records out of it: they are not needed twice. */
export async function sendSnapshot(
  { records, frame, filter, members, split, at, definition }: Snapshot,
  period: Period,
  pace: Pace,
  send: (parcel: Parcel) => void,
): Promise<void> {
  while (records.length > 0) {
    send({ records: records.splice(-RECORDS) });
    await pace();
  }
  const inParts = async <T>(rows: Iterable<T> | null | undefined, pack: (part: T[]) => Parcel) => {
    let part: T[] = [];
    for (const row of rows ?? []) {
      if (part.push(row) < ROWS) continue;
      send(pack(part));
      part = [];
      await pace();
    }
    if (part.length > 0) send(pack(part));
  };
  await inParts(frame, (part) => ({ frame: part }));
  await inParts(filter, (part) => ({ filter: part }));
  await inParts(members, (part) => ({ members: part }));
  await inParts(split?.values, (part) => ({ values: part }));
  const has = { frame: frame !== null, filter: filter !== null, members: members !== null };
  const told = split && { kind: split.kind, key: split.key, hasValues: split.values !== null };
  send({ compute: period, rest: { at, definition, split: told, has } });
}

/** Puts parcels together; the last one makes the snapshot. */
export function createUnpacking(): (parcel: Parcel) => { snapshot: Snapshot; period: Period } | null {
  const records: Submission[] = [];
  const frame: Map<number, Entries<NonNullable<Snapshot['frame']>>[number][1]> = new Map();
  const [filter, members] = [new Set<number>(), new Set<number>()];
  const values: Map<number, Entries<Values>[number][1]> = new Map();
  return (parcel) => {
    if ('records' in parcel) for (const one of parcel.records) records.push(one);
    else if ('frame' in parcel) for (const [person, activity] of parcel.frame) frame.set(person, activity);
    else if ('filter' in parcel) for (const person of parcel.filter) filter.add(person);
    else if ('members' in parcel) for (const person of parcel.members) members.add(person);
    else if ('values' in parcel) for (const [person, value] of parcel.values) values.set(person, value);
    else {
      const { at, definition, split, has } = parcel.rest;
      const snapshot: Snapshot = {
        ...{ at, definition, records },
        frame: has.frame ? frame : null,
        filter: has.filter ? filter : null,
        members: has.members ? members : null,
        split: split && { kind: split.kind, key: split.key, values: split.hasValues ? values : null },
      };
      return { snapshot, period: parcel.compute };
    }
    return null;
  };
}
