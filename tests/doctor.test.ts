// `tidemark doctor`: every line says how it stands and, where it does not stand well, what to do.
import { chmodSync, truncateSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { api, KEYS, post, useCommandLine } from './command-line.ts';

const { path, database, run, serve, store } = useCommandLine();

/** To a trait that is not in it. */
const REFERRING = { segments: { big: { where: { computed: 'spent', op: 'gt', value: 1 } } } };

interface Finding {
  check: string;
  status: 'ok' | 'warn' | 'fail';
  says: string;
  advice?: string;
}

async function doctor(
  environment: Record<string, string> = KEYS,
): Promise<{ code: number | null; ok: boolean; by: Map<string, Finding> }> {
  const { code, out } = await run(['doctor', '--json'], environment);
  const { ok, findings } = JSON.parse(out) as { ok: boolean; findings: Finding[] };
  for (const { status, advice } of findings) expect(advice === undefined).toBe(status === 'ok');
  return { code, ok, by: new Map(findings.map((finding) => [finding.check, finding])) };
}

const statuses = ({ by }: { by: Map<string, Finding> }): string[] =>
  [...by.values()].filter(({ status }) => status !== 'ok').map(({ check, status }) => `${status} ${check}`);

function alter(sql: string): void {
  const db = new Database(database());
  db.exec(sql);
  db.close();
}

describe('doctor', () => {
  it('is content with a file that is served, and counts what is rejected', async () => {
    const { url, child } = await serve();
    await post(url, [
      { type: 'track', event: 'E', userId: 'ada' },
      { type: 'track', userId: 'ada' },
    ]);
    const found = await doctor();
    expect([found.code, found.ok]).toEqual([0, true]);
    expect(statuses(found)).toEqual(['warn rejected', 'warn first run']);
    expect(found.by.get('rejected')?.says).toBe('1 missing_event');
    expect(found.by.get('content')?.says).toBe('1 messages of 1 people');
    expect(found.by.get('served')?.says).toContain(`process ${child.pid}`);
    expect(found.by.get('integrity')?.status).toBe('ok');
    const { out } = await run(['doctor'], KEYS);
    expect(out).toMatch(/^ok {4}node/m);
    expect(out).toMatch(/^warn {2}rejected .*\n +GET \/api\/rejected/m);
  });

  it('says what a machine needs before there is a file', async () => {
    const found = await doctor();
    expect([found.code, statuses(found)]).toEqual([0, ['warn database']]);
  });

  it('looks at the definitions file as serve does, beside what the API made', async () => {
    const { url } = await serve();
    const put = (at: string, definition: object) =>
      api(url, at, { method: 'PUT', body: JSON.stringify(definition) });
    await put('/traits/spent', { type: 'sum', event: 'Order', property: 'revenue' });
    const config = { ...KEYS, TIDEMARK_CONFIG: path('x.json') };
    writeFileSync(path('x.json'), JSON.stringify(REFERRING));
    expect((await doctor(config)).by.get('definitions')?.status).toBe('ok');
    expect((await run(['apply', path('x.json')])).code).toBe(0);
    // One of the API's needs one that the file no longer has.
    await put('/segments/rich', { where: { segment: 'big' } });
    writeFileSync(path('x.json'), '{}');
    const found = (await doctor(config)).by.get('definitions');
    const applied = await run(['apply', path('x.json')]);
    expect([found?.status, applied.code]).toEqual(['fail', 1]);
    expect(found?.says).toContain('/segments/rich/where/segment');
    expect(applied.err).toContain('/segments/rich/where/segment');
  });

  it.each([
    ['a damaged file', () => truncateSync(database(), 20_000), {}, ['fail integrity']],
    ['no database', () => writeFileSync(database(), 'text '.repeat(2_000)), {}, ['fail integrity']],
    ['a newer version', () => alter('PRAGMA user_version = 99'), {}, ['fail version']],
    ['an older version', () => alter('PRAGMA user_version = 2'), {}, ['warn version']],
    ['a file of something else', () => alter('DROP TABLE fact'), {}, ['fail database']],
    ['an open mode', () => chmodSync(database(), 0o644), {}, ['warn rights']],
    [
      'a repair cut off',
      () => alter("INSERT OR REPLACE INTO fact VALUES ('rebuild', 'true')"),
      {},
      ['warn repair'],
    ],
    [
      'an erasure cut off',
      () => alter("INSERT OR REPLACE INTO fact VALUES ('room', 'true')"),
      {},
      ['warn repair'],
    ],
    [
      'a clock ahead',
      () => alter("UPDATE fact SET value = '4102444800000' WHERE name = 'clock'"),
      {},
      ['fail clock'],
    ],
    ['another time zone', () => {}, { TIDEMARK_TZ: 'Europe/Berlin' }, ['warn time zone']],
    ['keys in clear', () => writeFileSync(path('data', 'first-run.txt'), 'keys'), {}, ['warn first run']],
    [
      'a broken definitions file',
      () => writeFileSync(path('x.json'), '{'),
      { TIDEMARK_CONFIG: 'x.json' },
      ['fail definitions'],
    ],
    [
      'a definition that refers to nothing',
      () => writeFileSync(path('x.json'), JSON.stringify(REFERRING)),
      { TIDEMARK_CONFIG: 'x.json' },
      ['fail definitions'],
    ],
    ['a bad setting', () => {}, { PORT: 'eighty' }, ['fail settings']],
    ['a misspelt setting', () => {}, { TIDEMARK_TZONE: 'UTC' }, ['warn settings']],
    ['a short secret', () => {}, { TIDEMARK_ADMIN_KEY: 'short' }, ['warn secrets']],
    ['plain http', () => {}, { TIDEMARK_PUBLIC_URL: 'http://x.example.com' }, ['warn address']],
    [
      'an open port',
      () => {},
      { HOST: '0.0.0.0', TIDEMARK_RATE_LIMIT: 'off' },
      ['warn address', 'warn rate limit'],
    ],
    [
      'a proxy that is not told of',
      () => {},
      { TIDEMARK_PUBLIC_URL: 'https://x.example.com' },
      ['warn proxy'],
    ],
    [
      'a proxy that can be gone round',
      () => {},
      { HOST: '0.0.0.0', TIDEMARK_PUBLIC_URL: 'https://x.example.com', TIDEMARK_TRUST_PROXY: '1' },
      ['warn proxy'],
    ],
    ['a clock that stands', () => {}, { TIDEMARK_NOW: '2030-01-01' }, ['warn fixed clock']],
  ])('sees %s', async (_, spoil, environment: Record<string, string>, expected) => {
    await store('ada');
    spoil();
    const config = environment.TIDEMARK_CONFIG ? { TIDEMARK_CONFIG: path(environment.TIDEMARK_CONFIG) } : {};
    const found = await doctor({ ...KEYS, ...environment, ...config });
    expect(statuses(found)).toEqual(expected);
    expect(found.code).toBe(expected.some((line) => line.startsWith('fail')) ? 1 : 0);
  });
});
