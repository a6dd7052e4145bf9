// The store's `read`: everything a group of messages needs, by key.
// Invariant: only point and range look-ups on indexes, so a read's cost grows with what it returns.
import type { Database } from 'better-sqlite3';
import type { Pair } from '../../engine/identity.ts';
import { compareStamps, type Stamp } from '../../engine/stamp.ts';
import {
  type AliasRow,
  type DecisionRow,
  type GroupChange,
  type HistoryRange,
  type HistoryRow,
  type LinkRange,
  type MessageFilter,
  type NodeRow,
  type PersonRow,
  type ReadKeys,
  type ReadResult,
  type Store,
  seenKey,
} from '../port.ts';
import {
  distinctColumns,
  historyOfTuple,
  kindCode,
  leafColumn,
  MESSAGE_COLUMNS,
  type MessageTuple,
  runsOf,
  statusOf,
  textStamp,
  typeCode,
} from './columns.ts';
import type { Terms } from './terms.ts';

interface Node {
  id: number;
  kind: number;
  ext: string;
  public_id: string;
  root: number;
}
interface AliasColumns {
  user: number;
  device: number;
  previous_user: number | null;
  time: number;
  message_id: string;
  kind: number;
  trusted: number;
  seq: number;
  voided: number;
}

interface PairColumns {
  user: number;
  device: number;
  ext: string;
  trusted: string | null;
  plain: string | null;
}

export const NODE_COLUMNS = 'id, kind, ext, public_id, root';

export function nodeRow(row: Node): NodeRow {
  return {
    id: row.id,
    kind: row.kind === 0 ? 'user' : 'device',
    ext: row.ext,
    publicId: row.public_id,
    root: row.root,
  };
}

function aliasRow(row: AliasColumns): AliasRow {
  return {
    user: row.user,
    device: row.device,
    previousUser: row.previous_user,
    stamp: [row.time, row.message_id, row.kind === 0 ? 0 : 1],
    trusted: row.trusted === 1,
    seq: row.seq,
    voided: row.voided === 1,
  };
}

/** Each pair, also with a device that only a damaged file does not have. */
const OF_PAIR = `SELECT user, device, coalesce(ext, '') AS ext, trusted, plain
  FROM pair LEFT JOIN node ON node.id = device`;

function pairRow({ user, device, ext, trusted, plain }: PairColumns): Pair {
  return { user, device, name: ext, trusted: textStamp(trusted), plain: textStamp(plain) };
}

const BARE_COLUMNS = MESSAGE_COLUMNS.replace(', body', ", '' AS body");
const OF_FILTER =
  'AND (type IN (SELECT value FROM json_each(?)) OR event IN (SELECT value FROM json_each(?)))';
/** By `HistoryRange.kept`. */
const OF_KEPT = { still: 'AND expired = 0', 'no longer': 'AND expired > 0' };

interface StampColumns {
  time: number;
  message_id: string;
  kind: number;
}

/** Bounds are compared by time in SQL, and by the whole stamp here; for a page of a range, all in SQL: see `pageIn`. */
const OPEN_END = Number.MAX_SAFE_INTEGER;
const BEGINNING: Stamp = [0, '', 0];
const END: Stamp = [OPEN_END, '', 0];
/** SQLite's LIMIT for as many as there are. */
const ALL = -1;

/** Prepares each statement once, when it is first wanted. */
function prepared<A extends readonly string[], S>(prepare: (...parts: A) => S): (...parts: A) => S {
  const known = new Map<string, S>();
  return (...parts) => {
    const name = parts.join();
    const statement = known.get(name) ?? prepare(...parts);
    known.set(name, statement);
    return statement;
  };
}

export function createRead(db: Database, terms: Terms): Store['read'] {
  const seen = db.prepare<[string, number]>('SELECT 1 FROM message WHERE message_id = ? AND kind = ?');
  const node = db.prepare<[string, number], Node>(
    `SELECT ${NODE_COLUMNS} FROM node WHERE ext = ? AND kind = ?`,
  );
  const nodeById = db.prepare<[number], Node>(`SELECT ${NODE_COLUMNS} FROM node WHERE id = ?`);
  const nodeByPublicId = db.prepare<[string], Node>(`SELECT ${NODE_COLUMNS} FROM node WHERE public_id = ?`);
  const circle = db.prepare<[number], Node>(`SELECT ${NODE_COLUMNS} FROM node WHERE root = ? AND root <> id`);
  const person = db.prepare<[number], PersonRow>(
    'SELECT id, version, due, built, state AS text FROM person WHERE id = ?',
  );
  const timeline = db.prepare<[number], { runs: string }>('SELECT runs FROM timeline WHERE device = ?');
  const pairs = db.prepare<[number], PairColumns>(`${OF_PAIR} WHERE user = ?`);
  const devicePairs = db.prepare<[number], PairColumns>(`${OF_PAIR} WHERE device = ?`);
  const aliases = db.prepare<[number, number], AliasColumns>(
    'SELECT * FROM alias WHERE user = ? UNION SELECT * FROM alias WHERE previous_user = ?',
  );
  // Parameters: node, first and last time, most rows (-1: all); the filtered ones: types and events before that.
  const all = (order: 'ASC' | 'DESC') =>
    db
      .prepare<[number, number, number, number], MessageTuple>(
        `SELECT ${MESSAGE_COLUMNS} FROM message WHERE node = ? AND time BETWEEN ? AND ?
         ORDER BY time ${order}, message_id ${order}, kind ${order} LIMIT +?`,
      )
      .raw();
  const whole = { ascending: all('ASC'), descending: all('DESC') };
  const byKept = (order: 'ASC' | 'DESC', is: '=' | '>') =>
    db
      .prepare<[number, number, number, number], MessageTuple>(
        `SELECT ${MESSAGE_COLUMNS} FROM message WHERE node = ? AND time BETWEEN ? AND ? AND expired ${is} 0
         ORDER BY time ${order}, message_id ${order}, kind ${order} LIMIT +?`,
      )
      .raw();
  const ofKept = {
    still: { ascending: byKept('ASC', '='), descending: byKept('DESC', '=') },
    'no longer': { ascending: byKept('ASC', '>'), descending: byKept('DESC', '>') },
  };
  // The same between two places, of which one lies within an instant: its rows are put in order by their places alone.
  const inside = prepared((order: 'ASC' | 'DESC', columns: string, also: string) =>
    db
      .prepare<(string | number)[], MessageTuple>(
        `SELECT ${columns} FROM message WHERE seq IN (
           SELECT seq FROM message WHERE node = ? AND time BETWEEN ? AND ?
           AND (time > ? OR (message_id, kind) >= (?, ?)) AND (time < ? OR (message_id, kind) < (?, ?)) ${also}
           ORDER BY time ${order}, message_id ${order}, kind ${order} LIMIT +?)
         ORDER BY time ${order}, message_id ${order}, kind ${order}`,
      )
      .raw(),
  );
  const filtered = (order: 'ASC' | 'DESC', bodies: boolean) =>
    db
      .prepare<[number, number, number, string, string, number], MessageTuple>(
        `SELECT ${bodies ? MESSAGE_COLUMNS : BARE_COLUMNS} FROM message
         WHERE node = ? AND time BETWEEN ? AND ?
         ${OF_FILTER}
         ORDER BY time ${order}, message_id ${order}, kind ${order} LIMIT +?`,
      )
      .raw();
  const few = {
    ascending: { whole: filtered('ASC', true), bare: filtered('ASC', false) },
    descending: { whole: filtered('DESC', true), bare: filtered('DESC', false) },
  };
  const messageLinks = db.prepare<[number, number, number, number], StampColumns>(
    `SELECT time, message_id, kind FROM message
     WHERE node = ? AND device = ? AND time BETWEEN ? AND ? ORDER BY time, message_id, kind`,
  );
  const aliasLinks = db.prepare<[number, number, number, number], StampColumns>(
    `SELECT time, message_id, kind FROM alias
     WHERE device = ? AND user = ? AND time BETWEEN ? AND ? ORDER BY time, message_id, kind`,
  );
  const group = db.prepare<[string], { traits: string; revision: number }>(
    'SELECT traits, revision FROM grp WHERE id = ?',
  );
  const groupLog = db.prepare<[string], GroupChange>(
    'SELECT revision, at, traits AS text FROM group_log WHERE grp = ? ORDER BY revision',
  );
  const listed = db.prepare<[number], { node: number; list: number }>(
    'SELECT node, list FROM listed WHERE node = ?',
  );
  const unmerged = db.prepare<[number], { seq: number | null }>(
    'SELECT max(seq) AS seq FROM operation WHERE user = ? AND kind = 1',
  );
  const distinct = db.prepare<[number, number, string, number], { n: number }>(
    'SELECT n FROM distinct_value WHERE person = ? AND leaf = ? AND text = ? AND is_text = ?',
  );
  const shed = db.prepare<[number, number, number], { no: number; body: string; ids: string }>(
    'SELECT no, body, ids FROM shed_match WHERE person = ? AND leaf = ? AND no >= ? ORDER BY no',
  );
  const gone = db.prepare<[string, number]>('SELECT 1 FROM gone WHERE hash = ? AND kind = ?');
  const suppressed = db.prepare<[string]>('SELECT 1 FROM suppressed WHERE hash = ?');
  const statuses = db.prepare<[string, number, string], { status: number }>(
    'SELECT DISTINCT status FROM response WHERE survey = ? AND node = ? AND submission = ?',
  );
  const decision = db.prepare<[string, number], DecisionRow>(
    'SELECT survey, person, at, text FROM decision WHERE survey = ? AND person = ?',
  );

  function rowsIn(
    { node: id, order = 'ascending', only, kept }: HistoryRange,
    from: number,
    to: number,
    most: number,
  ): MessageTuple[] {
    if (kept) return ofKept[kept][order].all(id, from, to, most);
    if (!only) return whole[order].all(id, from, to, most);
    const statement = few[order][only.bodies ? 'whole' : 'bare'];
    return statement.all(id, from, to, ...filterOf(only), most);
  }

  /** The values of `OF_FILTER`. */
  function filterOf({ types, events }: MessageFilter): [types: string, events: string] {
    const known = events.map((name) => terms.find(name)).filter((term) => term !== null);
    return [JSON.stringify(types.map(typeCode)), JSON.stringify(known)];
  }

  /** Some of the rows between two places. Equal times may be many: whoever asks page by page gets no further than this. */
  function pageIn(range: HistoryRange, limit: number): MessageTuple[] {
    const { node: id, order = 'ascending', from, to, until, only, kept } = range;
    const also = only ? OF_FILTER : kept ? OF_KEPT[kept] : '';
    const columns = only?.bodies === false ? BARE_COLUMNS : MESSAGE_COLUMNS;
    const statement = inside(order === 'ascending' ? 'ASC' : 'DESC', columns, also);
    const [first, last] = [from ?? BEGINNING, to ?? END];
    return statement.all(
      ...[id, first[0], Math.min(until, last[0]), first[0], first[1], first[2]],
      ...[last[0], last[1], last[2], ...(only ? filterOf(only) : []), limit],
    );
  }

  function history(range: HistoryRange): HistoryRow[] {
    const { from, to, until, limit } = range;
    const isWithin = (place: Stamp | null): boolean => place !== null && (place[1] !== '' || place[2] !== 0);
    if (limit !== undefined && (isWithin(from) || isWithin(to)))
      return pageIn(range, limit).map((row) => historyOfTuple(row, terms));
    const last = to === null ? OPEN_END : isWithin(to) ? to[0] : to[0] - 1;
    return rowsIn(range, from === null ? 0 : from[0], Math.min(until, last), limit ?? ALL)
      .map((row) => historyOfTuple(row, terms))
      .filter(
        ({ stamp }) =>
          (from === null || compareStamps(stamp, from) >= 0) && (to === null || compareStamps(stamp, to) < 0),
      );
  }

  function links({ user, device, after, before, until, limit }: LinkRange & { limit: number }): Stamp[] {
    const last = Math.min(until, before === null ? OPEN_END : before[0]);
    const inside = (stamp: Stamp): boolean =>
      compareStamps(stamp, after) > 0 && (before === null || compareStamps(stamp, before) < 0);
    /** The first of rows that come in order. */
    const firstOf = (rows: Iterable<StampColumns>): Stamp[] => {
      const found: Stamp[] = [];
      for (const row of rows) {
        const stamp: Stamp = [row.time, row.message_id, row.kind === 0 ? 0 : 1];
        if (inside(stamp)) found.push(stamp);
        if (found.length === limit) break;
      }
      return found;
    };
    const ofMessages = firstOf(messageLinks.iterate(user, device, after[0], last));
    const ofAliases = firstOf(aliasLinks.iterate(device, user, after[0], last));
    if (ofAliases.length === 0) return ofMessages;
    return [...ofMessages, ...ofAliases].sort(compareStamps).slice(0, limit);
  }

  function readAll(keys: ReadKeys): ReadResult {
    const result: ReadResult = {
      seen: new Set(),
      nodes: [],
      persons: [],
      timelines: new Map(),
      pairs: [],
      merges: [],
      history: (keys.history ?? []).map(history),
      links: (keys.links ?? []).map(links),
      groups: new Map(),
      listed: (keys.listed ?? []).flatMap((node) => listed.all(node)),
      unmerged: new Map(),
      distinct: (keys.distinct ?? []).map(
        ({ key, ...of }) => distinct.get(of.person, leafColumn(of), ...distinctColumns(key))?.n ?? 0,
      ),
      shed: (keys.shed ?? []).map(({ person: id, leaf, from = 0 }) => shed.all(id, leaf, from)),
      gone: new Set(),
      suppressed: new Set((keys.suppressed ?? []).filter((hash) => suppressed.get(hash))),
      submissions: (keys.submissions ?? []).map(
        ({ survey, node: id, submission }) =>
          new Set(statuses.all(survey, id, submission).map(({ status }) => statusOf(status))),
      ),
      decisions: (keys.decisions ?? []).flatMap(({ survey, person: id }) => decision.get(survey, id) ?? []),
    };
    for (const user of keys.unmerged ?? []) {
      const seq = unmerged.get(user)?.seq;
      if (seq !== null && seq !== undefined) result.unmerged.set(user, seq);
    }
    for (const { hash, kind } of keys.gone ?? [])
      if (gone.get(hash, kindCode(kind))) result.gone.add(`${kind} ${hash}`);
    for (const key of keys.seen ?? [])
      if (seen.get(key.messageId, kindCode(key.kind))) result.seen.add(seenKey(key));
    for (const { ext, kind } of keys.nodes ?? []) {
      const row = node.get(ext, kind === 'user' ? 0 : 1);
      if (row) result.nodes.push(nodeRow(row));
    }
    for (const id of keys.nodeIds ?? []) {
      const row = nodeById.get(id);
      if (row) result.nodes.push(nodeRow(row));
    }
    for (const id of keys.publicIds ?? []) {
      const row = nodeByPublicId.get(id);
      if (row) result.nodes.push(nodeRow(row));
    }
    for (const root of keys.circles ?? []) {
      const own = nodeById.get(root);
      if (own) result.nodes.push(nodeRow(own));
      for (const row of circle.all(root)) result.nodes.push(nodeRow(row));
    }
    for (const id of keys.persons ?? []) {
      const row = person.get(id);
      if (row) result.persons.push(row);
    }
    for (const device of keys.timelines ?? [])
      result.timelines.set(device, runsOf(timeline.get(device)?.runs));
    for (const user of keys.pairs ?? []) result.pairs.push(...pairs.all(user).map(pairRow));
    for (const device of keys.devicePairs ?? []) result.pairs.push(...devicePairs.all(device).map(pairRow));
    for (const user of keys.merges ?? []) result.merges.push(...aliases.all(user, user).map(aliasRow));
    for (const id of keys.groups ?? []) {
      const row = group.get(id);
      if (row) result.groups.set(id, { id, text: row.traits, revision: row.revision, log: groupLog.all(id) });
    }
    return result;
  }

  // One look at the file for all that a slice of messages needs: each by itself locks and unlocks the log's index.
  const readAtOnce = db.transaction(readAll);
  return async (keys) => {
    const { seen = [], nodes = [], persons = [] } = keys;
    const isMuch = seen.length + nodes.length + persons.length > 1;
    return isMuch && !db.inTransaction ? readAtOnce(keys) : readAll(keys);
  };
}
