// SQLite against the conformance suite, and what only a file has: mode, migrations, snapshots.
import type { EventEmitter } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { useFolder } from '../../../../tests/temporary-folder.ts';
import { describeStore } from '../conformance.ts';
import { DROP_PENDING, DUE_MESSAGES, NEXT_DUE } from './columns.ts';
import { openSqlite } from './open.ts';
import { ForeignFile, migrate, NewerFile, OlderFile, SCHEMA_VERSION } from './schema.ts';

describeStore('SQLite in memory', async () => ({
  open: async () => openSqlite({ path: ':memory:' }),
  durable: false,
  folds: false,
  dispose: async () => {},
}));

describeStore('SQLite file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-store-'));
  return {
    open: async () => openSqlite({ path: join(folder, 'store.db') }),
    durable: true,
    folds: true,
    dispose: async () => rmSync(folder, { recursive: true, force: true }),
  };
});

it('has no statement that SQLite plans anew each time it runs', () => {
  const folder = new URL('.', import.meta.url);
  const texts = readdirSync(folder).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
  expect(texts.length).toBeGreaterThan(10);
  const bare = texts.filter((name) => /LIMIT [?@]/.test(readFileSync(new URL(name, folder), 'utf8')));
  expect(bare).toEqual([]);
});

/** As PRAGMA synchronous tells it. */
const SYNCHRONOUS_FULL = 2;

describe('a SQLite file', () => {
  const inFolder = useFolder('file');
  let path: string;
  beforeEach(() => {
    path = inFolder('store.db');
  });

  it('is its owner’s alone, and so are its companions', async () => {
    const store = openSqlite({ path });
    await store.commit({ clock: 1 });
    for (const name of ['', '-wal', '-shm']) expect(statSync(path + name).mode & 0o777).toBe(0o600);
    await store.close();
  });

  it('waits for the disk: write-ahead log, synchronous FULL', async () => {
    const pragma = vi.spyOn(Database.prototype, 'pragma');
    const store = openSqlite({ path });
    // The store's own connection: the setting is each connection's, and no other can see it.
    const [own] = pragma.mock.contexts as Database.Database[]; // what pragma is called on
    pragma.mockRestore();
    await store.commit({ clock: 1 });
    expect(own?.pragma('journal_mode', { simple: true })).toBe('wal');
    expect(own?.pragma('synchronous', { simple: true })).toBe(SYNCHRONOUS_FULL);
    await store.close();
  });

  it('waits again after a commit that need not, even one that fails', async () => {
    const store = openSqlite({ path });
    const pragma = vi.spyOn(Database.prototype, 'pragma');
    try {
      const persons = [{ id: 1, version: 0, due: null, built: 1, text: '{}', email: null }];
      await store.commit({ clock: 1, lazy: true, persons });
      await store.commit({ clock: 1, lazy: true, persons });
      await store.commit({ clock: 1 });
      const told = pragma.mock.calls.map(([text]) => text);
      expect(told).toEqual(['NORMAL', 'FULL', 'NORMAL', 'FULL'].map((how) => `synchronous = ${how}`));
    } finally {
      pragma.mockRestore();
      await store.close();
    }
  });

  it('is brought up to date when it is older', async () => {
    const old = new Database(path);
    expect(old.pragma('user_version', { simple: true })).toBe(0);
    old.close();
    expect(() => openSqlite({ path, readOnly: true })).toThrow(OlderFile);
    await openSqlite({ path }).close();
    const now = new Database(path);
    expect(now.pragma('user_version', { simple: true })).toBe(SCHEMA_VERSION);
    now.close();
  });

  it('tells what an erasure logged from what is somebody’s when it is older', async () => {
    const old = new Database(path);
    migrate(old, 5);
    old.exec(`INSERT INTO node VALUES (1, 0, 'ada', 'p', 1);
      INSERT INTO term VALUES (1, 'a');
      INSERT INTO transition VALUES (1, 1, 1, 0, 1, '{"operation":"erased"}'),
        (2, 1, 1, 1, 2, '{"operation":"merge"}'), (3, 1, 1, 0, 3, '{"operation":"erased"}');`);
    old.close();
    const now = openSqlite({ path });
    const rows = await now.query({ ask: 'segment-transitions', segment: 'a', after: 0, limit: 9 });
    expect(rows.map(({ at, userId }) => [at, userId])).toEqual([
      [1, null],
      [2, 'ada'],
      [3, 'ada'],
    ]);
    await now.close();
  });

  it('keeps what waits for its time when it is older, now in the order in which that takes effect', async () => {
    const old = new Database(path);
    migrate(old, 9);
    old.exec(`INSERT INTO node VALUES (1, 0, 'ada', 'p', 1);
      INSERT INTO message (seq, node, time, message_id, kind, trusted, type, received_at, body)
        VALUES (1, 1, 20, 'a', 0, 0, 2, 9, '{}'), (2, 1, 10, 'c', 0, 0, 2, 9, '{}'), (3, 1, 10, 'b', 1, 1, 2, 9, '{}'),
          (4, 1, 10, 'b', 0, 0, 2, 9, '{}'), (5, 1, 5, 'd', 0, 0, 2, 9, '{}');
      INSERT INTO pending SELECT time, seq FROM message WHERE seq < 5;`);
    old.close();
    const now = openSqlite({ path });
    const due = async () =>
      (await now.query({ ask: 'due-messages', until: 20, limit: 9 })).map(({ row }) => row.seq);
    expect(await due()).toEqual([4, 3, 2, 1]);
    await now.commit({ clock: 10, arrived: [4, 3] });
    expect(await due()).toEqual([2, 1]);
    await now.close();
    const file = new Database(path);
    const plan = (sql: string) =>
      file
        .prepare<[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map(({ detail }) => detail)
        .join('; ');
    expect(plan(DROP_PENDING.replace('?', '1'))).toMatch(
      /SEARCH pending USING PRIMARY KEY \(time=\? AND message_id=\?/,
    );
    // In order by itself: nothing is sorted, however much waits.
    expect(plan(DUE_MESSAGES.replaceAll('?', '1'))).toBe(
      'SEARCH p USING PRIMARY KEY (time<?); SEARCH m USING INTEGER PRIMARY KEY (rowid=?)',
    );
    expect(plan(NEXT_DUE)).toBe('SCAN p; SEARCH m USING INTEGER PRIMARY KEY (rowid=?)');
    file.close();
  });

  it('passes by what waits and is of no message, as only a damaged file has it', async () => {
    await openSqlite({ path }).close();
    const file = new Database(path);
    file.exec(`INSERT INTO node VALUES (1, 0, 'ada', 'p', 1);
      INSERT INTO message (seq, node, time, message_id, kind, trusted, type, received_at, body)
        VALUES (1, 1, 10, 'a', 0, 0, 2, 9, '{}'), (2, 1, 11, 'b', 0, 0, 2, 9, '{}');
      INSERT INTO pending (time, message_id, kind, seq) VALUES (9, 'a', 0, 1), (11, 'b', 0, 2), (12, 'c', 0, 3);`);
    file.close();
    const now = openSqlite({ path });
    const due = await now.query({ ask: 'due-messages', until: 20, limit: 9 });
    expect(due.map(({ row }) => row.seq)).toEqual([2]);
    expect(await now.query({ ask: 'next-due' })).toBe(11);
    await now.commit({ clock: 20, arrived: [2] });
    // Nobody waits for what is never taken out.
    expect(await now.query({ ask: 'next-due' })).toBeNull();
    await now.close();
  });

  it('is refused untouched when it is newer', async () => {
    await openSqlite({ path }).close();
    const newer = new Database(path);
    newer.pragma(`user_version = ${SCHEMA_VERSION + 1}`);
    newer.pragma('wal_checkpoint(TRUNCATE)');
    newer.close();
    const before = readFileSync(path);
    expect(() => openSqlite({ path })).toThrow(NewerFile);
    expect(() => openSqlite({ path })).toThrow(/newer Tidemark/);
    expect(readFileSync(path)).toEqual(before);
  });

  it.each([
    [0, false],
    [3, false],
    [0, true],
    [SCHEMA_VERSION + 1, true],
  ])(
    "is refused untouched when it is another program's (user_version %s, with a log: %s)",
    (version, hasLog) => {
      const other = new Database(path);
      other.pragma(`user_version = ${version}`);
      if (hasLog) other.pragma('journal_mode = WAL');
      other.exec("CREATE TABLE people (name); INSERT INTO people VALUES ('ada')");
      const copied = inFolder('copied.db');
      for (const ending of hasLog ? ['', '-wal'] : ['']) copyFileSync(path + ending, copied + ending);
      other.close();
      const before = readFileSync(copied);
      for (const readOnly of [true, false]) {
        expect(() => openSqlite({ path: copied, readOnly })).toThrow(ForeignFile);
        expect(() => openSqlite({ path: copied, readOnly })).toThrow(/not one of Tidemark; set TIDEMARK_DB/);
      }
      expect(readFileSync(copied)).toEqual(before);
      expect(existsSync(`${copied}-wal`)).toBe(hasLog);
    },
  );

  it('is taken when nothing but Litestream has been in it', async () => {
    const fresh = new Database(path);
    fresh.exec('CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)');
    fresh.close();
    await openSqlite({ path }).close();
  });

  it('gives readers one snapshot whatever the writer does', async () => {
    const writer = openSqlite({ path });
    await writer.commit({ clock: 1, groups: [{ id: 'g', text: 'one', revision: 0 }] });
    const reader = openSqlite({ path, readOnly: true });
    expect((await reader.read({ groups: ['g'] })).groups.get('g')?.text).toBe('one');
    await writer.commit({ clock: 2, groups: [{ id: 'g', text: 'two', revision: 0 }] });
    expect((await reader.read({ groups: ['g'] })).groups.get('g')?.text).toBe('one');
    await expect(reader.commit({ clock: 3 })).rejects.toThrow();
    await reader.close();
    await writer.close();
  });

  it('keeps the log short while it is written to, and leaves none behind', async () => {
    const store = openSqlite({ path });
    const perCommit = 1_000;
    let longest = 0;
    for (let round = 0; round < 40; round++) {
      // A page or so each: 160 MB in all, and SQLite by itself would copy nothing before 256 MB.
      const persons = Array.from({ length: perCommit }, (_, i) => ({
        id: round * perCommit + i + 1,
        version: 0,
        due: null,
        built: 1,
        text: 'x'.repeat(3_500),
        email: null,
      }));
      await store.commit({ clock: round, persons });
      await new Promise((resolve) => setTimeout(resolve, 20)); // the thread gets its turn on a single core too
      longest = Math.max(longest, statSync(`${path}-wal`).size);
    }
    expect(longest).toBeLessThan(120_000_000);
    await store.close();
    expect(existsSync(`${path}-wal`)).toBe(false);
    const after = new Database(path, { readonly: true });
    expect(after.prepare('SELECT count(*) AS n FROM person').get()).toEqual({ n: 40 * perCommit });
    after.close();
  });

  it('lets commits wait while the last of the log is copied, until that is done or the thread is gone', async () => {
    const post = vi.spyOn(Worker.prototype, 'postMessage').mockImplementation(() => {});
    const asked = (): number => post.mock.calls.filter(([told]) => told === 'checkpoint').length;
    try {
      const store = openSqlite({ path });
      let clock = 0;
      const write = (rows: number): Promise<unknown> => {
        clock++;
        const persons = Array.from({ length: rows }, (_, i) => ({
          id: clock * 10_000 + i,
          version: 0,
          due: null,
          built: 1,
          text: '{}',
          email: null,
        }));
        return store.commit({ clock, persons });
      };
      const isDone = async (work: Promise<unknown>): Promise<boolean> => {
        const done = work.then(() => true);
        for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
        return Promise.race([done, Promise.resolve(false)]);
      };
      const thread = (): Worker & EventEmitter => post.mock.contexts[0] as Worker & EventEmitter; // what `postMessage` is called on
      await write(8_000);
      expect(asked()).toBe(1);
      expect(await isDone(write(400))).toBe(true);
      // Much was written meanwhile: once more, and still beside the commits.
      thread().emit('message', { done: true });
      expect(asked()).toBe(2);
      expect(await isDone(write(1))).toBe(true);
      thread().emit('message', { done: true });
      expect(asked()).toBe(3);
      const waiting = write(1);
      expect(await isDone(waiting)).toBe(false);
      thread().emit('message', { done: true });
      expect(await isDone(waiting)).toBe(true);
      expect(await isDone(write(1))).toBe(true);
      expect(asked()).toBe(3);
      // A full disk, say: nobody waits for another try.
      await write(8_000);
      thread().emit('message', { done: false });
      expect(await isDone(write(1))).toBe(true);
      // It ends in the midst of its last round.
      await write(8_000);
      thread().emit('message', { done: true });
      const abandoned = write(1);
      expect(await isDone(abandoned)).toBe(false);
      await thread().terminate();
      expect(await isDone(abandoned)).toBe(true);
      await store.close();
    } finally {
      post.mockRestore();
    }
  });

  it('keeps the process alive until a folder is closed, whatever its thread tells meanwhile', async () => {
    const store = openSqlite({ path });
    await store.commit({ clock: 1, nodes: [{ id: 1, kind: 'user', ext: 'u', publicId: 'p_u', root: 1 }] });
    const calls: string[] = [];
    const spies = (['ref', 'unref'] as const).map((name) => {
      const original = Worker.prototype[name];
      return vi.spyOn(Worker.prototype, name).mockImplementation(function (this: Worker) {
        calls.push(name);
        original.call(this);
      });
    });
    try {
      const [folder, ...others] = store.openFolders?.() ?? [];
      folder?.begin({ leaves: [], generation: 1, share: { index: 0, of: 1 } });
      const asked = folder?.next({ after: 0, clock: 1, from: null }).catch(() => []);
      // It is asked in the next turn.
      await new Promise((resolve) => setImmediate(resolve));
      calls.length = 0;
      const closing = folder?.close();
      expect(await asked).toEqual([]);
      await closing;
      expect(calls).toEqual(['ref']);
      await Promise.all(others.map((other) => other.close()));
    } finally {
      for (const spy of spies) spy.mockRestore();
      await store.close();
    }
  });
});
