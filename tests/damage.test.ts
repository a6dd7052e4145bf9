// A damaged file: pages of a real one are overwritten, as a bad disk would.
// Invariant: nothing is acknowledged from the first sign of damage on, and every refusal names the way out.
import {
  closeSync,
  copyFileSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createCollector } from '@tidemark/collector';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, it } from 'vitest';
import { ADMIN_KEY, basic, SERVER_KEY, SIGNING_SECRET, WEB_KEY } from './collector.ts';
import { useFolder } from './temporary-folder.ts';

const inFolder = useFolder('damage');
let file: string;
beforeEach(() => {
  file = inFolder('tidemark.db');
});

const options = () => ({
  database: file,
  writeKey: WEB_KEY,
  serverKey: SERVER_KEY,
  adminKey: ADMIN_KEY,
  signingSecret: SIGNING_SECRET,
});
type Handle = Awaited<ReturnType<typeof createCollector>>;

async function ask(collector: Handle, path: string, body?: unknown): Promise<Response> {
  const authorization = path.startsWith('/api') ? `Bearer ${ADMIN_KEY}` : basic(WEB_KEY);
  const post = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  return collector.fetch(new Request(`http://localhost${path}`, { headers: { authorization }, ...post }));
}
const track = (userId: string) => ({ type: 'track', event: 'E', userId });

/** Overwrites the root pages of tables and indexes with what no page begins with. */
function damage(...names: string[]): void {
  const database = new Database(file);
  const pageSize = database.pragma('page_size', { simple: true }) as number;
  const roots = names.map(
    (name) =>
      database.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').pluck().get(name) as number,
  );
  database.close();
  for (const root of roots) overwrite((root - 1) * pageSize, pageSize);
}

/** The schema's table begins behind the header of the file. */
const SCHEMA_AT = 100;

function overwrite(at: number, bytes = 1_000): void {
  const handle = openSync(file, 'r+');
  writeSync(handle, Buffer.alloc(bytes, 0xa5), 0, bytes, at);
  closeSync(handle);
}

async function filled(): Promise<void> {
  const collector = await createCollector(options());
  for (let i = 0; i < 5; i++)
    await ask(collector, '/v1/batch', { batch: Array.from({ length: 200 }, (_, n) => track(`u${i}-${n}`)) });
  await collector.close();
}

describe('damage met while serving', () => {
  it.each([
    // Met when ids are looked up, and when they are written.
    ['message_id'],
    ['node_public'],
    ['node_ext'],
  ])('in %s stops ingest for good, and reads elsewhere go on', async (name) => {
    await filled();
    damage(name);
    const collector = await createCollector(options());
    expect((await ask(collector, '/readyz')).status).toBe(200);
    const first = await ask(collector, '/v1/batch', { batch: [track('somebody new')] });
    expect(first.status).toBe(503);
    expect(Number(first.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await first.json()).toMatchObject({ error: { code: 'database_damaged' } });
    // Somebody known: this one alone would not come upon the damage in `node_public`.
    const second = await ask(collector, '/v1/track', track('u1-1'));
    expect(second.status).toBe(503);
    const ready = await ask(collector, '/readyz');
    expect(ready.status).toBe(503);
    expect(await ready.json()).toEqual({
      status: 'damaged',
      message: expect.stringContaining('tidemark restore'),
    });
    expect((await ask(collector, '/healthz')).status).toBe(200);
    if (name === 'node_public') {
      const profile = (await (await ask(collector, '/api/profiles/user:u1-1')).json()) as {
        eventCount: number;
      };
      expect(profile.eventCount).toBe(1);
    }
    await collector.close();
    const database = new Database(file, { readonly: true });
    expect(database.prepare('SELECT count(*) FROM message NOT INDEXED').pluck().get()).toBe(1_000);
    database.close();
  });

  it('met by a read stops ingest too', async () => {
    await filled();
    damage('grp');
    const collector = await createCollector(options());
    const read = await ask(collector, '/api/groups/g');
    expect(read.status).toBe(503);
    expect((await ask(collector, '/v1/track', track('u1-1'))).status).toBe(503);
    await collector.close();
  });
});

describe('opening', () => {
  const refusal = async (): Promise<string> => {
    return createCollector(options()).then(
      () => 'it opened',
      (reason: Error) => reason.message,
    );
  };

  it.each([
    ['no database', () => writeFileSync(file, 'this is a text, and not a short one '.repeat(300))],
    ['damaged tables', () => damage('fact')],
    ['a damaged schema', () => overwrite(SCHEMA_AT)],
    ['a file cut short', () => truncateSync(file, Math.floor(readFileSync(file).length / 3))],
  ])('%s is refused in one line with the way out, and left as it is', async (_, spoil) => {
    await filled();
    spoil();
    const before = readFileSync(file);
    const said = await refusal();
    expect(said.split('\n')).toHaveLength(1);
    expect(said).toContain(file);
    expect(said).toContain('tidemark restore');
    expect(readFileSync(file).equals(before)).toBe(true);
  });
});

describe('a file that is no longer where it was opened', () => {
  const stored = async (collector: Handle, userId: string): Promise<number> =>
    (await ask(collector, '/v1/track', track(userId))).status;

  it.each([
    ['deleted', () => rmSync(file)],
    ['moved', () => renameSync(file, `${file}.moved`)],
    [
      'replaced',
      () => {
        renameSync(file, `${file}.moved`);
        copyFileSync(`${file}.moved`, file);
      },
    ],
    ['left without its log', () => rmSync(`${file}-wal`)],
  ])('takes nothing any more once it was %s', async (_, lose) => {
    const collector = await createCollector(options());
    try {
      expect(await stored(collector, 'before')).toBe(200);
      lose();
      expect(await stored(collector, 'after')).toBe(503);
      expect(await stored(collector, 'later')).toBe(503);
      const ready = await ask(collector, '/readyz');
      expect([ready.status, ((await ready.json()) as { status: string }).status]).toEqual([503, 'damaged']);
      const metrics = await ask(collector, '/metrics');
      expect(metrics.status).toBe(200);
      expect(await metrics.text()).toContain('\ntidemark_damaged 1\n');
    } finally {
      await collector.close();
    }
  });

  it('has all that was acknowledged once it is moved back', async () => {
    const collector = await createCollector(options());
    expect(await stored(collector, 'before')).toBe(200);
    for (const part of ['', '-wal', '-shm']) renameSync(file + part, `${file}.moved${part}`);
    expect(await stored(collector, 'after')).toBe(503);
    for (const part of ['', '-wal', '-shm']) renameSync(`${file}.moved${part}`, file + part);
    // Not by itself: what was lost meanwhile nobody knows.
    expect(await stored(collector, 'later')).toBe(503);
    await collector.close();
    const again = await createCollector(options());
    expect(await stored(again, 'again')).toBe(200);
    expect((await ask(again, '/api/profiles/user:before')).status).toBe(200);
    await again.close();
  });
});
