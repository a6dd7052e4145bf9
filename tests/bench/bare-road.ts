// The bare road: the least a collector can do, as the yardstick for ours. Hono, JSON.parse, dedupe by
// messageId, the columns and indexes of our message table, one state row per person read and written,
// synchronous FULL, group commit.
// Invariant: it does none of what Tidemark is for, so nothing that keeps our promises is faster.
import Database from 'better-sqlite3';
import { Hono } from 'hono';

interface Incoming {
  type: string;
  event?: string;
  messageId: string;
  userId: string;
  timestamp: string;
}

export function createBareRoad(path: string): { fetch(request: Request): Promise<Response>; close(): void } {
  const db = new Database(path);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.pragma('wal_autocheckpoint = 8000');
  db.pragma('cache_size = -32000');
  db.exec(`
    CREATE TABLE message (
      seq INTEGER PRIMARY KEY, node INTEGER NOT NULL, device INTEGER, time INTEGER NOT NULL,
      message_id TEXT NOT NULL, kind INTEGER NOT NULL, trusted INTEGER NOT NULL, type INTEGER NOT NULL,
      event INTEGER, received_at INTEGER NOT NULL, body TEXT NOT NULL
    );
    CREATE UNIQUE INDEX message_id ON message (message_id, kind);
    CREATE INDEX message_node ON message (node, time);
    CREATE TABLE person (id INTEGER PRIMARY KEY, ext TEXT NOT NULL UNIQUE, state TEXT NOT NULL);
  `);
  const seen = db.prepare('SELECT 1 FROM message WHERE message_id = ? AND kind = 0');
  const insert = db.prepare('INSERT INTO message VALUES (NULL, ?, NULL, ?, ?, 0, 0, 1, 1, ?, ?)');
  const load = db.prepare<[string], { id: number; state: string }>(
    'SELECT id, state FROM person WHERE ext = ?',
  );
  const create = db.prepare('INSERT INTO person (ext, state) VALUES (?, ?)');
  const save = db.prepare('UPDATE person SET state = ? WHERE id = ?');
  const blank = JSON.stringify({ count: 0, last: null, filler: 'x'.repeat(450) });

  const write = db.transaction((messages: readonly Incoming[]) => {
    const people = new Map<string, { id: number; state: { count: number; last: string | null } }>();
    for (const message of messages) {
      if (seen.get(message.messageId)) continue;
      let person = people.get(message.userId);
      if (!person) {
        const row = load.get(message.userId);
        const id = row ? row.id : Number(create.run(message.userId, blank).lastInsertRowid);
        person = { id, state: JSON.parse(row?.state ?? blank) as { count: number; last: string | null } };
        people.set(message.userId, person);
      }
      person.state.count++;
      person.state.last = message.timestamp;
      insert.run(
        person.id,
        Date.parse(message.timestamp),
        message.messageId,
        Date.now(),
        JSON.stringify(message),
      );
    }
    for (const { id, state } of people.values()) save.run(JSON.stringify(state), id);
  });

  let waiting: { batch: Incoming[]; done: () => void }[] = [];
  function commit(): void {
    const group = waiting;
    waiting = [];
    write.immediate(group.flatMap(({ batch }) => batch));
    for (const { done } of group) done();
  }

  const app = new Hono();
  app.post('/v1/batch', async (c) => {
    const { batch } = JSON.parse(await c.req.text()) as { batch: Incoming[] };
    await new Promise<void>((done) => {
      if (waiting.length === 0) setImmediate(commit);
      waiting.push({ batch, done });
    });
    return c.json({ success: true });
  });
  return { fetch: async (request) => app.fetch(request), close: () => db.close() };
}
