// Puts store, lane, definitions and reads together behind the one interface HTTP and the CLI use.
// Invariant: the clock is the largest `now()` seen; every answer is exact as of it.
import { randomBytes } from 'node:crypto';
import type { Program } from '../engine/program.ts';
import { leastExposed, traitsNeededBy } from '../engine/references.ts';
import { traitsOf } from '../engine/trait-bag.ts';
import { ERASED, type Store } from '../storage/port.ts';
import { openSqlite } from '../storage/sqlite/open.ts';
import {
  DEFINITION_KINDS,
  type Definition,
  type DefinitionKind,
  type Expose,
  type Fault,
  parseDefinitionFile,
  type SegmentDefinition,
  type TraitDefinition,
} from '../wire/definitions.ts';
import type { JsonValue } from '../wire/message.ts';
import { settledPerson } from './arrival.ts';
import { bucketOf } from './bucket.ts';
import { createBuilder } from './build.ts';
import { BadCursor, type Core, type DefinitionView, type RejectedView, type TakenOver } from './core.ts';
import { createDefinitionBook, isSame, own } from './definition-book.ts';
import { erasePerson, rejectionsNaming, upcomingOf, usersOf } from './erase.ts';
import { explain, partsOf, segmentsBehind } from './explain.ts';
import { exportProfile } from './export.ts';
import { createInside } from './inside.ts';
import { createLane, settleDue } from './lane.ts';
import { measureCompleteness, seenAmong } from './ledger.ts';
import { mergeUsers, setListed, unmergeUser } from './operations.ts';
import {
  decodeCursor,
  encodeCursor,
  findProfile,
  idsOf,
  iso,
  listEvents,
  listMembers,
  listProfiles,
  listTransitions,
  viewMe,
  viewProfile,
  viewTransition,
} from './profile-reads.ts';
import { repairAll, UNFINISHED } from './repair.ts';
import { createSurveyCore } from './survey-core.ts';
import { takeRecord } from './transfer-in.ts';
import { exportLines } from './transfer-out.ts';
import { previewSegment } from './trial.ts';
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
  const recompile = (): void => {
    const before = set.program;
    set.program = book.compile();
    const droppedLists = [...before.allLists].filter((list) => !set.program.allLists.has(list));
    const droppedLeaves = [...before.leaves.values()]
      .filter(({ id }) => !set.program.leaves.has(id))
      .map(({ id }) => id);
    if (droppedLists.length + droppedLeaves.length > 0) set.record({ droppedLists, droppedLeaves });
  };
  const closing = new AbortController();
  const settle = () => settleAll({ signal: closing.signal });
  const builder = createBuilder({
    lane,
    book,
    set,
    settle,
    onSwitch: recompile,
    besideFromPeople,
    onTrouble,
  });
  if (!readOnly && typeof storedKey !== 'string') await saveFacts([{ name: 'idKey', value: idKey }]);
  if (!readOnly && storedZone !== zone) await saveFacts([{ name: 'timezone', value: zone }]);
  if (!readOnly && (facts.get(UNFINISHED) === true || isBehind)) await repairAll(lane, { onProgress });
  if (!readOnly) builder.start();

  /** Changes the definitions in one task; back to how they were if it cannot be stored. */
  async function redefine<T>(change: () => T): Promise<T> {
    // Where the change is in force at once, everybody must be settled in its task: a wave would hold up messages.
    await settleAll();
    const result = await lane.task(async (working, at) => {
      const before = book.encode();
      const text = JSON.stringify(before);
      const surveys = Object.keys(book.wanted.surveys);
      try {
        const value = change();
        if (JSON.stringify(book.encode()) === text) return { result: value, changed: false };
        const abandoned = working.program.segments.filter((segment) => !segment.live);
        recompile();
        const dropped = abandoned
          .map(({ version }) => version)
          .filter((version) => working.program.indexOf(version) === undefined);
        if (dropped.length > 0) working.record({ droppedVersions: dropped });
        const droppedSurveys = surveys.filter((key) => !own(book.wanted.surveys, key));
        if (droppedSurveys.length > 0) working.record({ droppedSurveys });
        await putInForceIfBuilt(at);
        working.record({ facts: [{ name: 'definitions', value: book.encode() }] });
        await working.commit(at);
        return { result: value, changed: false };
      } catch (error) {
        book.restore(before);
        recompile();
        throw error;
      }
    });
    builder.start();
    return result;
  }

  /** Adds what is not defined here under its key; what is stays as it is. */
  async function addDefinitions(given: Record<DefinitionKind, unknown>): Promise<TakenOver> {
    const { traits, segments, surveys } = given;
    const parsed = parseDefinitionFile({ traits, segments, surveys });
    if (!parsed.ok) return { outcome: 'refused', note: faultText(parsed.faults) };
    const file = parsed.value;
    return redefine(() => {
      const missing = DEFINITION_KINDS.flatMap((kind) =>
        Object.entries<Definition>(file[kind] ?? {}).flatMap(([key, definition]) =>
          own<Definition>(book.wanted[kind], key) ? [] : [{ kind, key, definition }],
        ),
      );
      const differing = DEFINITION_KINDS.flatMap((kind) =>
        Object.entries<Definition>(file[kind] ?? {})
          .filter(
            ([key, definition]) => !isSame(own<Definition>(book.wanted[kind], key) ?? definition, definition),
          )
          .map(([key]) => `${kind}/${key}`),
      );
      const before = book.encode();
      for (const { kind, key, definition } of missing) book.put(kind, key, definition);
      const faults = missing.flatMap(({ kind, key, definition }) => book.faultsOf(kind, key, definition));
      if (faults.length > 0) {
        book.restore(before);
        return { outcome: 'refused', note: faultText(faults) };
      }
      const note = `kept as they are here: ${differing.join(', ')}`;
      const outcome = missing.length > 0 ? ('taken' as const) : ('known' as const);
      return { outcome, ...(differing.length > 0 ? { note } : {}) };
    });
  }

  /** Where the change needs nothing new (a deletion, say), it is in force at once. */
  async function putInForceIfBuilt(at: number): Promise<void> {
    const { program } = set;
    if (!book.building) return;
    if (
      program.buildingLeaves.size > 0 &&
      (await store.query({ ask: 'people', after: 0, limit: 1 })).length > 0
    )
      return;
    if (program.segments.some((segment) => segment.building)) {
      // A list that nobody is on yet is as good as built; so is anything while nobody is known.
      const people = await store.query({ ask: 'people', after: 0, limit: 1 });
      if (people.length > 0) return;
    }
    // What fell due since `settleAll`.
    while (await settleDue(set, at)) await set.commit(at);
    set.record({ swaps: { list: book.swaps(program), at } });
    book.finish();
    recompile();
  }

  const viewOf = async (kind: DefinitionKind, key: string): Promise<DefinitionView | null> => {
    const definition = own<Definition>(book.wanted[kind], key);
    if (!definition) return null;
    const ready = !book.building || isInForce(kind, key, definition);
    const view: DefinitionView = {
      key,
      definition,
      status: ready ? 'ready' : 'building',
      progress: ready ? 1 : builder.progress(),
    };
    if (kind === 'segments') {
      const version = set.program.live.get(key)?.version;
      view.size = version === undefined ? 0 : await store.query({ ask: 'member-count', version });
    }
    return view;
  };
  function isInForce(kind: DefinitionKind, key: string, definition: Definition): boolean {
    if (kind === 'segments')
      return set.program.live.get(key)?.version === set.program.wanted.get(key)?.version;
    if (kind === 'traits') return isTraitInForce(key, definition as TraitDefinition); // of its kind
    return isSame(own(book.active.surveys, key), definition);
  }

  /** A formula waits for what it is computed from. */
  function isTraitInForce(key: string, definition: TraitDefinition | undefined): boolean {
    if (!definition || !isSame(own<Definition>(book.active.traits, key), definition)) return false;
    return traitsNeededBy(definition).every((input) => isTraitInForce(input, own(book.wanted.traits, input)));
  }

  const exposeOf = {
    trait: (key: string): Expose => own(book.active.traits, key)?.expose ?? 'none',
    segment: (key: string): Expose => own(book.active.segments, key)?.expose ?? 'none',
    survey: exposeOfSurvey,
  };

  /**
   * A survey is offered by the gates in force: as far as it was and is exposed, and its segment is, whichever
   * is least. So nobody learns of a segment while a survey, or the segment, is being built anew.
   */
  function exposeOfSurvey(key: string): Expose {
    const versions = [own(book.active.surveys, key), own(book.wanted.surveys, key)];
    const segment = versions[0]?.target?.segment;
    const levels = versions.map((survey) => (survey ? (survey.expose ?? 'public') : 'none'));
    if (segment !== undefined)
      for (const set of [book.active, book.wanted]) levels.push(own(set.segments, segment)?.expose ?? 'none');
    return leastExposed(levels);
  }

  const core: Core = {
    now: tell,
    ingest: (input) => lane.ingest(input),
    seen: (messageIds, kind) => read(() => seenAmong(set, messageIds, kind)),
    completeness: (range) => measureCompleteness(store, range),
    me: (who) => read((at) => viewMe(set, who, exposeOf, at)),
    ...createSurveyCore(inside),
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
    async setListed(key, ref, on) {
      return operate(
        async (at) => {
          const definition = own(book.wanted.segments, key);
          if (!definition) return 'unknown_segment';
          const list = set.program.lists.get(key);
          if (!('static' in definition) || list === undefined) return 'not_static';
          return setListed(set, list, ref, on, at);
        },
        (result) => result === 'done',
      );
    },
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
    async definitions(kind) {
      await settleAll();
      const keys = Object.keys(book.wanted[kind]).sort();
      const views = await Promise.all(keys.map((key) => viewOf(kind, key)));
      return views.filter((view) => view !== null);
    },
    async definition(kind, key) {
      if (kind === 'segments') await settleAll();
      return viewOf(kind, key);
    },
    async putDefinition(kind, key, definition) {
      const { faults, created } = await redefine(() => {
        const before = own<Definition>(book.wanted[kind], key);
        const found = book.faultsOf(kind, key, definition);
        if (found.length === 0 && !isSame(before, definition)) book.put(kind, key, definition);
        return { faults: found, created: before === undefined };
      });
      if (faults.length > 0) return { ok: false, faults };
      const view = await viewOf(kind, key);
      if (!view) throw new Error(`the definition ${key} was deleted while it was being put`);
      return { ok: true, created, view };
    },
    async deleteDefinition(kind, key) {
      return redefine(() => {
        if (!own<Definition>(book.wanted[kind], key)) return 'unknown';
        const needed = book.neededBy(kind, key);
        if (needed.length > 0) return { neededBy: needed };
        book.remove(kind, key);
        return 'deleted';
      });
    },
    async applyFile(file) {
      return redefine(() => {
        const faults = book.faultsOfFile(file);
        return faults.length > 0
          ? { ok: false as const, faults }
          : { ok: true as const, ...book.applyFile(file) };
      });
    },
    async preview(definition, { sample, signal }) {
      const faults = book.trialFaults(definition);
      if (faults.length > 0) return { ok: false, faults };
      const copy = copyWith(book.trial({ [TRIAL]: definition }));
      return { ok: true, view: await previewSegment(lane, copy, TRIAL, { sample, signal }) };
    },
    why: (ref, key) =>
      read(async (at) => {
        if (!own(book.wanted.segments, key)) return 'unknown_segment';
        const { segments } = book.active;
        if (!own(segments, key)) return 'building';
        const id = await findProfile(set, ref);
        const person = id === null ? null : await settledPerson(set, id, at);
        if (id === null || !person) return 'unknown_profile';
        const parts: Record<string, SegmentDefinition> = {};
        for (const [name, of] of segmentsBehind(segments, key)) Object.assign(parts, partsOf(name, of));
        // What was settled is written down first: the copy reads it from the store.
        await writeIfPossible(at);
        const answer = await explain(copyWith(book.trial(parts)), id, key, { segments, bucketOf }, at);
        if (!answer) return 'unknown_profile';
        const { publicId, userId } = await idsOf(set, id);
        const version = set.program.live.get(key)?.version ?? -1;
        const since = (await set.memberships(id)).get(version);
        return {
          segment: key,
          profileId: publicId,
          userId,
          ...answer,
          since: answer.member && since !== undefined ? iso(since) : null,
          at: iso(at),
        };
      }),
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
      if (record.type === 'tidemark.definitions') return addDefinitions(record);
      const taken = await operate(
        (at) => takeRecord(set, record, { idKey, zone }, at),
        ({ outcome }) => outcome === 'taken',
      );
      if (/erased|used-ids|suppressed/.test(record.type)) erased.any = true;
      if (record.type === 'tidemark.suppressed') erased.suppressed = true;
      return taken;
    },
    async segmentProfiles(key, page) {
      await settleAll();
      if (!own(book.wanted.segments, key)) return null;
      const version = liveVersion(key);
      if (version === null) return { data: [], next: null };
      return read(() => listMembers(set, version, page));
    },
    async segmentTransitions(key, { limit, after }) {
      await settleAll();
      if (!own(book.wanted.segments, key)) return null;
      const rows = await store.query({ ask: 'segment-transitions', segment: key, after, limit: limit + 1 });
      const data = rows.slice(0, limit).map(viewTransition);
      return { data, next: rows.length > limit ? (data[data.length - 1]?.seq ?? null) : null };
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

/** Key of a segment that is only tried out: no definition can have it. */
const TRIAL = '?';

const faultText = (faults: readonly Fault[]): string =>
  faults.map(({ pointer, message }) => `${pointer} ${message}`).join('; ');

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
