// The store's `commit`: one transaction with everything a group of messages changed.
// Invariant: all or nothing; a person whose version moved on makes the whole commit stale.
import type { Database, RunResult } from 'better-sqlite3';
import type { RefusedMessage } from '../../wire/accepted.ts';
import {
  type Changes,
  type Committed,
  MAX_WAITING_CHANGES,
  type Rebuilt,
  type Store,
  type Swap,
} from '../port.ts';
import {
  DROP_PENDING,
  distinctColumns,
  kindCode,
  leafColumn,
  stampText,
  statusCode,
  textOfRuns,
  typeCode,
  windowColumns,
} from './columns.ts';
import { createErase } from './erase.ts';
import type { Terms } from './terms.ts';

/** Refused messages kept at most: enough to look into, not enough to fill a disk. */
export const MAX_REFUSED_ROWS = 100_000;
export const MAX_REFUSED_BYTES = 256 * 1024 * 1024;

class Stale extends Error {
  override readonly name = 'Stale';
}

export function createCommit(db: Database, terms: Terms): Store['commit'] {
  const setFact = db.prepare(
    'INSERT INTO fact VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
  );
  const addNode = db.prepare('INSERT INTO node (id, kind, ext, public_id, root) VALUES (?, ?, ?, ?, ?)');
  const setRoot = db.prepare('UPDATE node SET root = ? WHERE id = ?');
  const renameNode = db.prepare('UPDATE node SET ext = ? WHERE id = ?');
  const addMessage = db.prepare(
    `INSERT INTO message (seq, node, device, time, message_id, kind, trusted, type, event, received_at, grp, body)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const expire = db.prepare('UPDATE message SET body = ?, expired = ? WHERE seq = ?');
  const addResponse = db.prepare(
    'INSERT INTO response (seq, survey, node, submission, status) VALUES (?, ?, ?, ?, ?)',
  );
  const clearResponses = db.prepare('DELETE FROM response WHERE seq > ? AND seq <= ?');
  const setDecision = db.prepare(
    'INSERT OR REPLACE INTO decision (survey, person, at, text) VALUES (?, ?, ?, ?)',
  );
  const dropDecisions = db.prepare('DELETE FROM decision WHERE person = ?');
  const dropSurvey = db.prepare('DELETE FROM decision WHERE survey = ?');
  const addPending = db.prepare('INSERT INTO pending (time, message_id, kind, seq) VALUES (?, ?, ?, ?)');
  const dropPending = db.prepare(DROP_PENDING);
  const setPair = db.prepare(
    'INSERT OR REPLACE INTO pair (user, device, trusted, plain) VALUES (?, ?, ?, ?)',
  );
  const setTimeline = db.prepare('INSERT OR REPLACE INTO timeline (device, runs) VALUES (?, ?)');
  const addAlias = db.prepare(
    `INSERT INTO alias (user, device, previous_user, time, message_id, kind, trusted, seq, voided)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  // A state may come as bytes, which are text all the same.
  const addPerson = db.prepare(
    `INSERT INTO person (id, version, due, built, email, state, anonymous) VALUES (?, 1, ?, ?, ?, CAST(? AS TEXT), ?)
     ON CONFLICT DO NOTHING`,
  );
  const setPerson = db.prepare(
    `UPDATE person SET version = version + 1, due = ?, built = ?, email = ?, state = CAST(? AS TEXT)
     WHERE id = ? AND version = ?`,
  );
  const setAnonymous = db.prepare('UPDATE person SET anonymous = ? WHERE id = ?');
  // A column that is set is taken out of its index and put back, whether it changed or not.
  const setState = db.prepare(
    'UPDATE person SET version = version + 1, built = ?, state = CAST(? AS TEXT) WHERE id = ? AND version = ?',
  );
  const dropPerson = db.prepare('DELETE FROM person WHERE id = ? AND version = ?');
  const enter = db.prepare('INSERT OR REPLACE INTO membership (version, person, since) VALUES (?, ?, ?)');
  const leave = db.prepare('DELETE FROM membership WHERE version = ? AND person = ?');
  const log = db.prepare(
    'INSERT INTO transition (segment, person, entered, at, cause, erased) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const setGroup = db.prepare('INSERT OR REPLACE INTO grp (id, traits, revision) VALUES (?, ?, ?)');
  const dropGroup = db.prepare('DELETE FROM grp WHERE id = ?');
  const logGroup = db.prepare(
    'INSERT OR REPLACE INTO group_log (grp, revision, at, traits) VALUES (?, ?, ?, ?)',
  );
  // What is behind the first one and before the newest, as in memory.
  const shortenLog = db.prepare(
    `DELETE FROM group_log WHERE grp = @group
     AND revision > (SELECT min(revision) FROM group_log WHERE grp = @group)
     AND revision < (SELECT revision FROM group_log WHERE grp = @group ORDER BY revision DESC LIMIT 1 OFFSET @newest)`,
  );
  const settleGroup = db.prepare('DELETE FROM group_log WHERE grp = ?');
  const addMember = db.prepare('INSERT OR IGNORE INTO group_member (grp, person) VALUES (?, ?)');
  const dropMember = db.prepare('DELETE FROM group_member WHERE grp = ? AND person = ?');
  const clearMembers = db.prepare('DELETE FROM group_member WHERE person = ?');
  const addOperation = db.prepare(
    'INSERT INTO operation (id, kind, user, into_user, at, seq) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const voidMerges = db.prepare('UPDATE alias SET voided = 1 WHERE previous_user = ?');
  const addListed = db.prepare('INSERT OR IGNORE INTO listed (list, node) VALUES (?, ?)');
  const dropListed = db.prepare('DELETE FROM listed WHERE list = ? AND node = ?');
  const dropList = db.prepare('DELETE FROM listed WHERE list = ?');
  const clearDistinct = db.prepare('DELETE FROM distinct_value WHERE person = ?');
  const clearShed = db.prepare('DELETE FROM shed_match WHERE person = ?');
  const setDistinct = db.prepare(
    `INSERT INTO distinct_value (person, leaf, text, is_text, n) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET n = excluded.n`,
  );
  const dropDistinct = db.prepare(
    'DELETE FROM distinct_value WHERE person = ? AND leaf = ? AND text = ? AND is_text = ?',
  );
  const clearDistinctOf = db.prepare('DELETE FROM distinct_value WHERE person = ? AND leaf = ?');
  const setShed = db.prepare(
    'INSERT OR REPLACE INTO shed_match (person, leaf, no, body, ids) VALUES (?, ?, ?, ?, ?)',
  );
  const dropShed = db.prepare('DELETE FROM shed_match WHERE person = ? AND leaf = ? AND no = ?');
  const dropValuesOf = db.prepare('DELETE FROM distinct_value WHERE leaf = ? OR leaf BETWEEN ? AND ?');
  const dropMatchesOf = db.prepare('DELETE FROM shed_match WHERE leaf = ?');
  const erase = createErase(db, terms);
  const useUp = db.prepare('INSERT OR IGNORE INTO gone (hash, kind) VALUES (?, ?)');
  const refuseAgain = db.prepare(
    `UPDATE refused SET received_at = ?, code = ?, reason = ?, sent_at = ?, body = ?
     WHERE message_id = ? AND kind = ?`,
  );
  const oldRefused = db.prepare<[string, number], { bytes: number }>(
    'SELECT length(CAST(body AS BLOB)) AS bytes FROM refused WHERE message_id = ? AND kind = ?',
  );
  const refuse = db.prepare(
    'INSERT INTO refused (received_at, code, reason, message_id, kind, sent_at, body) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const dropRefused = db.prepare<[number], { bytes: number }>(
    'DELETE FROM refused WHERE id = ? RETURNING length(CAST(body AS BLOB)) AS bytes',
  );
  const dropOldestRefused = db.prepare<[], { bytes: number }>(
    `DELETE FROM refused WHERE id = (SELECT id FROM refused ORDER BY kind, id LIMIT 1)
     RETURNING length(CAST(body AS BLOB)) AS bytes`,
  );
  const refusedSize = db.prepare<[], { rows: number; bytes: number }>(
    'SELECT count(*) AS rows, coalesce(sum(length(CAST(body AS BLOB))), 0) AS bytes FROM refused',
  );
  const countDropped = db.prepare(
    "INSERT INTO fact VALUES ('refusedDropped', ?) ON CONFLICT DO UPDATE SET value = CAST(value AS INTEGER) + excluded.value",
  );
  let kept: { rows: number; bytes: number } | undefined;

  function keepRefused(refused: readonly RefusedMessage[]): number {
    if (refused.length === 0) return 0;
    kept ??= refusedSize.get() ?? { rows: 0, bytes: 0 };
    for (const item of refused) {
      const kind = kindCode(item.kind);
      const sentAt = item.sentAt === null ? null : JSON.stringify(item.sentAt);
      const bytes = Buffer.byteLength(item.text);
      const old = item.messageId === null ? undefined : oldRefused.get(item.messageId, kind);
      if (old) {
        refuseAgain.run(item.receivedAt, item.code, item.reason, sentAt, item.text, item.messageId, kind);
        kept.bytes += bytes - old.bytes;
        continue;
      }
      refuse.run(item.receivedAt, item.code, item.reason, item.messageId, kind, sentAt, item.text);
      kept = { rows: kept.rows + 1, bytes: kept.bytes + bytes };
    }
    let dropped = 0;
    while (kept.rows > MAX_REFUSED_ROWS || kept.bytes > MAX_REFUSED_BYTES) {
      const gone = dropOldestRefused.get();
      if (!gone) break;
      kept = { rows: kept.rows - 1, bytes: kept.bytes - gone.bytes };
      dropped++;
    }
    if (dropped > 0) countDropped.run(dropped);
    return dropped;
  }

  const swapLeft = db.prepare(
    `INSERT INTO transition (segment, person, entered, at, cause)
     SELECT @segment, person, 0, @at, @cause FROM membership AS old WHERE version = @from
     AND NOT EXISTS (SELECT 1 FROM membership WHERE version = @to AND person = old.person)`,
  );
  const swapEntered = db.prepare(
    `INSERT INTO transition (segment, person, entered, at, cause)
     SELECT @segment, person, 1, @at, @cause FROM membership AS new WHERE version = @to
     AND NOT EXISTS (SELECT 1 FROM membership WHERE version = @from AND person = new.person)`,
  );
  const swapSince = db.prepare(
    `UPDATE membership SET since = coalesce(
       (SELECT since FROM membership AS old WHERE old.version = @from AND old.person = membership.person), @at)
     WHERE version = @to`,
  );
  const swapDrop = db.prepare('DELETE FROM membership WHERE version = @from');

  /** Versions are positive; -1 stands for none. */
  function swap({ key, from, to }: Swap, at: number): void {
    const versions = { from: from ?? -1, to: to ?? -1 };
    const logged = {
      ...versions,
      at,
      segment: terms.intern(key),
      cause: JSON.stringify({ definition: key }),
    };
    swapLeft.run(logged);
    swapEntered.run(logged);
    swapSince.run({ ...versions, at });
    swapDrop.run({ from: versions.from });
  }

  const dropGroupLogs = db.prepare('DELETE FROM group_log WHERE grp NOT IN (SELECT id FROM grp)');
  const repend = db.prepare(
    'INSERT INTO pending (time, message_id, kind, seq) SELECT time, message_id, kind, seq FROM message WHERE time > ?',
  );

  /**
   * Clears what was computed about identities and groups; `write` then puts the new in its place. What is kept
   * beside people's rows stays until each row is written anew, but for what belongs to nobody.
   */
  function clearFor({ pendingAfter }: Rebuilt): void {
    db.exec(`DELETE FROM pending; DELETE FROM pair; DELETE FROM timeline; DELETE FROM alias WHERE seq <> 0;
      DELETE FROM grp;
      DELETE FROM group_member WHERE person NOT IN (SELECT id FROM node);
      DELETE FROM distinct_value WHERE person NOT IN (SELECT id FROM node);
      DELETE FROM shed_match WHERE person NOT IN (SELECT id FROM node);`);
    repend.run(pendingAfter);
  }

  function write(changes: Changes): number {
    if (changes.rebuilt) {
      const { pendingAfter: _, ...rebuilt } = changes.rebuilt;
      clearFor(changes.rebuilt);
      write({ ...rebuilt, clock: changes.clock });
      dropGroupLogs.run();
    }
    setFact.run('clock', String(changes.clock));
    for (const { id, kind, ext, publicId, root } of changes.nodes ?? [])
      addNode.run(id, kind === 'user' ? 0 : 1, ext, publicId, root);
    for (const { node, root } of changes.roots ?? []) setRoot.run(root, node);
    for (const { id, ext } of changes.renamedNodes ?? []) renameNode.run(ext, id);
    for (const { message, seq, node, device, pending, response } of changes.messages ?? []) {
      const event = message.type === 'track' && message.name !== null ? terms.intern(message.name) : null;
      addMessage.run(
        seq,
        node,
        device,
        message.time,
        message.messageId,
        kindCode(message.kind),
        message.trusted ? 1 : 0,
        typeCode(message.type),
        event,
        message.receivedAt,
        message.groupId,
        message.text,
      );
      if (pending) addPending.run(message.time, message.messageId, kindCode(message.kind), seq);
      if (response)
        addResponse.run(seq, response.survey, node, response.submission, statusCode(response.status));
    }
    if (changes.responses) {
      const { after, to, rows } = changes.responses;
      clearResponses.run(after, to);
      for (const { seq, survey, node, submission, status } of rows)
        addResponse.run(seq, survey, node, submission, statusCode(status));
    }
    for (const { seq, number, text } of changes.expired ?? []) expire.run(text, number, seq);
    for (const seq of changes.arrived ?? []) dropPending.run(seq);
    for (const pair of changes.pairs ?? [])
      setPair.run(pair.user, pair.device, stampText(pair.trusted), stampText(pair.plain));
    for (const { device, runs } of changes.timelines ?? []) setTimeline.run(device, textOfRuns(runs));
    for (const { user, device, previousUser, stamp, trusted, seq, voided } of changes.aliases ?? [])
      addAlias.run(user, device, previousUser, ...stamp, trusted ? 1 : 0, seq, voided ? 1 : 0);
    for (const { id, kind, user, into, at, seq } of changes.operations ?? [])
      addOperation.run(id, kind === 'merge' ? 0 : 1, user, into, at, seq);
    for (const user of changes.voided ?? []) voidMerges.run(user);
    for (const { list, node, on } of changes.listed ?? []) (on ? addListed : dropListed).run(list, node);
    for (const list of changes.droppedLists ?? []) dropList.run(list);
    if (changes.erasure) erase(changes.erasure);
    for (const { hash, kind } of changes.usedUp ?? []) useUp.run(hash, kindCode(kind));
    for (const { id, version } of changes.deletedPersons ?? []) {
      if (dropPerson.run(id, version).changes === 0) throw new Stale();
      dropDecisions.run(id);
    }
    for (const { survey, person, at, text } of changes.decisions ?? [])
      setDecision.run(survey, person, at, text);
    for (const survey of changes.droppedSurveys ?? []) dropSurvey.run(survey);
    for (const { id, version, due, built, email, anonymous, text, sameKeys } of changes.persons ?? []) {
      let done: RunResult;
      if (version === 0) done = addPerson.run(id, due, built, email, text, anonymous ? 1 : 0);
      else if (sameKeys) done = setState.run(built, text, id, version);
      else done = setPerson.run(due, built, email, text, id, version);
      if (done.changes === 0) throw new Stale();
      if (version > 0 && anonymous !== undefined) setAnonymous.run(anonymous ? 1 : 0, id);
    }
    for (const person of changes.clearedOutside ?? []) {
      clearDistinct.run(person);
      clearShed.run(person);
    }
    for (const of of changes.clearedDistinct ?? []) clearDistinctOf.run(of.person, leafColumn(of));
    for (const { key, count, ...of } of changes.distinct ?? []) {
      const place = [of.person, leafColumn(of), ...distinctColumns(key)];
      if (count > 0) setDistinct.run(...place, count);
      else dropDistinct.run(...place);
    }
    for (const { person, leaf, no, block } of changes.shed ?? []) {
      if (block) setShed.run(person, leaf, no, block.body, block.ids);
      else dropShed.run(person, leaf, no);
    }
    for (const leaf of changes.droppedLeaves ?? []) {
      dropValuesOf.run(leaf, ...windowColumns(leaf));
      dropMatchesOf.run(leaf);
    }
    for (const { version, person, since } of changes.memberships ?? []) {
      if (since === null) leave.run(version, person);
      else enter.run(version, person, since);
    }
    const gone = new Set(changes.erasure?.transitionsOf);
    for (const { segment, person, entered, at, cause } of changes.transitions ?? []) {
      const [came, erased] = [entered ? 1 : 0, gone.has(person) ? 1 : 0];
      log.run(terms.intern(segment), person, came, at, JSON.stringify(cause), erased);
    }
    for (const { id, text, revision } of changes.groups ?? []) setGroup.run(id, text, revision);
    for (const { group, change } of changes.groupLog ?? [])
      logGroup.run(group, change.revision, change.at, change.text);
    for (const group of new Set(changes.groupLog?.map((logged) => logged.group)))
      shortenLog.run({ group, newest: MAX_WAITING_CHANGES - 2 });
    for (const group of changes.settledGroups ?? []) settleGroup.run(group);
    for (const group of changes.droppedGroups ?? []) {
      dropGroup.run(group);
      settleGroup.run(group);
    }
    for (const person of changes.clearedMembers ?? []) clearMembers.run(person);
    for (const { group, person, on } of changes.groupMembers ?? [])
      (on ? addMember : dropMember).run(group, person);
    for (const { name, value } of changes.facts ?? []) setFact.run(name, JSON.stringify(value));
    for (const version of changes.droppedVersions ?? []) swapDrop.run({ from: version });
    for (const item of changes.swaps?.list ?? []) swap(item, changes.swaps?.at ?? changes.clock);
    for (const id of changes.removedRefused ?? []) {
      const gone = dropRefused.get(id);
      if (gone && kept) kept = { rows: kept.rows - 1, bytes: kept.bytes - gone.bytes };
    }
    return keepRefused(changes.refused ?? []);
  }

  const transaction = db.transaction(write);
  return async (changes): Promise<Committed> => {
    try {
      // In the log all the same, and on the disk with the next commit: waiting for the disk is most of a small one.
      if (changes.lazy) db.pragma('synchronous = NORMAL');
      const refusedDropped = transaction.immediate(changes);
      terms.keep();
      return { ok: true, refusedDropped };
    } catch (error) {
      terms.drop();
      kept = undefined;
      if (error instanceof Stale) return { ok: false, stale: true };
      throw error;
    } finally {
      if (changes.lazy) db.pragma('synchronous = FULL');
    }
  };
}
