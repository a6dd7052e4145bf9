// `tidemark backup` and `restore`: consistent while messages arrive, nothing of the erased in it, and the way back.
import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, it } from 'vitest';
import { api, closed, KEYS, post, type Served, useCommandLine } from './command-line.ts';

const { path, database, run, serve, store } = useCommandLine();

const track = (userId: string, messageId: string) => ({ type: 'track', event: 'E', userId, messageId });
const messagesIn = (file: string): string[] => {
  const db = new Database(file, { readonly: true });
  const ids = db.prepare<[], string>('SELECT message_id FROM message ORDER BY seq').pluck().all();
  db.close();
  return ids;
};
const sentinel = (word: string, round = ''): string => `zq-${word}-${round}sentinel`;

async function stop({ child }: Served, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
  const done = closed(child);
  child.kill(signal);
  await done;
}

describe('backup', () => {
  it('is one instant of a database that goes on taking messages, and verifies', async () => {
    const served = await serve();
    const { url } = served;
    const acknowledged: string[] = [];
    let isOver = false;
    let next = 0;
    const sending = Array.from({ length: 4 }, async (_, sender) => {
      while (!isOver) {
        const batch = Array.from({ length: 20 }, () => track(`u${sender}-${next % 50}`, `m${next++}`));
        const answer = await post(url, batch);
        if (answer.status === 200) acknowledged.push(...batch.map(({ messageId }) => messageId));
      }
    });
    await expect.poll(() => acknowledged.length, { timeout: 30_000 }).toBeGreaterThan(2_000);
    const before = [...acknowledged];
    const { code, out } = await run(['backup', path('b.db'), '--json']);
    const after = acknowledged.length;
    isOver = true;
    await Promise.all(sending);
    expect(code).toBe(0);
    // Ingest went on all the while.
    expect(after).toBeGreaterThan(before.length);
    const said = JSON.parse(out) as { messages: number; bytes: number; clock: string; file: string };
    const held = messagesIn(path('b.db'));
    expect(said).toMatchObject({
      file: path('b.db'),
      messages: held.length,
      bytes: statSync(path('b.db')).size,
    });
    expect(Date.parse(said.clock)).toBeGreaterThan(0);
    expect(statSync(path('b.db')).mode & 0o777).toBe(0o600);
    const kept = new Set(held);
    expect(before.filter((id) => !kept.has(id))).toEqual([]);
    // A prefix of what was stored, not a mixture.
    await stop(served);
    expect(messagesIn(database()).slice(0, held.length)).toEqual(held);
    expect(await run(['verify', '--db', path('b.db')])).toMatchObject({ code: 0 });
    expect(readdirSync(path()).filter((name) => name.includes('partial'))).toEqual([]);
  });

  it('holds no byte of an erased person, nor do the file and its log', async () => {
    const { url } = await serve();
    const traits = { email: `${sentinel('mail')}@example.com`, name: sentinel('name') };
    for (let round = 0; round < 5; round++) {
      const crowd = Array.from({ length: 200 }, (_, i) => track(`other${i}`, `o${round}-${i}`));
      const theirs = [
        { type: 'identify', userId: sentinel('user'), anonymousId: sentinel('device'), traits },
        {
          ...track(sentinel('user'), sentinel('message', `${round}`)),
          properties: { text: sentinel('text') },
        },
        {
          type: 'group',
          userId: sentinel('user'),
          groupId: sentinel('group'),
          traits: { x: sentinel('grouptrait') },
        },
        // Refused, and kept for a replay until then.
        { type: 'track', userId: sentinel('user'), timestamp: 'never', messageId: sentinel('refused') },
      ];
      expect((await post(url, [...crowd, ...theirs])).status).toBe(200);
    }
    expect((await run(['backup', path('before.db')])).code).toBe(0);
    // The search finds what is there.
    expect(readFileSync(path('before.db')).includes('sentinel')).toBe(true);
    const gone = await fetch(`${url}/api/profiles/user:${sentinel('user')}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${KEYS.TIDEMARK_ADMIN_KEY}` },
    });
    expect(gone.status).toBe(200);
    expect((await run(['backup', path('after.db')])).code).toBe(0);
    await post(url, [track('other1', 'later')]);
    for (const file of [database(), `${database()}-wal`, path('after.db')])
      expect([file, existsSync(file) && readFileSync(file).includes('sentinel')]).toEqual([file, false]);
    expect(messagesIn(path('after.db'))).toHaveLength(1_000);
  });

  it('overwrites nothing unless forced, and never the database itself', async () => {
    await run(['apply', definitions()], KEYS);
    writeFileSync(path('b.db'), 'precious');
    const refused = await run(['backup', path('b.db')]);
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('--force')]);
    expect(readFileSync(path('b.db'), 'utf8')).toBe('precious');
    expect((await run(['backup', path('b.db'), '--force'])).code).toBe(0);
    expect(await run(['verify', '--db', path('b.db')])).toMatchObject({ code: 0 });
    const own = await run(['backup', database(), '--force']);
    expect([own.code, own.err]).toEqual([1, expect.stringContaining('belongs to the database')]);
    expect((await run(['verify'])).code).toBe(0);
    expect((await run(['backup'])).code).toBe(1);
    expect((await run(['backup', path('c.db')], { TIDEMARK_DB: path('none.db') })).err).toContain(
      'no database',
    );
    const nowhere = await run(['backup', path('no', 'folder', 'c.db')]);
    expect(nowhere.code).toBe(1);
    expect(nowhere.err).toContain(
      `tidemark: ${path('no', 'folder', 'c.db')} cannot be written: no such file or directory (ENOENT)\n`,
    );
  });

  it('of a damaged database fails and leaves nothing', async () => {
    await run(['apply', definitions()], KEYS);
    truncateSync(database(), 20_000);
    const { code, err } = await run(['backup', path('b.db')]);
    expect([code, err]).toEqual([1, expect.stringContaining('tidemark restore')]);
    expect((await run(['export', path('b.ndjson')])).code).toBe(1);
    // At the very start, before anything is written.
    writeFileSync(database(), 'some text '.repeat(2_000));
    expect((await run(['export', path('b.ndjson')])).code).toBe(1);
    expect(readdirSync(path()).sort()).toEqual(['data', 'definitions.json']);
  });
});

/** Something to make a database with. */
function definitions(): string {
  writeFileSync(path('definitions.json'), JSON.stringify({ segments: { all: { where: { event: 'E' } } } }));
  return path('definitions.json');
}

describe('restore', () => {
  beforeEach(async () => {
    await store('ada', 'bob');
    await run(['backup', path('b.db')]);
    await store('cyd');
  });
  const aside = (): string[] =>
    readdirSync(path('data')).filter(
      (name) => /\.before-restore-[^.]*$/.test(name) && !name.endsWith('-wal'),
    );

  it('puts the backup in place and keeps what was there', async () => {
    const { code, out } = await run(['restore', path('b.db'), '--json']);
    expect(code).toBe(0);
    const [kept = ''] = aside();
    expect(JSON.parse(out)).toMatchObject({ messages: 2, people: 2, keptAs: path('data', kept) });
    expect(statSync(database()).mode & 0o777).toBe(0o600);
    expect(messagesIn(database())).toHaveLength(2);
    expect(messagesIn(path('data', kept))).toHaveLength(3);
    expect((await run(['verify'])).code).toBe(0);
    const { url } = await serve();
    expect(await api(url, '/profiles/user:cyd')).toHaveProperty('error');
    expect((await post(url, [track('dan', 'new')])).status).toBe(200);
  });

  it('keeps what was in the log of a killed collector', async () => {
    const served = await serve();
    for (let i = 0; i < 20; i++) expect((await post(served.url, [track('dan', `d${i}`)])).status).toBe(200);
    await stop(served, 'SIGKILL');
    expect(statSync(`${database()}-wal`).size).toBeGreaterThan(0);
    expect((await run(['restore', path('b.db')])).code).toBe(0);
    expect(messagesIn(database())).toHaveLength(2);
    expect(messagesIn(path('data', aside()[0] ?? ''))).toHaveLength(23);
  });

  it('works where there is no database yet, and where there is a damaged one', async () => {
    const elsewhere = { TIDEMARK_DB: path('else', 'where.db') };
    expect((await run(['restore', path('b.db')], elsewhere)).code).toBe(0);
    expect((await run(['verify'], elsewhere)).code).toBe(0);
    writeFileSync(database(), 'rubbish '.repeat(1_000));
    const { code, out } = await run(['restore', path('b.db')]);
    expect([code, out]).toEqual([0, expect.stringContaining('before-restore')]);
    expect(readFileSync(path('data', aside()[0] ?? ''), 'utf8')).toMatch(/^rubbish/);
    expect((await run(['verify'])).code).toBe(0);
  });

  it.runIf(process.getuid?.() === 0)(
    'by root leaves the file to whom the old one or its folder belongs',
    async () => {
      const [collector, other] = [12_345, 12_346];
      const owners = (...names: string[]): number[] => names.map((name) => statSync(name).uid);
      chownSync(database(), other, other);
      expect((await run(['restore', path('b.db')])).code).toBe(0);
      expect(owners(database(), path('data', aside()[0] ?? ''))).toEqual([other, other]);
      mkdirSync(path('new'));
      chownSync(path('new'), collector, collector);
      const file = path('new', 'where.db');
      expect((await run(['restore', path('b.db')], { TIDEMARK_DB: file })).code).toBe(0);
      expect(owners(file, `${file}.lock`)).toEqual([collector, collector]);
    },
  );

  it('is refused while the file is served, naming the process', async () => {
    const { child, url } = await serve();
    const { code, err } = await run(['restore', path('b.db')]);
    expect([code, err]).toEqual([1, expect.stringContaining(`process ${child.pid}`)]);
    expect(await api(url, '/profiles/user:cyd')).toMatchObject({ userId: 'cyd' });
  });

  it.each([
    ['is no database', () => writeFileSync(path('b.db'), 'some text '.repeat(500)), 'damaged or no backup'],
    ['was cut short', () => truncateSync(path('b.db'), 30_000), 'damaged or no backup'],
    ['has damaged pages', () => damageIndex(path('b.db')), 'damaged or no backup'],
    ['is of something else', () => otherDatabase(path('b.db')), 'not one of Tidemark'],
    ['is of a newer version', () => alter(path('b.db'), 'PRAGMA user_version = 99'), 'version 99'],
    ['is a folder', () => mkdirSync(path('d.db')), 'd.db is no file', 'd.db'],
    ['is not there', () => copyFileSync(path('b.db'), path('c.db')), 'no backup', 'd.db'],
  ])('changes nothing when the backup %s', async (_, spoil, says, name = 'b.db') => {
    spoil();
    const before = readFileSync(database());
    const { code, err } = await run(['restore', path(name)]);
    expect([code, err]).toEqual([1, expect.stringContaining(says)]);
    expect(
      err
        .trim()
        .split('\n')
        .filter((line) => line.startsWith('tidemark:')),
    ).toHaveLength(1);
    expect(readFileSync(database()).equals(before)).toBe(true);
    expect(aside()).toEqual([]);
    expect(readdirSync(path('data')).filter((file) => file.includes('partial'))).toEqual([]);
  });
});

function alter(file: string, sql: string): void {
  const db = new Database(file);
  db.exec(sql);
  db.close();
}

function otherDatabase(file: string): void {
  writeFileSync(file, '');
  alter(file, 'CREATE TABLE note (text TEXT)');
}

/** A page that copying rows does not read. */
function damageIndex(file: string): void {
  const db = new Database(file);
  const size = db.pragma('page_size', { simple: true }) as number;
  const root = db
    .prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'message_node'")
    .pluck()
    .get() as number;
  db.close();
  const bytes = readFileSync(file);
  bytes.fill(0xa5, (root - 1) * size, root * size);
  writeFileSync(file, bytes);
}
