// Puts store, lane, definitions and reads together behind the one interface HTTP and the CLI use.
// Invariant: the clock is the largest `now()` seen; every answer is exact as of it.
import { randomBytes } from 'node:crypto';
import type { Program } from '../engine/program.ts';
import { traitsOf } from '../engine/trait-bag.ts';
import { ERASED, type Store } from '../storage/port.ts';
import { openSqlite } from '../storage/sqlite/open.ts';
import type { JsonValue } from '../wire/message.ts';
import { addDefinitions } from './add-definitions.ts';
import { settledPerson } from './arrival.ts';
import { bucketOf } from './bucket.ts';
import { createBuilder } from './build.ts';
import { BadCursor, type Core, type RejectedView } from './core.ts';
import { createDefinitionBook, own } from './definition-book.ts';
import { createDefinitionCore } from './definition-core.ts';
import { erasePerson, rejectionsNaming, upcomingOf, usersOf } from './erase.ts';
import { exportProfile } from './export.ts';
import { exposureIn } from './exposure.ts';
import { createInside } from './inside.ts';
import { createLane } from './lane.ts';
import { measureCompleteness, seenAmong } from './ledger.ts';
import { mergeUsers, unmergeUser } from './operations.ts';
import {
  decodeCursor,
  encodeCursor,
  findProfile,
  iso,
  listEvents,
  listProfiles,
  listTransitions,
  viewMe,
  viewProfile,
} from './profile-reads.ts';
import { createRedefine, recompile } from './redefine.ts';
import { repairAll, UNFINISHED } from './repair.ts';
import { createSegmentCore } from './segment-core.ts';
import { createSurveyCore } from './survey-core.ts';
import { takeRecord } from './transfer-in.ts';
import { exportLines } from './transfer-out.ts';
import { verifyAll } from './verify.ts';
import { createWorkingSet } from './working-set.ts';

/** A file opened this far behind its own clock waits there; further behind it is refused. */
export const MAX_CLOCK_BEHIND_MS = 60_000;

export interface CoreOptions {
  /** A file path or `:memory:`. */
  database: string;
  /** Epoch milliseconds; the only clock there is. */
  now: () => number;
  /** Opens a snapshot for reading: everything that writes fails. */
  readOnly?: boolean;
  /** Key of the opaque profile ids of a new file; random unless given. */
  idKey?: string;
  /** IANA time zone that days are counted in. Default UTC. */
  timezone?: string;
  /** Opens a file of a later clock too, and computes everything anew for this one. */
  repair?: boolean;
  /** Hears of long work while opening: a file whose rows must be computed anew, or whose repair was cut off. */
  onProgress?: (done: number, total: number) => void;
  /** People from which on a thread reads for new definitions, where the store can. Default 2,000. */
  threadFromPeople?: number;
  /** Hears of what failed inside and was made good: a thread that ended, say. */
  onTrouble?: (error: unknown) => void;
}

/** The file was last used at a later clock. */
export class ClockBehind extends Error {
  override readonly name = 'ClockBehind';
  constructor(
    readonly clock: number,
    readonly fileClock: number,
  ) {
    super(
      `The clock says ${iso(clock)}, but the database was last used at ${iso(fileClock)}. Set the clock right; ` +
        'if the earlier time is the true one, `tidemark verify --repair` computes everything anew for it.',
    );
  }
}

/** @throws ClockBehind, NewerFile, OlderFile, BrokenFile. */
export async function createCore({ database, ...options }: CoreOptions): Promise<Core> {
  const store = openSqlite({ path: database, readOnly: options.readOnly ?? false });
  try {
    return await createCoreOn(store, options);
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The same over a store that is open already; `close` closes it. */
export async function createCoreOn(
  store: Store,
  {
    now,
    readOnly = false,
    idKey: givenIdKey,
    timezone,
    repair = false,
    onProgress,
    threadFromPeople: besideFromPeople,
    onTrouble,
  }: Omit<CoreOptions, 'database'>,
): Promise<Core> {
  const start = await store.query({ ask: 'start' });
  let clock = now();
  const isBehind = start.clock !== null && clock < start.clock - MAX_CLOCK_BEHIND_MS;
  if (start.clock !== null && isBehind && !readOnly && !repair) throw new ClockBehind(clock, start.clock);
  if (start.clock !== null && !(isBehind && repair))
    clock = readOnly ? start.clock : Math.max(clock, start.clock);
  const tell = (): number => {
    clock = readOnly ? clock : Math.max(clock, now());
    return clock;
  };

  const { facts } = start;
  const storedKey = facts.get('idKey');
  const idKey =
    typeof storedKey === 'string' ? storedKey : (givenIdKey ?? randomBytes(32).toString('base64url'));
  const storedZone = facts.get('timezone');
  const zone = timezone ?? (typeof storedZone === 'string' ? storedZone : 'UTC');
  const book = createDefinitionBook(facts.get('definitions'), { zone, bucketOf });
  const counters = {
    lastNode: start.lastNode,
    lastSeq: start.lastSeq,
    lastOperation: start.lastOperation,
  };
  const erased = { any: start.anyGone, suppressed: start.anySuppressed };
  const set = createWorkingSet(store, book.compile(), counters, idKey, erased);
  for (const group of await store.query({ ask: 'groups-waiting', limit: 1_000_000 })) set.waiting.add(group);
  const lane = createLane(set, tell);
  const copyWith = (program: Program) => createWorkingSet(store, program, { ...counters }, idKey, erased);
  const inside = createInside({ store, set, lane, book, tell, copyWith });
  const { operate, read, writeIfPossible, settleAll, saveFacts, liveVersion } = inside;
  const closing = new AbortController();
  const settle = () => settleAll({ signal: closing.signal });
  const builder = createBuilder({
    lane,
    book,
    set,
    settle,
    onSwitch: () => recompile(set, book),
    besideFromPeople,
    onTrouble,
  });
  if (!readOnly && typeof storedKey !== 'string') await saveFacts([{ name: 'idKey', value: idKey }]);
  if (!readOnly && storedZone !== zone) await saveFacts([{ name: 'timezone', value: zone }]);
  if (!readOnly && (facts.get(UNFINISHED) === true || isBehind)) await repairAll(lane, { onProgress });
  if (!readOnly) builder.start();

  const exposure = exposureIn(book);
  const redefine = createRedefine(inside, builder);
  const core: Core = {
    now: tell,
    ingest: (input) => lane.ingest(input),
    seen: (messageIds, kind) => read(() => seenAmong(set, messageIds, kind)),
    completeness: (range) => measureCompleteness(store, range),
    me: (who) => read((at) => viewMe(set, who, exposure, at)),
    ...createSurveyCore(inside),
    ...createDefinitionCore(inside, { redefine, progress: builder.progress }),
    ...createSegmentCore(inside),
    profile: (ref) =>
      read(async (at) => {
        const id = await findProfile(set, ref);
        return id === null ? null : viewProfile(set, id, at);
      }),
    events: (ref, page) =>
      read(async (at) => {
        const id = await findProfile(set, ref);
        return id === null ? null : listEvents(set, id, at, page);
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
      return read((at) => listProfiles(set, at, { q, version, limit, cursor }));
    },
    group: (id) =>
      read(async () => {
        const group = await set.group(id);
        const members = await store.query({ ask: 'group-size', group: id });
        const known = members > 0 || Object.keys(group.bag.v).length > 0;
        return known ? { id, traits: traitsOf(group.bag), members } : null;
      }),
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
      return operate(
        async (at) => {
          const id = await findProfile(set, ref);
          if (id === null) return null;
          const done = await erasePerson(set, id, at, suppress);
          if (done) {
            await set.commit(at);
            Object.assign(erased, { any: true, suppressed: erased.suppressed || suppress });
          }
          // Names and hashes in memory no longer stand for what they did.
          set.forget();
          return done;
        },
        () => false,
      );
    },
    async export(ref) {
      if (!(await core.profile(ref))) return null;
      return exportProfile(core, ref, () =>
        read(async () => {
          const id = await findProfile(set, ref);
          if (id === null) return null;
          const node = await set.nodeById(id);
          const later = node ? await upcomingOf(set, { node, users: await usersOf(set, node) }) : [];
          const lists = await set.listsOf(id);
          const refused = await rejectionsNaming(set, id);
          return {
            upcoming: later.map(({ text }) => parsedOr(text)),
            rejected: refused.map(({ text, code, receivedAt }) => ({
              code,
              receivedAt: iso(receivedAt),
              message: parsedOr(text),
            })),
            lists: [...set.program.lists].filter(([, list]) => lists.includes(list)).map(([name]) => name),
          };
        }),
      );
    },
    transfer: (options) =>
      exportLines(
        { store, program: set.program, definitions: book.wanted, zone, idKey, clock: tell() },
        options,
      ),
    stored: () => store.query({ ask: 'message-count', until: Number.MAX_SAFE_INTEGER }),
    async takeOver(record) {
      if (record.type === 'tidemark.definitions') return addDefinitions(record, { book, redefine });
      const taken = await operate(
        (at) => takeRecord(set, record, { idKey, zone }, at),
        ({ outcome }) => outcome === 'taken',
      );
      if (/erased|used-ids|suppressed/.test(record.type)) erased.any = true;
      if (record.type === 'tidemark.suppressed') erased.suppressed = true;
      return taken;
    },
    async rejected({ limit, cursor }) {
      const isId = (value: unknown): value is number => Number.isSafeInteger(value);
      const before = cursor === null ? Number.MAX_SAFE_INTEGER : decodeCursor(cursor, isId);
      const rows = await store.query({ ask: 'refused', before, limit: limit + 1 });
      const last = rows[limit - 1];
      return {
        data: rows.slice(0, limit).map(viewRejected),
        next: rows.length > limit && last ? encodeCursor(last.id) : null,
        dropped: start.refusedDropped + lane.counts.rejectedDropped,
      };
    },
    async rejectedRow(id) {
      const row = await store.query({ ask: 'refused-one', id });
      return row && { ...row, messageId: shownId(row.messageId) };
    },
    removeRejected: (id) =>
      lane.task(async (working) => {
        const row = await store.query({ ask: 'refused-one', id });
        if (row) working.record({ removedRefused: [id] });
        return { result: row !== null, changed: row !== null };
      }),
    facts: {
      get: (name) => facts.get(`user.${name}`),
      async set(name, value) {
        await saveFacts([{ name: `user.${name}`, value }]);
        facts.set(`user.${name}`, value);
      },
    },
    stats: () => ({
      accepted: lane.counts.accepted,
      duplicates: lane.counts.duplicates,
      rejected: lane.counts.rejected,
      rejectedDropped: start.refusedDropped + lane.counts.rejectedDropped,
      laneDepth: lane.depth(),
      writable: lane.writable() && store.damage() === null,
      damaged: store.damage() !== null,
    }),
    overdue: () => store.query({ ask: 'due-count', until: tell() }),
    async tick() {
      await lane.task(async () => ({ result: undefined, changed: false }));
      await settleAll({ insist: true });
      await builder.finished();
    },
    async verify({ onProgress }) {
      if (readOnly) return verifyAll(copyWith(set.program), tell(), onProgress);
      return lane.task(async (_, at) => ({
        result: await verifyAll(copyWith(set.program), at, onProgress),
        changed: false,
      }));
    },
    repair: (options) => repairAll(lane, { ...options, signal: closing.signal }),
    async close() {
      builder.stop();
      closing.abort(new Error('the collector was closed; the repair goes on when it is started again'));
      await builder.finished().catch(() => {
        // Closing goes on; the build begins anew when the file is opened again.
      });
      await lane.drained();
      if (!readOnly) {
        // The clock has moved on since the last commit; the file must know how far.
        await saveFacts([{ name: 'idKey', value: idKey }]).catch(() => {
          // A file that cannot be written any more is closed as it is; what it holds is complete.
        });
      }
      await store.close();
    },
  };
  return core;
}

function viewRejected(row: Awaited<ReturnType<Core['rejectedRow']>> & object): RejectedView {
  const { id, receivedAt, code, reason, messageId, text } = row;
  const message = parsedOr(text);
  return { id, receivedAt: iso(receivedAt), code, reason, messageId: shownId(messageId), message };
}

/** Of suppressed messages there is only a hash, which says nothing to anybody. */
function shownId(messageId: string | null): string | null {
  return messageId?.startsWith(ERASED) ? null : messageId;
}

function parsedOr(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}

export { BadCursor };
