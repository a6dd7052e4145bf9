// Deletes what an erased person left, row by row, inside a commit.
// Invariant: of ids only keyed hashes stay; messages that are gone keep their ids used up.
import type { Database } from 'better-sqlite3';
import type { Erasure } from '../port.ts';
import { DROP_PENDING, kindCode } from './columns.ts';
import type { Terms } from './terms.ts';

export function createErase(db: Database, terms: Terms): (erasure: Erasure) => void {
  const dropPending = db.prepare(DROP_PENDING);
  const dropMessage = db.prepare('DELETE FROM message WHERE seq = ?');
  const dropResponse = db.prepare('DELETE FROM response WHERE seq = ?');
  const addGone = db.prepare('INSERT OR IGNORE INTO gone (hash, kind) VALUES (?, ?)');
  const renameNode = db.prepare('UPDATE node SET ext = ?, root = id WHERE id = ?');
  const dropPair = db.prepare('DELETE FROM pair WHERE user = ? AND device = ?');
  const dropTimeline = db.prepare('DELETE FROM timeline WHERE device = ?');
  // Links kept of an erasure before: nobody is left on the device to whom it could go.
  const dropKeptLinks = db.prepare('DELETE FROM alias WHERE user = ? AND device = ? AND seq = 0');
  const dropAlias = db.prepare('DELETE FROM alias WHERE seq = ?');
  const dropOperation = db.prepare('DELETE FROM operation WHERE id = ?');
  const dropTransitions = db.prepare('DELETE FROM transition WHERE person = ? AND erased = 0');
  const dropListed = db.prepare('DELETE FROM listed WHERE node = ?');
  const suppress = db.prepare('INSERT OR IGNORE INTO suppressed (hash) VALUES (?)');
  return (erasure) => {
    for (const seq of erasure.messages) {
      dropPending.run(seq);
      dropMessage.run(seq);
      dropResponse.run(seq);
    }
    for (const { hash, kind } of erasure.gone) addGone.run(hash, kindCode(kind));
    for (const { id, ext } of erasure.nodes) renameNode.run(ext, id);
    for (const { user, device } of erasure.droppedPairs) {
      dropPair.run(user, device);
      dropKeptLinks.run(user, device);
    }
    for (const device of erasure.droppedTimelines) dropTimeline.run(device);
    for (const seq of erasure.droppedAliases) dropAlias.run(seq);
    for (const id of erasure.droppedOperations) dropOperation.run(id);
    for (const person of erasure.transitionsOf) dropTransitions.run(person);
    for (const node of erasure.unlisted) dropListed.run(node);
    for (const hash of erasure.suppressed) suppress.run(hash);
    for (const name of erasure.events) terms.blot(name);
  };
}
