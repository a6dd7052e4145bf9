// Whom a survey is for and what they did, and who is in the segments that its results are asked by.
// Invariant: rows are read once; every commit heard of since keeps what was read as the store has it.
import { type Activity, activityOf } from '../engine/person-state.ts';
import type { Changes } from '../storage/port.ts';
import type { SurveySnapshot } from './core.ts';
import type { WorkingSet } from './working-set.ts';

/** Rows read at a time: some 2 ms. */
const PAGE = 200;

/** Versions of segments; undefined: not asked for (of the frame: everybody), null: nobody is in it yet. */
interface Asked {
  frame: number | null | undefined;
  filter: number | null | undefined;
  split: number | null | undefined;
}

export interface Frame {
  /** Reads on; false at the end. */
  read(): Promise<boolean>;
  hear(changes: Changes): void;
  found(): Pick<SurveySnapshot<unknown>, 'frame' | 'filter' | 'members'>;
}

export function createFrame(set: WorkingSet, { frame, filter, split }: Asked): Frame {
  const activity = new Map<number, Activity>();
  /** By version, those whose members are wanted by name only. */
  const members = new Map<number, Set<number>>();
  for (const version of [filter, split]) if (typeof version === 'number') members.set(version, new Set());
  const inFrame = typeof frame === 'number' ? new Set<number>() : null;
  const toRead: (number | undefined)[] = [...members.keys(), ...(frame === null ? [] : [frame])];
  let after = 0;
  let isFrame = toRead.length === 1 && frame !== null;

  async function readFrame(ids: readonly number[]): Promise<void> {
    const { persons } = await set.store.read({ persons: [...ids] });
    for (const { id, text } of persons) activity.set(id, activityOf(text));
    for (const id of ids) inFrame?.add(id);
  }

  return {
    async read() {
      if (toRead.length === 0) return false;
      const version = toRead[0];
      const asked = {
        ask: 'people',
        after,
        limit: PAGE,
        ...(version === undefined ? {} : { version }),
      } as const;
      const ids = (await set.store.query(asked)).map(({ id }) => id);
      if (isFrame) await readFrame(ids);
      else for (const id of ids) members.get(version as number)?.add(id);
      after = ids[ids.length - 1] ?? after;
      if (ids.length < PAGE) {
        toRead.shift();
        after = 0;
        isFrame = toRead.length === 1 && frame !== null;
      }
      return toRead.length > 0;
    },
    hear({ memberships = [], persons = [], deletedPersons = [] }) {
      for (const { version, person, since } of memberships) {
        const lists = [members.get(version), version === frame ? inFrame : undefined];
        for (const list of lists) {
          if (since === null) list?.delete(person);
          else list?.add(person);
        }
      }
      if (frame !== null)
        for (const { id, text } of persons) if (inFrame?.has(id) ?? true) activity.set(id, activityOf(text));
      for (const { id } of deletedPersons) {
        activity.delete(id);
        inFrame?.delete(id);
        for (const list of members.values()) list.delete(id);
      }
    },
    found() {
      // Who left since its row was read is still there.
      if (inFrame) for (const id of activity.keys()) if (!inFrame.has(id)) activity.delete(id);
      const named = (version: number | null | undefined) =>
        version === undefined ? null : (members.get(version ?? -1) ?? new Set<number>());
      return { frame: frame === null ? null : activity, filter: named(filter), members: named(split) };
    },
  };
}
