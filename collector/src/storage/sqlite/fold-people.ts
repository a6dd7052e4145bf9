// Folds leaves for slices of people, read at one snapshot a slice: what the thread beside the lane does.
// Invariant: a person's states come from exactly the messages that were theirs in that snapshot, in order, or
// there are none; no more than a page of each place where they are filed is held at a time.
import type { Database } from 'better-sqlite3';
import { foldOf, type LeafStates } from '../../engine/building.ts';
import type { EngineMessage } from '../../engine/filter.ts';
import { covers, type Range, rangesOfUsers, type Stretch, type Timeline } from '../../engine/identity.ts';
import { createSkim, pathsOf } from '../../engine/skim.ts';
import { compareStamps, type Stamp } from '../../engine/stamp.ts';
import { type JsonObject, type MessageType, SURVEY_EVENT } from '../../wire/message.ts';
import type { FoldAsk, FoldedPerson, FoldWork } from '../port.ts';
import { runsOf, typeCode, typeOf } from './columns.ts';
import { createTerms, type Terms } from './terms.ts';

/** People looked up at a time. */
const SLICE_PEOPLE = 100;
/** A slice ends after so much work: what it holds grows old meanwhile, and the log cannot begin anew. */
const SLICE_MS = 30;
/** Messages read at a time from one place: some 2 MB. */
const PAGE = 2_000;

type Tuple = [
  time: number,
  messageId: string,
  kind: number,
  type: number,
  event: number | null,
  body: string,
  expired: number,
];

interface Person {
  id: number;
  version: number;
  kind: number;
  root: number;
}

export interface PeopleFold {
  next(ask: FoldAsk): FoldedPerson[];
}

/** `mayGoOn` is asked before each page; where it throws, so does `next`. */
export function createPeopleFold(db: Database, work: FoldWork, mayGoOn: () => void): PeopleFold {
  const fold = foldOf(work.leaves);
  const places = createPlaces(db);
  const pages = createPages(db, createTerms(db), work);
  const unbuilt = db.prepare<[number, number, number, number, number], Person>(
    `SELECT p.id, p.version, n.kind, n.root FROM person AS p JOIN node AS n ON n.id = p.id
     WHERE p.id > ? AND p.built < ? AND p.id % ? = ? ORDER BY p.id LIMIT +?`,
  );

  function foldPerson(person: Person, { clock, from }: FoldAsk): LeafStates | null {
    if (person.root !== person.id) return null;
    const states: LeafStates = {};
    let isTooMuch = false;
    // What rows let go of is kept by the lane.
    const shed = (): void => {
      isTooMuch = true;
    };
    for (const page of pagesOf(places(person, { from, to: null }))) {
      const last = page[page.length - 1];
      // The lane knows whether their time has come.
      if (last && last.stamp[0] > clock) return null;
      for (const message of page) fold.add(states, message, clock, shed);
      if (isTooMuch) return null;
    }
    fold.rest(states, clock, shed);
    return isTooMuch ? null : states;
  }

  /** The messages filed in those ranges, in order. */
  function* pagesOf(ranges: readonly Range[]): Generator<EngineMessage[]> {
    let after = 0;
    let most = PAGE;
    for (;;) {
      mayGoOn();
      const read = ranges.map((range) => pages.read(range, after, most));
      // Where a place was cut short there may be more of that very instant.
      const until = Math.min(...read.map(({ cutAt }) => cutAt ?? Number.POSITIVE_INFINITY));
      const found = read.length === 1 ? (read[0] as Page).messages : read.flatMap(({ messages }) => messages);
      const page = until === Number.POSITIVE_INFINITY ? found : found.filter(({ stamp }) => stamp[0] < until);
      if (ranges.length > 1 || hasTies(page)) page.sort((a, b) => compareStamps(a.stamp, b.stamp));
      yield page;
      if (until === Number.POSITIVE_INFINITY) return;
      // All of a page dated the same: a longer one shows what comes after.
      most = until === after ? most * 2 : PAGE;
      after = until;
    }
  }

  return {
    next(ask) {
      pages.refresh();
      const end = performance.now() + SLICE_MS;
      const slice: FoldedPerson[] = [];
      const { generation, share } = work;
      for (const person of unbuilt.all(ask.after, generation, share.of, share.index, SLICE_PEOPLE)) {
        slice.push({ id: person.id, version: person.version, states: foldPerson(person, ask) });
        if (performance.now() > end) break;
      }
      return slice;
    },
  };
}

function hasTies(page: readonly EngineMessage[]): boolean {
  for (let i = 1; i < page.length; i++)
    if ((page[i] as EngineMessage).stamp[0] === (page[i - 1] as EngineMessage).stamp[0]) return true;
  return false;
}

/** Where a person's messages are filed: as the working set has it, from the snapshot. */
function createPlaces(db: Database): (person: Person, between: Stretch) => Range[] {
  const merged = db.prepare<[number], number>('SELECT id FROM node WHERE root = ? AND root <> id').pluck();
  const devices = db.prepare<[number], number>('SELECT device FROM pair WHERE user = ?').pluck();
  const timeline = db.prepare<[number], string>('SELECT runs FROM timeline WHERE device = ?').pluck();
  const timelineOf = (device: number): Timeline => runsOf(timeline.get(device));
  return ({ id, kind }, between) => {
    if (kind !== 0) return timelineOf(id).length === 0 ? [{ node: id, stretch: between }] : [];
    const users = new Set([id, ...merged.all(id)]);
    const linked = new Set([...users].flatMap((user) => devices.all(user)));
    return rangesOfUsers(
      users,
      [...linked].map((device) => [device, timelineOf(device)]),
      between,
    );
  };
}

interface Page {
  messages: EngineMessage[];
  /** Time of the last row read where there may be more, or null. */
  cutAt: number | null;
}

const parsed = (text: string): JsonObject => JSON.parse(text) as JsonObject; // stored by the lane

interface Pages {
  /** To be called at each new snapshot. */
  refresh(): void;
  /** Messages of one range dated from `after` on, `most` of them at most, by time. */
  read(range: Range, after: number, most: number): Page;
}

function createPages(db: Database, terms: Terms, { leaves, only }: FoldWork): Pages {
  const bodyOf = createSkim(foldOf(leaves).leaves.flatMap(pathsOf));
  const bodies = only?.bodies ?? true;
  const numberOf = db.prepare<[string], { id: number }>('SELECT id FROM term WHERE text = ?');
  let events: number[] = [];
  let statement = prepare();

  function prepare() {
    const types = (only?.types ?? []).map(typeCode);
    const filter = only ? `AND (type IN (${types.join()}) OR event IN (${events.join()}))` : '';
    return db
      .prepare<[number, number, number, number], Tuple>(
        `SELECT time, message_id, kind, type, event, ${bodies ? 'body' : "''"}, expired FROM message
         WHERE node = ? AND time BETWEEN ? AND ? ${filter} ORDER BY time LIMIT +?`,
      )
      .raw();
  }

  /** Made for every message: with methods on a prototype, not a closure each. */
  class StoredMessage implements EngineMessage {
    readonly stamp: Stamp;
    readonly type: MessageType;
    readonly event: string | null;
    /** No leaf asks for it. */
    readonly groupId = null;
    readonly expired: number;
    readonly #text: string;
    #body: JsonObject | undefined;

    constructor([time, messageId, kind, type, event, text, expired]: Tuple) {
      this.stamp = [time, messageId, kind === 0 ? 0 : 1];
      this.type = typeOf(type);
      this.event = event === null ? null : terms.text(event);
      this.expired = expired;
      this.#text = text;
    }

    body(): JsonObject {
      // Whether this event counts as an answer is written in it, whoever asks.
      const read = this.event === SURVEY_EVENT ? parsed : bodyOf;
      this.#body ??= read(this.#text);
      return this.#body;
    }
  }

  return {
    refresh() {
      // An event that nobody had sent before has no number until somebody does; and one whose only sender was
      // erased gets a new one, so that none is remembered here.
      const found = (only?.events ?? []).flatMap((name) => numberOf.get(name)?.id ?? []);
      if (found.join() === events.join()) return;
      events = found;
      statement = prepare();
    },
    read({ node, stretch }, after, most) {
      const { from, to } = stretch;
      const rows = statement.all(
        node,
        Math.max(after, from?.[0] ?? 0),
        to?.[0] ?? Number.MAX_SAFE_INTEGER,
        most,
      );
      const cutAt = rows.length === most ? (rows[most - 1] as Tuple)[0] : null;
      const messages = rows.map((row) => new StoredMessage(row));
      if (from === null && to === null) return { messages, cutAt };
      return { messages: messages.filter(({ stamp }) => covers(stretch, stamp)), cutAt };
    },
  };
}
