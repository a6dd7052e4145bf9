// The first keys of a database: whoever starts it is shown them, whatever went wrong or was done with it before.
// Invariant: no key is in the file that nobody has been shown.
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createCollector } from '@tidemark/collector';
import { describe, expect, it } from 'vitest';
import { closed, KEYS, type Served, useCommandLine } from './command-line.ts';

const { path, database, run, serve, store } = useCommandLine();

const shownFile = (): string => path('data', 'first-run.txt');
const keysIn = (text: string): string[] => [...text.matchAll(/\b[wsa]k_[\w-]{20,}/g)].map(([key]) => key);

/** Names and kinds of the keys there are, in order. */
async function keyNames(): Promise<string[]> {
  const { out } = await run(['keys', '--json']);
  return (JSON.parse(out) as { kind: string; name: string | null }[])
    .map(({ kind, name }) => `${kind} ${name}`)
    .sort();
}

async function stop({ child }: Served): Promise<void> {
  const done = closed(child);
  child.kill('SIGTERM');
  expect(await done).toBe(0);
}

/** That this start shows keys, and that they work. */
async function expectShown(served: Served): Promise<void> {
  const text = readFileSync(shownFile(), 'utf8');
  const admin = keysIn(text).find((key) => key.startsWith('ak_'));
  const headers = { authorization: `Bearer ${admin}` };
  const sources = await fetch(`${served.url}/api/sources`, { headers });
  const { data } = (await sources.json()) as { data: [{ signingSecret: string }] };
  expect(text).toContain(data[0].signingSecret);
  expect(Object.keys(data[0]).sort()).toEqual(
    ['allowedOrigins', 'createdAt', 'id', 'name', 'requireSignature', 'signingSecret'].sort(),
  );
  const [web = ''] = keysIn(text);
  const body = JSON.stringify({ writeKey: web, userId: 'u', event: 'E' });
  expect((await fetch(`${served.url}/v1/track`, { method: 'POST', body })).status).toBe(200);
}

async function expectShownOnce(served: Served): Promise<void> {
  await expectShown(served);
  await stop(served);
  rmSync(shownFile());
  await stop(await serve({}));
  expect(existsSync(shownFile())).toBe(false);
}

describe('a first start that fails', () => {
  it('for its port leaves no keys, and the next one shows some', async () => {
    const taken = createServer();
    await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done));
    const { port } = taken.address() as { port: number }; // it listens on a port
    for (let i = 0; i < 2; i++) {
      const failed = await run(['serve'], { PORT: String(port) });
      expect([failed.code, existsSync(shownFile())]).toEqual([1, false]);
    }
    await new Promise((done) => taken.close(done));
    const served = await serve({});
    expect(await keyNames()).toEqual(['admin first', 'server first', 'web first']);
    await expectShownOnce(served);
    expect(await keyNames()).toEqual(['admin first', 'server first', 'web first']);
  });

  it('for its definitions does as well', async () => {
    const TIDEMARK_CONFIG = path('definitions.json');
    writeFileSync(TIDEMARK_CONFIG, '{"segments":{"a":{"where":{"segment":"none"}}}}');
    const failed = await run(['serve'], { PORT: '0', TIDEMARK_CONFIG });
    expect([failed.code, existsSync(database()), existsSync(shownFile())]).toEqual([1, true, false]);
    const served = await serve({});
    expect(await keyNames()).toEqual(['admin first', 'server first', 'web first']);
    await expectShown(served);
  });
});

describe('a database that a command made', () => {
  it('has the key it was made for and no other, and the first serve shows the others', async () => {
    const made = await run(['keys', 'create', 'admin', '--name', 'mine', '--json']);
    const { id, key } = JSON.parse(made.out) as { id: string; key: string };
    expect(made.err).toContain(`No \`tidemark serve\` has shown the keys of ${database()} yet`);
    expect(await keyNames()).toEqual(['admin mine']);
    const revoked = await run(['keys', 'revoke', id]);
    expect([revoked.code, revoked.err]).toEqual([1, expect.stringContaining('the last admin key')]);
    const served = await serve({});
    expect(await keyNames()).toEqual(['admin first', 'admin mine', 'server first', 'web first']);
    const headers = { authorization: `Bearer ${key}` };
    expect((await fetch(`${served.url}/api/keys`, { headers })).status).toBe(200);
    await expectShownOnce(served);
    // From then on nothing is said of it.
    expect((await run(['keys'])).err).toBe('');
  });

  it.each(['apply', 'import'])('by %s has no keys until then', async (command) => {
    const file = path('file');
    writeFileSync(file, command === 'apply' ? '{}' : '{"type":"track","event":"E","userId":"u"}\n');
    expect(await run([command, file])).toMatchObject({
      code: 0,
      err: expect.stringContaining(`No \`tidemark serve\` has shown the keys of ${database()} yet`),
    });
    expect(await keyNames()).toEqual([]);
    await expectShown(await serve({}));
  });

  it('shows those it makes, and of a given secret only where it was given', async () => {
    const { TIDEMARK_ADMIN_KEY } = KEYS;
    await run(['keys'], { TIDEMARK_ADMIN_KEY });
    await serve({ TIDEMARK_ADMIN_KEY });
    expect(await keyNames()).toEqual(['admin given at start', 'server first', 'web first']);
    const text = readFileSync(shownFile(), 'utf8');
    expect(text).not.toContain(TIDEMARK_ADMIN_KEY);
    expect(text).toContain('as given by TIDEMARK_ADMIN_KEY');
    expect(text).toContain('Bearer $TIDEMARK_ADMIN_KEY');
    expect(keysIn(text).some((key) => key.startsWith('sk_'))).toBe(true);
  });
});

it('whoever gives all secrets is shown them nowhere', async () => {
  const secrets = { ...KEYS, TIDEMARK_SIGNING_SECRET: 'a-secret-of-our-own-a-secret-of-our-own' };
  const served = await serve(secrets);
  expect(existsSync(shownFile())).toBe(false);
  expect(served.said()).toContain(KEYS.TIDEMARK_WRITE_KEY);
  const { TIDEMARK_WRITE_KEY: _public, ...others } = secrets;
  for (const secret of Object.values(others)) expect(served.said()).not.toContain(secret);
});

it('two databases of one folder both have their keys in the file, which only its owner reads', async () => {
  mkdirSync(path('data'));
  writeFileSync(shownFile(), '', { mode: 0o644 });
  await stop(await serve({}));
  const first = readFileSync(shownFile(), 'utf8');
  await stop(await serve({ TIDEMARK_DB: path('data', 'other.db') }));
  const both = readFileSync(shownFile(), 'utf8');
  expect(both.startsWith(first)).toBe(true);
  expect(first).toContain(`The keys of ${database()} `);
  expect(both.slice(first.length)).toContain(`The keys of ${path('data', 'other.db')} `);
  expect(new Set(keysIn(both)).size).toBe(6);
  expect(statSync(shownFile()).mode & 0o777).toBe(0o600);
});

describe('a database that a program made', () => {
  it('without keys has none, and the first serve shows some', async () => {
    mkdirSync(path('data'));
    await (await createCollector({ database: database() })).close();
    expect(await keyNames()).toEqual([]);
    await expectShown(await serve({}));
  });

  it('with all keys has nothing to show', async () => {
    await store();
    expect((await run(['keys'])).err).toBe('');
    await stop(await serve({}));
    expect(existsSync(shownFile())).toBe(false);
    expect(await keyNames()).toEqual(['admin given at start', 'server given at start', 'web given at start']);
  });
});
