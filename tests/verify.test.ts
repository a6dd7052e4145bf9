// What `tidemark verify` sees and mends: every table that is computed, tampered with one way at a time.
// Invariant: each is named as a difference, and after a repair there is none.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCollector } from '@tidemark/collector';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createCore } from '../collector/src/ingest/create-core.ts';
import { concernsLinks } from '../collector/src/ingest/difference.ts';
import { ADMIN_KEY, basic, SERVER_KEY, T0 } from './collector.ts';

const DAY = 86_400_000;
let folder: string;
let whole: Buffer;
let database: string;

const now = () => T0;
const at = (time: number): string => new Date(time).toISOString();

/** Every kind of row there is. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-verify-'));
  const collector = await createCollector({
    database: join(folder, 'whole.db'),
    serverKey: SERVER_KEY,
    adminKey: ADMIN_KEY,
    now,
    config: {
      traits: {
        paid: { type: 'sum', event: 'Paid', property: 'v', within: '7d' },
        // Of each too many for a row.
        pages: { type: 'unique_count', event: 'Read', property: 'page' },
        lately: { type: 'unique_count', event: 'Read', property: 'page', within: '7d' },
      },
      segments: {
        recent: { where: { event: 'Paid', within: '30d' } },
        payers: { where: { computed: 'paid', op: 'gt', value: 3 } },
        lost: { where: { sequence: [{ event: 'Paid' }, { event: 'Left' }] } },
      },
    },
  });
  const post = async (path: string, authorization: string, body: unknown): Promise<void> => {
    const request = { method: 'POST', headers: { authorization }, body: JSON.stringify(body) };
    const answer = await collector.fetch(new Request(`http://localhost${path}`, request));
    expect(answer.status).toBe(200);
  };
  const ids = (name: string) => ({ userId: name, anonymousId: `device of ${name}` });
  const paid = (name: string, time: number, v = 1) => ({
    type: 'track',
    event: 'Paid',
    ...ids(name),
    timestamp: at(time),
    properties: { v },
  });
  await post('/v1/batch', basic(SERVER_KEY), {
    batch: Array.from({ length: 1_300 }, (_, i) => ({
      type: 'track',
      event: 'Read',
      userId: 'dee',
      timestamp: at(T0 - 1_300 + i),
      properties: { page: `/${i}` },
    })),
  });
  await post('/v1/batch', basic(SERVER_KEY), {
    batch: [
      ...['ada', 'bob', 'cy'].map((name) => paid(name, T0 - DAY)),
      ...Array.from({ length: 400 }, (_, i) => paid('bob', T0 - 1_000 * i)),
      { type: 'group', ...ids('ada'), groupId: 'g', traits: { plan: 'pro' } },
      { type: 'group', ...ids('bob'), groupId: 'g', traits: {} },
      { type: 'alias', previousId: 'cy', userId: 'ada' },
      ...['shown', 'completed'].map((status) => ({
        type: 'survey',
        ...ids('ada'),
        surveyId: 'nps',
        submissionId: 'one',
        status,
        answers: {},
      })),
      paid('ada', T0 + DAY),
    ],
  });
  await post('/api/profiles/merge', `Bearer ${ADMIN_KEY}`, { from: 'bob', into: 'ada' });
  await collector.close();
  const file = new Database(join(folder, 'whole.db'));
  file.pragma('journal_mode = DELETE');
  whole = file.serialize();
  file.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(() => {
  database = join(folder, 'tampered.db');
  for (const end of ['', '-wal', '-shm']) rmSync(database + end, { force: true });
});

async function verified(repair: boolean): Promise<string[]> {
  const core = await createCore({ database, now, readOnly: !repair });
  const { differences } = await core.verify({});
  if (repair) await core.repair({ links: concernsLinks(differences) });
  await core.close();
  return [...new Set(differences.map(({ what }) => what))];
}

function tamper(sql: string): void {
  writeFileSync(database, whole);
  const file = new Database(database);
  const { changes } = file.prepare(sql).run();
  file.close();
  expect(changes, sql).toBeGreaterThan(0);
}

describe('verify', () => {
  it.each([
    ['first links', 'DELETE FROM pair'],
    ['first links', 'UPDATE pair SET plain = trusted, trusted = NULL'],
    ['aliases', 'DELETE FROM alias WHERE seq > 0'],
    ['aliases', 'DELETE FROM alias WHERE seq < 0'],
    ['aliases', 'UPDATE alias SET voided = 1'],
    ['links', "UPDATE timeline SET runs = '[]'"],
    ['survivor', 'UPDATE node SET root = id WHERE root <> id'],
    ['due', 'UPDATE person SET due = NULL'],
    ['due', 'UPDATE person SET due = due + 1'],
    ['deadlines', "UPDATE person SET due = NULL, state = json_set(state, '$[8]', json('[]'))"],
    ['group members', 'DELETE FROM group_member'],
    ['group members', "INSERT INTO group_member SELECT 'h', id FROM person"],
    ['group members that are nobody', "INSERT INTO group_member VALUES ('g', 999)"],
    ['messages that wait for their time', 'DELETE FROM pending'],
    ['group traits', 'UPDATE grp SET traits = \'{"v":{},"s":[]}\''],
    ['survey response', 'DELETE FROM response'],
    ['survey response', 'UPDATE response SET status = 0'],
    ['survey response', "INSERT INTO response VALUES (999, 'nps', 1, 'two', 3)"],
    ['survey response', "INSERT INTO response VALUES (1, 'nps', 1, 'two', 3)"],
    ['segment lists', 'DELETE FROM membership'],
    ['values kept beside the row', "DELETE FROM distinct_value WHERE text = '/7' AND leaf > 0"],
    ['values kept beside the row', "DELETE FROM distinct_value WHERE text = '/7' AND leaf < 0"],
    ['values kept beside the row', "UPDATE distinct_value SET n = 2 WHERE text = '/8' AND leaf < 0"],
    ['matches kept beside the row', 'DELETE FROM shed_match'],
    ['matches kept beside the row', "UPDATE shed_match SET body = replace(body, '1]]', '2]]')"],
    ['matches kept beside the row', "UPDATE shed_match SET ids = replace(ids, '[\"1', '[\"0')"],
    ['matches kept beside the row', "UPDATE shed_match SET body = '{'"],
    ['eventCount', "UPDATE person SET state = json_set(state, '$[0]', 99)"],
  ])('sees %s after %s, and mends it', async (what, sql) => {
    tamper(sql);
    expect(await verified(false)).toContain(what);
    expect(await verified(true)).toContain(what);
    expect(await verified(false)).toEqual([]);
  });

  it('sees nothing in rows as they were written before schema version 8', async () => {
    writeFileSync(database, whole);
    const file = new Database(database);
    const rows = file.prepare<[], { id: number; state: string }>('SELECT id, state FROM person').all();
    const write = file.prepare('UPDATE person SET state = ? WHERE id = ?');
    for (const { id, state } of rows) {
      const parts = JSON.parse(state) as unknown[];
      // Leaves and deadlines.
      for (const part of [6, 8]) parts[part] = byNumber(parts[part] as unknown[]);
      write.run(JSON.stringify(parts), id);
    }
    file.exec(`DROP INDEX distinct_commonest;
      CREATE TABLE before (time INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (time, seq)) WITHOUT ROWID;
      INSERT INTO before SELECT time, seq FROM pending; DROP TABLE pending; ALTER TABLE before RENAME TO pending;`);
    file.pragma('user_version = 7');
    file.close();
    expect(rows.length).toBeGreaterThan(0);
    await expect(createCore({ database, now, readOnly: true })).rejects.toThrow('version 7');
    const core = await createCore({ database, now });
    expect((await core.verify({})).differences).toEqual([]);
    await core.close();
  });
});

/** An object of a list of numbers, each before what it stands for. */
function byNumber(list: readonly unknown[]): Record<string, unknown> {
  const entries: [string, unknown][] = [];
  for (let i = 0; i < list.length; i += 2) entries.push([String(list[i]), list[i + 1]]);
  return Object.fromEntries(entries);
}
