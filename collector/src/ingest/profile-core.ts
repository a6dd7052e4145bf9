// What the core answers about people, and what is done to them: merging, undoing that, erasing.
// Invariant: whoever is shown is settled to the clock first; nobody else waits for that.
import { traitsOf } from '../engine/trait-bag.ts';
import { carryOut } from './arrival.ts';
import { type Core, NotStored, type ProfileRef } from './core.ts';
import { own } from './definition-book.ts';
import { erasePerson, rejectionsNaming, usersOf } from './erase.ts';
import { isMuch, scoutErasure, scoutRejections } from './erase-scout.ts';
import { exportProfile } from './export.ts';
import { exposureIn } from './exposure.ts';
import { type PlanRoom, planRoom } from './identity-plan.ts';
import type { Inside } from './inside.ts';
import { countGroup, findPeople } from './long-lists.ts';
import { mergeUsers, unmergeUser } from './operations.ts';
import {
  findProfile,
  iso,
  listEvents,
  listProfiles,
  listTransitions,
  placeOf,
  viewMe,
  viewProfile,
} from './profile-reads.ts';
import { messageOf } from './rejection-core.ts';
import { ROOM_LEFT } from './repair.ts';
import { settledPerson } from './settle.ts';
import { upcomingOf } from './upcoming-of.ts';
import type { WorkingSet } from './working-set.ts';

export type ProfileCore = Pick<
  Core,
  | 'me'
  | 'profile'
  | 'events'
  | 'profileTransitions'
  | 'profiles'
  | 'group'
  | 'merge'
  | 'unmerge'
  | 'erase'
  | 'export'
>;

export function createProfileCore({
  store,
  set,
  book,
  tell,
  read,
  operate,
  writeIfPossible,
  settleAll,
  liveVersion,
  copyWith,
}: Inside): ProfileCore {
  const exposure = exposureIn(book);

  /** Something that an erasure left room for was not made, and is to be when the file is opened for writing. */
  let isOwed = false;

  /** Makes what somebody erased left no room for, in a commit of its own. */
  async function makeUseOf(room: PlanRoom, at: number): Promise<void> {
    const wasOwed = isOwed;
    isOwed = true;
    try {
      await carryOut(set, await room(at), { clock: at, cause: { operation: 'merge' } });
      if (!wasOwed) set.record({ facts: [{ name: ROOM_LEFT, value: false }] });
      await set.commit(at);
      isOwed = wasOwed;
    } catch (error) {
      // The erasure is done, and what is left to do is on record.
      if (!(error instanceof NotStored)) throw error;
    }
  }

  /** `found` is null where the lane can as well look for everything itself, or there is nobody. */
  async function whomToScoutFor(ref: ProfileRef): Promise<{ copy: WorkingSet; found: number | null }> {
    const copy = copyWith(set.program);
    return { copy, found: (await isMuch(set)) ? await findProfile(copy, ref) : null };
  }

  const self: ProfileCore = {
    me: (who) => read((at) => viewMe(set, who, exposure, at)),
    profile: (ref) =>
      read(async (at) => {
        const id = await findProfile(set, ref);
        return id === null ? null : viewProfile(set, id, at);
      }),
    events: (ref, page) =>
      read(async (at) => {
        const id = await findProfile(set, ref);
        return id === null ? null : listEvents(set, id, at, page, page.kept);
      }),
    async profileTransitions(ref, page) {
      return read(async (at) => {
        const id = await findProfile(set, ref);
        if (id === null || !(await settledPerson(set, id, at))) return null;
        await writeIfPossible(at);
        return listTransitions(set, id, page);
      });
    },
    async profiles({ q, segment, limit, cursor }) {
      await settleAll();
      const version = segment === null ? null : liveVersion(segment);
      if (segment !== null && !own(book.wanted.segments, segment)) return 'unknown_segment';
      if (segment !== null && version === null) return { data: [], next: null };
      const found = await findPeople(store, { q, version, after: placeOf(cursor), limit: limit + 1 });
      return read((at) => listProfiles(set, at, found, { version, limit }));
    },
    async group(id) {
      const { traits, isNamed } = await read(async () => {
        const { bag } = await set.group(id);
        return { traits: traitsOf(bag), isNamed: Object.keys(bag.v).length > 0 };
      });
      const members = await countGroup(store, id);
      return members > 0 || isNamed ? { id, traits, members } : null;
    },
    merge: (from, into) =>
      operate(
        (at) => mergeUsers(set, { from, into }, at),
        ({ done }) => done,
      ),
    unmerge: (userId) =>
      operate(
        (at) => unmergeUser(set, userId, at),
        ({ done }) => done,
      ),
    async erase(ref, { suppress }) {
      // Between messages: an erasure goes in one piece, with whatever is still due for members of the person's groups.
      if (set.program.usesGroups) await settleAll();
      const { copy, found } = await whomToScoutFor(ref);
      const scouted = found === null ? null : await scoutErasure(set, copy, found, tell());
      const erasing = operate(
        async (at) => {
          const id = await findProfile(set, ref);
          if (id === null) return null;
          const room = await planRoom(set, id);
          const done = await erasePerson(
            set,
            id,
            at,
            suppress,
            id === found && scouted ? scouted : undefined,
          );
          if (done) {
            if (room) set.record({ facts: [{ name: ROOM_LEFT, value: true }] });
            await set.commit(at);
            Object.assign(set.erased, { any: true, suppressed: set.erased.suppressed || suppress });
          }
          // Names and hashes in memory no longer stand for what they did.
          set.forget();
          if (done && room) await makeUseOf(room, at);
          return done;
        },
        () => false,
      );
      return erasing.finally(() => scouted?.close());
    },
    async export(ref) {
      if (!(await self.profile(ref))) return null;
      return exportProfile({ ...self, now: tell }, ref, async () => {
        const { copy, found } = await whomToScoutFor(ref);
        const scouted = found === null ? null : await scoutRejections(set, copy, found);
        const reading = read(async () => {
          const id = await findProfile(set, ref);
          if (id === null) return null;
          const node = await set.nodeById(id);
          const later = node ? await upcomingOf(set, { node, users: await usersOf(set, node) }) : [];
          const lists = await set.listsOf(id);
          const refused = await rejectionsNaming(set, id, scouted ?? undefined);
          return {
            upcoming: later.map(({ text }) => messageOf(text)),
            rejected: refused.map(({ text, code, receivedAt }) => ({
              code,
              receivedAt: iso(receivedAt),
              message: messageOf(text),
            })),
            lists: [...set.program.lists].filter(([, list]) => lists.includes(list)).map(([name]) => name),
          };
        });
        return reading.finally(() => scouted?.close());
      });
    },
  };
  return self;
}
