// Puts store, lane, definitions and reads together behind the one interface HTTP and the CLI use.
// Invariant: the clock is the largest `now()` seen; every answer is exact as of it.
import { randomBytes } from 'node:crypto';
import type { Caps } from '../engine/identity.ts';
import type { Program } from '../engine/program.ts';
import type { Store } from '../storage/port.ts';
import { openSqlite } from '../storage/sqlite/open.ts';
import { addDefinitions } from './add-definitions.ts';
import { bucketOf } from './bucket.ts';
import { createBuilder } from './build.ts';
import type { Core } from './core.ts';
import { createDefinitionBook } from './definition-book.ts';
import { createDefinitionCore } from './definition-core.ts';
import { createExpiry, EXPIRIES, LAST_PASS } from './expiry.ts';
import { createInside } from './inside.ts';
import { createLane } from './lane.ts';
import { measureCompleteness, seenAmong } from './ledger.ts';
import { createProfileCore } from './profile-core.ts';
import { iso } from './profile-reads.ts';
import { createRedefine, recompile } from './redefine.ts';
import { createRejectionCore } from './rejection-core.ts';
import { ROOM_LEFT, repairAll, UNFINISHED } from './repair.ts';
import { compileRetention } from './retention.ts';
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
  /** Hears of long work while opening: a file whose rows must be computed anew, or whose repair or erasure was cut off. */
  onProgress?: (done: number, total: number) => void;
  /** Highest number of a person from which on a thread reads for new definitions, where the store can. Default 2,000. */
  threadFromPeople?: number;
  /** Hears of what failed inside and was made good: a thread that ended, say. */
  onTrouble?: (error: unknown) => void;
  /** Milliseconds of real time, by which the lane bounds what it does in one go; no result depends on it. */
  elapsed?: () => number;
  /** From how many messages on people are folded anew beside the lane. Default 500. */
  foldBesideFromMessages?: number;
  /** What one profile may have; of one file always the same. Default 1,000 ids and 100 merges. */
  caps?: Caps;
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

/** @throws ClockBehind, NewerFile, OlderFile, ForeignFile, BrokenFile, NotWritable. */
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
    elapsed,
    foldBesideFromMessages,
    caps,
  }: Omit<CoreOptions, 'database'>,
): Promise<Core> {
  const start = await store.query({ ask: 'start' });
  const { tell, isBehind } = startClock(start.clock, { now, readOnly, repair });
  const { facts } = start;
  const storedKey = facts.get('idKey');
  const idKey =
    typeof storedKey === 'string' ? storedKey : (givenIdKey ?? randomBytes(32).toString('base64url'));
  const storedZone = facts.get('timezone');
  const zone = timezone ?? (typeof storedZone === 'string' ? storedZone : 'UTC');
  const expiries = Number(facts.get(EXPIRIES) ?? 0);
  const book = createDefinitionBook(facts.get('definitions'), { zone, bucketOf, expiries });
  const counters = {
    lastNode: start.lastNode,
    lastSeq: start.lastSeq,
    lastOperation: start.lastOperation,
  };
  const erased = { any: start.anyGone, suppressed: start.anySuppressed };
  const identities = { erased, ...(caps && { caps }) };
  const set = createWorkingSet(store, book.compile(), counters, idKey, identities);
  set.retention = compileRetention(book.retention);
  for (const group of await store.query({ ask: 'groups-waiting', limit: 1_000_000 })) set.waiting.add(group);
  const copyWith = (program: Program) => createWorkingSet(store, program, { ...counters }, idKey, identities);
  const lane = createLane(set, {
    now: tell,
    copy: () => copyWith(set.program),
    elapsed,
    foldBesideFromMessages,
    onTrouble,
  });
  const expiry = createExpiry({ lane, book, tell }, facts.get(LAST_PASS));
  const inside = createInside({ store, set, lane, book, readOnly, tell, copyWith });
  const { operate, read, settleAll, saveFacts } = inside;
  const closing = new AbortController();
  const settle = () => settleAll({ signal: closing.signal });
  const endLongWork = (): void => {
    builder.stop();
    closing.abort(new Error('the collector was closed; the repair goes on when it is started again'));
  };
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
  const isLeft = (name: string): boolean => facts.get(name) === true;
  if (!readOnly && (isLeft(UNFINISHED) || isLeft(ROOM_LEFT) || isBehind))
    await repairAll(lane, { onProgress });
  if (!readOnly) builder.start();

  /** With it the store says whether it takes anything. */
  const writeClock = (): Promise<void> =>
    saveFacts([{ name: 'idKey', value: idKey }]).catch(() => {
      // A file that cannot be written is left as it is; what it holds is complete.
    });

  const redefine = createRedefine(inside, builder);
  return {
    now: tell,
    ingest: (input) => lane.ingest(input),
    seen: (messageIds, kind) => read(() => seenAmong(set, messageIds, kind)),
    completeness: (range) => measureCompleteness(store, range),
    ...createProfileCore(inside),
    ...createSurveyCore(inside),
    ...createDefinitionCore(inside, { redefine, progress: builder.progress }),
    ...createSegmentCore(inside),
    ...createRejectionCore(inside, start.refusedDropped),
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
    facts: {
      get: (name) => facts.get(`user.${name}`),
      async set(values) {
        const list = Object.entries(values).map(([name, value]) => ({ name: `user.${name}`, value }));
        await saveFacts(list);
        for (const { name, value } of list) facts.set(name, value);
      },
    },
    stats: () => ({
      accepted: lane.counts.accepted,
      duplicates: lane.counts.duplicates,
      rejected: lane.counts.rejected,
      rejectedDropped: start.refusedDropped + lane.counts.rejectedDropped,
      rejectedByCode: lane.counts.rejectedByCode,
      commits: lane.commits(),
      overloaded: lane.counts.overloaded,
      expired: expiry.count(),
      laneDepth: lane.depth(),
      waiting: lane.waiting(),
      writable: lane.writable() && store.damage() === null,
      damaged: store.damage() !== null,
    }),
    async overdue() {
      const until = tell();
      const people = await store.query({ ask: 'due-count', until });
      const next = people === 0 ? null : await store.query({ ask: 'next-due' });
      return { people, lagMs: next === null ? 0 : Math.max(0, until - next) };
    },
    async tick({ waitForBuilds } = { waitForBuilds: true }) {
      // Where nobody sends anything nobody else would find out that there is room again.
      if (!lane.writable()) await writeClock();
      await settleAll({ insist: true, signal: closing.signal });
      if (waitForBuilds) await builder.finished();
      else builder.goOn();
      // What is being built would not see what is let go of meanwhile.
      if (waitForBuilds || !book.building) await expiry.step();
    },
    async verify({ onProgress }) {
      if (readOnly) return verifyAll(copyWith(set.program), tell(), onProgress);
      return lane.task(async (_, at) => ({
        result: await verifyAll(copyWith(set.program), at, onProgress),
        changed: false,
      }));
    },
    repair: (options) => repairAll(lane, { ...options, signal: closing.signal }),
    endLongWork,
    async close() {
      endLongWork();
      await builder.finished().catch(() => {
        // Closing goes on; the build begins anew when the file is opened again.
      });
      await lane.drained();
      if (!readOnly) {
        // It has moved on since the last commit; the file must know how far.
        await writeClock();
      }
      await store.close();
    },
  };
}

/**
 * The clock from where the file left it, epoch ms. `isBehind`: the true one is earlier than the file says, and
 * what it holds must be computed anew.
 *
 * @throws ClockBehind
 */
function startClock(
  stored: number | null,
  { now, readOnly, repair }: { now: () => number; readOnly: boolean; repair: boolean },
): { tell: () => number; isBehind: boolean } {
  let clock = now();
  const isBehind = stored !== null && clock < stored - MAX_CLOCK_BEHIND_MS;
  if (stored !== null && isBehind && !readOnly && !repair) throw new ClockBehind(clock, stored);
  if (stored !== null && !(isBehind && repair)) clock = readOnly ? stored : Math.max(clock, stored);
  const tell = (): number => {
    clock = readOnly ? clock : Math.max(clock, now());
    return clock;
  };
  return { tell, isBehind };
}
