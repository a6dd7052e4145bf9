// The command line as an operator uses it: each command in a process of its own.
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { holderOf, takeLock } from '../collector/src/main/lock.ts';
import { holdFile } from '../collector/src/storage/sqlite/held-file.ts';
import { api, closed, KEYS, useCommandLine } from './command-line.ts';

const surveyFile = (name: string): string =>
  fileURLToPath(new URL(`../collector/src/features/surveys/import/fixtures/${name}.json`, import.meta.url));
const cdnow = fileURLToPath(new URL('../examples/cdnow/definitions.json', import.meta.url));

const { path, launch, run, serve, store } = useCommandLine();
let folder: string;
beforeEach(() => {
  folder = path();
});

describe('settings', () => {
  it.each([
    ['PORT', 'eighty'],
    ['TIDEMARK_TZ', 'Mars/Olympus'],
    ['TIDEMARK_NOW', 'yesterday'],
    ['TIDEMARK_PUBLIC_URL', 'ftp://x'],
    ['TIDEMARK_TRUST_PROXY', '-1'],
    ['TIDEMARK_RATE_LIMIT', 'often'],
    ['TIDEMARK_LOG_LEVEL', 'loud'],
    ['TIDEMARK_IP', 'some'],
    ['TIDEMARK_ADMIN_KEY', 'with: colon'],
    ['TIDEMARK_CONFIG', '/nowhere/definitions.json'],
  ])('stops with one line when %s is %j', async (name, value) => {
    const { code, err } = await run(['serve'], { [name]: value });
    expect(code).toBe(1);
    expect(err.trim().split('\n')).toHaveLength(1);
    expect(err).toContain(name === 'TIDEMARK_CONFIG' ? value : name);
  });

  it('points at what is wrong in a definitions file', async () => {
    const file = join(folder, 'definitions.json');
    writeFileSync(
      file,
      JSON.stringify({ segments: { a: { where: { all: [{ trait: 'x', op: 'equals', value: 1 }] } } } }),
    );
    const { code, err } = await run(['apply', file]);
    expect(code).toBe(1);
    expect(err).toContain('/segments/a/where/all/0/op');
  });

  it('helps, and names unknown commands and flags', async () => {
    expect((await run(['--help'])).out).toContain('tidemark serve');
    expect((await run(['import', '--help'])).out).toContain('--message-id');
    expect(await run(['sevre'])).toMatchObject({ code: 1, err: expect.stringContaining('"sevre"') });
    expect(await run(['verify', '--fast'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('--fast'),
    });
  });
});

describe('names that others gave', () => {
  /** Clears the screen, begins a row of its own, turns the order of letters. */
  const NAME = 'shop\x1b[2J\x9b31m\nkey_1  admin\u202e';
  const SHOWN = 'shop\\u001b[2J\\u009b31m\\u000akey_1  admin\\u202e';

  it('are shown by keys, not obeyed, and are whole for machines', async () => {
    expect((await run(['keys', 'create', 'web', '--name', NAME])).code).toBe(0);
    // As the API has it.
    expect(await run(['keys', 'create', 'web', '--name', 'n'.repeat(201)])).toMatchObject({ code: 1 });
    const { out } = await run(['keys']);
    expect(out).toContain(SHOWN);
    expect(out.split('\n').filter((line) => line.includes('shop'))).toHaveLength(1);
    expect(out).not.toMatch(/(?!\n)[\p{Cc}\u202e]/u);
    const machine = await run(['keys', '--json']);
    expect(JSON.parse(machine.out)).toContainEqual(expect.objectContaining({ name: NAME }));
    expect(machine.out).not.toMatch(/(?!\n)[\p{Cc}\u202e]/u);
  });

  it('are shown in errors, also in those of the process that serves the file', async () => {
    await serve();
    for (const args of [['keys', 'revoke', NAME], ['keys', NAME], [NAME], ['apply', NAME]]) {
      const { code, err } = await run(args);
      expect(code).toBe(1);
      expect(err).toContain('shop\\u001b[2J');
      expect(err).not.toMatch(/(?!\n)[\p{Cc}\u202e]/u);
    }
  });

  it('are shown by import --surveys', async () => {
    const file = path('surveys.json');
    const text = readFileSync(surveyFile('posthog'), 'utf8');
    const [survey] = (JSON.parse(text) as { results: { name: string }[] }).results;
    writeFileSync(file, JSON.stringify({ results: [{ ...survey, name: NAME }] }));
    const { out, err } = await run(['import', '--surveys', file, '--from', 'posthog']);
    expect(out + err).toContain(SHOWN);
    expect(out + err).not.toMatch(/(?!\n)[\p{Cc}\u202e]/u);
  });
});

describe('output that nobody takes', () => {
  async function unread(args: string[], out: 'pipe' | number): Promise<{ code: number | null; err: string }> {
    const child = launch(args, KEYS, out);
    let err = '';
    child.stderr?.on('data', (chunk) => {
      err += chunk;
    });
    child.stdout?.destroy();
    return { code: await closed(child), err };
  }

  it.each([['doctor', '--quick'], ['verify', '--json'], ['--help']])('ends %s quietly', async (...args) => {
    await store('ada');
    const { code, err } = await unread(args, 'pipe');
    // A bar's last state is all that is said.
    expect([code, err.replace(/^Verifying .*\n/gm, '')]).toEqual([141, '']);
  });

  it('fails where there is no room for it', async () => {
    await store('ada');
    const full = openSync('/dev/full', 'w');
    const { code, err } = await unread(['doctor', '--quick'], full);
    closeSync(full);
    expect([code, err]).toEqual([
      1,
      'tidemark: stdout cannot be written: no space left on device (ENOSPC)\n',
    ]);
  });

  it('is no matter where it is but notes', async () => {
    await store('ada');
    const child = launch(['keys', 'create', 'web'], KEYS);
    child.stderr?.destroy();
    child.stdout?.resume();
    expect(await closed(child)).toBe(0);
  });
});

describe('serve', () => {
  it('writes the keys once, where only the owner reads, and says nothing secret afterwards', async () => {
    const first = await serve({});
    const file = join(folder, 'data', 'first-run.txt');
    const text = readFileSync(file, 'utf8');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'data', 'tidemark.db')).mode & 0o777).toBe(0o600);
    const secrets = [...text.matchAll(/[sa]k_[\w-]{20,}|\b[0-9a-f]{64}\b/g)].map(([secret]) => secret);
    expect(new Set(secrets).size).toBe(3);
    for (const secret of secrets) expect(first.said()).not.toContain(secret);
    expect(text).toContain(`<script async src="${first.url}/sdk.js"`);
    const done = closed(first.child);
    first.child.kill('SIGTERM');
    expect(await done).toBe(0);
    rmSync(file);
    await serve({});
    expect(existsSync(file)).toBe(false);
  });

  it('stops in the midst of a build with code 0, and builds on when it is started again', async () => {
    const people = join(folder, 'people.ndjson');
    const lines = Array.from({ length: 30_000 }, (_, i) =>
      JSON.stringify({ type: 'track', event: 'E', userId: `u${i}`, messageId: `m${i}` }),
    );
    writeFileSync(people, `${lines.join('\n')}\n`);
    expect((await run(['import', people], KEYS)).code).toBe(0);
    const headers = {
      authorization: `Bearer ${KEYS.TIDEMARK_ADMIN_KEY}`,
      'content-type': 'application/json',
    };
    const first = await serve();
    const many = { where: { event: 'E', count: { op: 'gte', value: 1 }, within: '365d' } };
    const put = { method: 'PUT', headers, body: JSON.stringify(many) };
    const of = (url: string, init: RequestInit = { headers }) => fetch(`${url}/api/segments/many`, init);
    const view = (await (await of(first.url, put)).json()) as { status: string; progress: number };
    expect(view.status).toBe('building');
    let far = view;
    // Threads are at work then.
    while (far.status === 'building' && far.progress < 0.1)
      far = (await (await of(first.url)).json()) as typeof view;
    const done = closed(first.child);
    first.child.kill('SIGTERM');
    expect(await done).toBe(0);
    const second = await serve();
    await vi.waitFor(
      async () =>
        expect(await (await of(second.url)).json()).toMatchObject({ status: 'ready', size: 30_000 }),
      { timeout: 30_000, interval: 100 },
    );
    expect((await run(['verify'])).code).toBe(0);
  }, 90_000);

  it('refuses a second one on the same file and names the first', async () => {
    const { child } = await serve();
    const { code, err } = await run(['serve'], { PORT: '0', ...KEYS });
    expect(code).toBe(1);
    expect(err).toContain(`process ${child.pid}`);
  });

  it('names the variables where it cannot listen', async () => {
    const { code, err } = await run(['serve'], { PORT: '0', HOST: '192.0.2.1', ...KEYS });
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(/cannot listen: .*; HOST is 192\.0\.2\.1, PORT is 0$/m),
    ]);
  });

  it('refuses a second one by another name of the file', async () => {
    const { child } = await serve();
    symlinkSync(join('data', 'tidemark.db'), join(folder, 'link.db'));
    const { code, err } = await run(['serve'], { PORT: '0', ...KEYS, TIDEMARK_DB: join(folder, 'link.db') });
    expect(code).toBe(1);
    expect(err).toContain(`process ${child.pid}`);
  });

  it('refuses one by the name of a file that a link has made', async () => {
    mkdirSync(join(folder, 'data'));
    symlinkSync('real.db', join(folder, 'data', 'tidemark.db'));
    const { child } = await serve();
    const real = { TIDEMARK_DB: join(folder, 'data', 'real.db') };
    const { code, err } = await run(['serve'], { PORT: '0', ...KEYS, ...real });
    expect(code).toBe(1);
    expect(err).toContain(`process ${child.pid}`);
  });

  it('refuses one beside that of an earlier version, for as long as it runs', async () => {
    mkdirSync(join(folder, 'data'));
    const path = join(folder, 'data', 'tidemark.db.lock');
    const stat = readFileSync(`/proc/${process.pid}/stat`, 'utf8');
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    writeFileSync(path, JSON.stringify({ pid: process.pid, started }));
    const { code, err } = await run(['keys'], KEYS);
    expect([code, err.includes(`process ${process.pid}`)]).toEqual([1, true]);
    writeFileSync(path, JSON.stringify({ pid: process.pid, started: '1' }));
    expect((await run(['keys'], KEYS)).code).toBe(0);
  });

  it('refuses one beside that of another container, whose process ids mean nothing here', async () => {
    const path = join(folder, 'data', 'tidemark.db.lock');
    mkdirSync(join(folder, 'data'));
    const elsewhere = holdFile(path, JSON.stringify({ pid: 2 ** 30 }));
    const { code, err } = await run(['serve'], { PORT: '0', ...KEYS });
    if ('release' in elsewhere) elsewhere.release();
    expect(code).toBe(1);
    expect(err).toContain(`process ${2 ** 30}`);
  });

  it('takes over the lock of a killed process', async () => {
    const { child } = await serve();
    const done = closed(child);
    child.kill('SIGKILL');
    await done;
    await expect(serve()).resolves.toBeTruthy();
  });

  it('answers what is under way when stopped', async () => {
    const { child, url } = await serve();
    const done = closed(child);
    const body = JSON.stringify({
      batch: Array.from({ length: 1500 }, (_, i) => ({ type: 'track', event: 'E', userId: `u${i}` })),
    });
    const asked = fetch(`${url}/v1/batch`, {
      method: 'POST',
      body,
      headers: { authorization: `Basic ${Buffer.from(`${KEYS.TIDEMARK_WRITE_KEY}:`).toString('base64')}` },
    });
    await new Promise((resolve) => setTimeout(resolve, 30));
    child.kill('SIGTERM');
    expect([200, 503]).toContain((await asked).status);
    expect(await done).toBe(0);
    expect(holderOf(join(folder, 'data', 'tidemark.db'))).toBeNull();
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('stops in order by %s, and says so', async (signal) => {
    const { child, said } = await serve();
    const done = closed(child);
    child.kill(signal);
    expect(await done).toBe(0);
    expect(said()).toContain(`${signal}: stopping`);
    expect(JSON.parse(said().trim().split('\n').at(-1) ?? '')).toMatchObject({
      level: 'info',
      msg: 'stopped',
    });
    expect(holderOf(join(folder, 'data', 'tidemark.db'))).toBeNull();
    expect(existsSync(join(folder, 'data', 'tidemark.db-wal'))).toBe(false);
  });

  it('says what its definitions file changes', async () => {
    const file = join(folder, 'definitions.json');
    const environment = { ...KEYS, TIDEMARK_CONFIG: file };
    const stop = async ({ child }: Awaited<ReturnType<typeof serve>>) => {
      const done = closed(child);
      child.kill('SIGTERM');
      await done;
    };
    writeFileSync(file, '{"traits":{"n":{"type":"count","event":"A"}}}');
    const first = await serve(environment);
    await vi.waitFor(() => expect(first.said()).toContain('trait n: created'));
    await stop(first);
    writeFileSync(file, '{"retention":{"A":"30d"}}');
    const second = await serve(environment);
    await vi.waitFor(() => expect(second.said()).toContain('1 deleted'));
    expect(second.said()).toContain('trait n: deleted');
    expect(second.said()).toContain('Events kept: "A" for 30d; all others for ever');
    expect((await run(['apply', file], KEYS)).code).toBe(0);
    await vi.waitFor(() => expect(second.said()).toContain('done by command: apply'));
    await stop(second);
    const third = await serve(environment);
    expect(third.said()).not.toContain('trait n');
  });

  it('warns of a database that it has just made, and not of one that was there', async () => {
    const first = await serve();
    await vi.waitFor(() => expect(first.said()).toContain('is a new, empty database'));
    const done = closed(first.child);
    first.child.kill('SIGTERM');
    await done;
    const second = await serve();
    await vi.waitFor(() => expect(second.said()).toContain('started, version'));
    expect(second.said()).not.toContain('new, empty');
  });

  it('names a variable that is no setting, and the one that was meant', async () => {
    const { said } = await serve({
      ...KEYS,
      TIDEMARK_RATELIMITS: '5',
      TIDEMARK_COLOUR: 'red',
      TIDEMARK_HOST: '::1',
      TIDEMARK_PORT: 'tcp://10.0.0.1:80',
      TIDEMARK_SERVICE_HOST: '10.0.0.1',
    });
    await vi.waitFor(() => expect(said()).toContain('started, version'));
    expect(said()).toContain('TIDEMARK_HOST is no setting and is passed over; did you mean HOST?');
    expect(said()).not.toMatch(/TIDEMARK_(PORT|SERVICE)/);
    expect(said()).toContain(
      'TIDEMARK_RATELIMITS is no setting and is passed over; did you mean TIDEMARK_RATE_LIMIT?',
    );
    expect(said()).toContain('TIDEMARK_COLOUR is no setting and is passed over"');
  });

  it('says where it listens, whatever address it is known by', async () => {
    const child = launch(['serve'], {
      ...KEYS,
      PORT: '0',
      TIDEMARK_PUBLIC_URL: 'https://collect.example.com',
    });
    let said = '';
    child.stdout?.on('data', (text) => {
      said += text;
    });
    await vi.waitFor(
      () =>
        expect(said).toMatch(
          /listens on 127\.0\.0\.1:[1-9]\d*, known as https:\/\/collect\.example\.com, with /,
        ),
      { timeout: 20_000 },
    );
  });

  it('does not keep commands waiting for ever when it is stopped by a signal', async () => {
    const { child } = await serve();
    child.kill('SIGSTOP');
    try {
      const [keys, looked] = await Promise.all([
        run(['keys'], KEYS),
        run(['doctor', '--quick', '--json'], KEYS),
      ]);
      expect(keys).toMatchObject({ code: 1, out: '' });
      expect(keys.err).toContain(`Process ${child.pid} serves`);
      expect(keys.err).toContain('does not answer');
      expect(looked.code).toBe(1);
      const { findings } = JSON.parse(looked.out) as { findings: { check: string; status: string }[] };
      expect(findings.find(({ check }) => check === 'served')).toMatchObject({ status: 'fail' });
    } finally {
      child.kill('SIGCONT');
    }
  }, 30_000);

  it('lets keys, apply and import work through it, over a socket only the owner may use', async () => {
    const { url } = await serve();
    expect(statSync(join(folder, 'data', 'tidemark.db.sock')).mode & 0o777).toBe(0o600);
    const made = await run(['keys', 'create', 'admin', '--role', 'read', '--json']);
    expect(made.code).toBe(0);
    const { key, id } = JSON.parse(made.out) as { key: string; id: string };
    const read = await fetch(`${url}/api/keys`, { headers: { authorization: `Bearer ${key}` } });
    expect(read.status).toBe(200);
    expect((await run(['apply', cdnow])).out).toContain('11 definitions');
    const csv = join(folder, 'orders.csv');
    writeFileSync(csv, 'who,what\n1,5\n1,7\n');
    expect(
      await run([
        'import',
        '--csv',
        csv,
        '--map',
        'userId=who',
        '--map',
        'properties.revenue=what:number',
        '--event',
        'Order Completed',
      ]),
    ).toMatchObject({ code: 0 });
    expect(await api(url, '/profiles/user:1')).toMatchObject({ computed: { orders: 2, revenue: 12 } });
    expect((await run(['keys', 'revoke', id])).code).toBe(0);
    expect((await fetch(`${url}/api/keys`, { headers: { authorization: `Bearer ${key}` } })).status).toBe(
      401,
    );
    expect((await run(['keys', 'revoke', id])).code).toBe(1);
    expect(await run(['verify'])).toMatchObject({ code: 0, out: expect.stringContaining('no difference') });
  });

  it('shows changes made by time by itself', async () => {
    const config = join(folder, 'definitions.json');
    writeFileSync(config, JSON.stringify({ segments: { now: { where: { event: 'E', within: '1s' } } } }));
    const { url } = await serve({ ...KEYS, TIDEMARK_CONFIG: config });
    await fetch(`${url}/v1/track`, {
      method: 'POST',
      body: JSON.stringify({ writeKey: KEYS.TIDEMARK_WRITE_KEY, userId: 'u', event: 'E' }),
    });
    const database = new Database(join(folder, 'data', 'tidemark.db'), { readonly: true });
    const logged = () => database.prepare('SELECT count(*) AS n FROM transition').get() as { n: number };
    await expect.poll(() => logged().n, { timeout: 5_000 }).toBe(2);
    database.close();
  });
});

describe('a file that another command has open', () => {
  it('is said to be in use, by which process, and no more', async () => {
    await store('ada');
    expect((await run(['backup', join(folder, 'b.db')])).code).toBe(0);
    // As a collector leaves it that was killed: nobody listens.
    const { child } = await serve();
    const done = closed(child);
    child.kill('SIGKILL');
    await done;
    const lock = takeLock(join(folder, 'data', 'tidemark.db'));
    try {
      for (const args of [['keys'], ['serve'], ['verify', '--repair'], ['restore', join(folder, 'b.db')]]) {
        const { code, out, err } = await run(args, { ...KEYS, PORT: '0' });
        expect([code, out]).toEqual([1, '']);
        expect(err).toMatch(
          new RegExp(
            `^tidemark: \\S+tidemark\\.db is in use by process ${process.pid}, which takes no commands: .*\\n$`,
          ),
        );
      }
      const { out } = await run(['doctor'], KEYS);
      expect(out).toMatch(new RegExp(`^warn +served +in use by process ${process.pid},`, 'm'));
      expect(out).not.toContain('.sock');
    } finally {
      lock.release();
    }
    expect((await run(['keys'], KEYS)).code).toBe(0);
  });
});

describe('import --surveys', () => {
  const args = (...more: string[]): string[] => [
    ...['import', '--surveys', surveyFile('formbricks'), '--from', 'formbricks', ...more],
  ];
  interface Outcome {
    key: string;
    status: string;
    notes: { pointer: string; message: string }[];
  }
  const outcomesOf = ({ out }: { out: string }): string[] =>
    (JSON.parse(out) as { surveys: Outcome[] }).surveys.map(({ key, status }) => `${key} ${status}`);

  it('puts surveys through the process that serves the file, once, and says what was left out', async () => {
    const { url } = await serve();
    const first = await run(args());
    expect(first.code).toBe(0);
    expect(first.out).toContain('after-the-first-order (After the first order): created, 14 questions');
    expect(first.out).toContain('- /data/0/questions/4/type a question of type "pictureSelection"');
    const again = await run(args('--json'));
    expect([again.code, outcomesOf(again)]).toEqual([0, ['after-the-first-order same', 'blocks same']]);
    const headers = {
      authorization: `Bearer ${KEYS.TIDEMARK_ADMIN_KEY}`,
      'content-type': 'application/json',
    };
    const at = `${url}/api/surveys/blocks`;
    expect(await (await fetch(at, { headers })).json()).toMatchObject({ name: 'Blocks', expose: 'none' });

    const body = JSON.stringify({ name: 'Mine', questions: [{ id: 'q', type: 'nps', title: 'How?' }] });
    expect((await fetch(at, { method: 'PUT', headers, body })).status).toBe(200);
    const kept = await run(args('--json'));
    expect([kept.code, outcomesOf(kept)]).toEqual([2, ['after-the-first-order same', 'blocks kept']]);
    expect(await (await fetch(at, { headers })).json()).toMatchObject({ name: 'Mine' });
    const replaced = await run(args('--json', '--replace'));
    expect([replaced.code, outcomesOf(replaced)]).toEqual([
      0,
      ['after-the-first-order same', 'blocks changed'],
    ]);
  });

  it('says on apply how long events are kept, and what is wrong with that', async () => {
    const file = join(folder, 'kept.json');
    // With the mark that some editors begin a file with.
    writeFileSync(file, `\ufeff${JSON.stringify({ retention: { 'Product Viewed': '90d', $page: '26w' } })}`);
    const applied = await run(['apply', file], KEYS);
    expect([applied.code, applied.out]).toEqual([
      0,
      '0 definitions created or changed, 0 deleted\n' +
        'Events kept: "Product Viewed" for 90d, "$page" for 26w; all others for ever\n',
    ]);
    writeFileSync(file, JSON.stringify({ retention: { 'Product*': '90d' } }));
    const refused = await run(['apply', file], KEYS);
    expect([refused.code, refused.out]).toEqual([1, '']);
    expect(refused.err).toContain('/retention/Product* must name one event, without *');
  });

  it('says on apply what it did to which definition, and what it took over from the API', async () => {
    const file = join(folder, 'named.json');
    const orders = { type: 'count', event: 'Order Completed' };
    const buyers = { where: { computed: 'orders', op: 'gte', value: 1 } };
    const write = (content: object): void => writeFileSync(file, JSON.stringify(content));
    const { url } = await serve();
    const headers = {
      authorization: `Bearer ${KEYS.TIDEMARK_ADMIN_KEY}`,
      'content-type': 'application/json',
    };
    const put = (path: string, body: object) =>
      fetch(`${url}/api/${path}`, { method: 'PUT', headers, body: JSON.stringify(body) });
    expect((await put('traits/orders', orders)).status).toBe(201);
    expect(
      (await put('segments/buyers', { where: { computed: 'orders', op: 'gte', value: 5 } })).status,
    ).toBe(201);
    expect((await put('segments/mine', buyers)).status).toBe(201);
    write({ traits: { orders, pages: { type: 'count', event: '$page' } }, segments: { buyers } });
    const taken =
      "; made through the API, it is the file's from now on and goes once the file names it no more";
    expect((await run(['apply', file])).out).toBe(
      '2 definitions created or changed, 0 deleted\n' +
        `  trait orders: as it was${taken}\n  trait pages: created\n  segment buyers: changed${taken}\n`,
    );
    expect((await run(['apply', file])).out).toBe('0 definitions created or changed, 0 deleted\n');
    write({ traits: { orders } });
    expect((await run(['apply', file])).out).toBe(
      '0 definitions created or changed, 2 deleted\n  trait pages: deleted\n  segment buyers: deleted\n',
    );
    const many = Object.fromEntries(Array.from({ length: 53 }, (_, i) => [`t${i}`, orders]));
    write({ traits: { orders, ...many } });
    const told = (await run(['apply', file])).out.split('\n');
    expect([told.length, told[0], told[51]]).toEqual([
      53,
      '53 definitions created or changed, 0 deleted',
      '  and 3 more, which --json lists',
    ]);
    write({ traits: { orders } });
    const json = JSON.parse((await run(['apply', file, '--json'])).out) as { definitions: object[] };
    expect([json.definitions.length, json.definitions[0]]).toEqual([
      53,
      { kind: 'traits', key: 't0', change: 'deleted', takenOver: false },
    ]);
    // What the file never named is there still.
    expect((await fetch(`${url}/api/segments/mine`, { headers })).status).toBe(200);
  });

  it('shows in a dry run a file that apply takes, and stores nothing', async () => {
    const posthog = ['import', '--surveys', surveyFile('posthog'), '--from', 'posthog', '--dry-run'];
    const shown = await run(posthog);
    expect([shown.code, existsSync(join(folder, 'data'))]).toEqual([0, false]);
    expect(shown.err).toContain('A dry run: nothing was stored.');
    expect(shown.err).toContain('/results/0/questions/5/link');
    const file = join(folder, 'surveys.json');
    writeFileSync(file, shown.out);
    expect((await run(['apply', file], KEYS)).out).toContain('2 definitions created or changed');
  });

  it('answers 2 when a survey cannot be imported, 1 when it cannot run', async () => {
    const file = join(folder, 'broken.json');
    writeFileSync(file, JSON.stringify([{ name: 'Empty', questions: [] }]));
    const broken = await run(['import', '--surveys', file, '--from', 'posthog'], KEYS);
    expect([broken.code, broken.out]).toEqual([
      2,
      expect.stringContaining('  ! /0/questions must hold a question'),
    ]);
    for (const [more, words] of [
      [['--from', 'typeform'], 'takes --from formbricks or posthog'],
      [['--from', 'posthog', '--event', 'E'], 'does not take --event'],
    ] as const)
      expect(await run(['import', '--surveys', file, ...more], KEYS)).toMatchObject({
        code: 1,
        err: expect.stringContaining(words),
      });
    writeFileSync(file, 'not json');
    expect(await run(['import', '--surveys', file, '--from', 'posthog'], KEYS)).toMatchObject({
      code: 1,
      err: expect.stringContaining('cannot be read'),
    });
  });
});

describe('import', () => {
  const csv = (): string => join(folder, 'orders.csv');
  const importArgs = (...more: string[]): string[] => [
    ...['import', '--csv', csv(), '--map', 'userId=customer', '--map', 'properties.revenue=revenue:number'],
    ...[
      '--event',
      'Order Completed',
      '--timestamp',
      'date',
      '--time',
      '12:00:00Z',
      '--message-id',
      'order-{row}',
      ...more,
    ],
  ];
  const environment = { ...KEYS, TIDEMARK_NOW: '2026-01-31T00:00:00Z' };

  it('brings in every good row once, keeps the bad ones with their reason, and verifies', async () => {
    const rows = Array.from(
      { length: 2_500 },
      (_, i) => `c${i % 300},2026-01-${String((i % 28) + 1).padStart(2, '0')},${(i % 50) + 0.1}`,
    );
    rows.splice(10, 1, 'c10,not a date,5');
    rows.splice(20, 1, 'c20,2026-01-01,lots');
    rows.splice(30, 1, ',2026-01-01,5');
    writeFileSync(csv(), `customer,date,revenue\n${rows.join('\n')}\n`);
    const first = await run([...importArgs(), '--json'], environment);
    expect(first.code).toBe(2);
    expect(JSON.parse(first.out)).toEqual({
      rows: 2_500,
      accepted: 2_497,
      duplicates: 0,
      rejected: 3,
      resumedAt: 0,
    });
    const rejects = readFileSync(`${csv()}.rejected.ndjson`, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rejects.map(({ row, code }) => [row, code]).sort()).toEqual([
      [11, 'invalid_timestamp'],
      [21, 'invalid_field'],
      [31, 'missing_identity'],
    ]);
    expect(JSON.parse((await run([...importArgs(), '--json'], environment)).out)).toMatchObject({
      accepted: 0,
      duplicates: 2_497,
    });
    expect((await run(['apply', cdnow], environment)).code).toBe(0);
    const verified = await run(['verify', '--json'], environment);
    expect(JSON.parse(verified.out)).toMatchObject({ profiles: 300, messages: 2_497, differences: [] });
  });

  it('ends with its totals after so many rows that the log is copied on the way', async () => {
    const rows = Array.from({ length: 9_000 }, (_, i) => `c${i},2026-01-01,1`);
    writeFileSync(csv(), `customer,date,revenue\n${rows.join('\n')}\n`);
    const { code, out } = await run([...importArgs(), '--json'], environment);
    expect([code, JSON.parse(out)]).toMatchObject([0, { rows: 9_000, accepted: 9_000 }]);
  });

  it('takes epoch milliseconds, and no other digits for them', async () => {
    const times = ['1700000000000', '999999999999', '2023-11-14T22:13:20Z', '1700000000', '20260131', '-1'];
    writeFileSync(csv(), `who,ts\n${times.map((time, i) => `u${i},${time}`).join('\n')}\n`);
    const args = ['--map', 'userId=who', '--event', 'E', '--timestamp', 'ts'];
    const { code, out } = await run(['import', '--csv', csv(), ...args, '--json'], KEYS);
    expect([code, JSON.parse(out)]).toMatchObject([2, { accepted: 3, rejected: 3 }]);
    const rejects = readFileSync(`${csv()}.rejected.ndjson`, 'utf8').trim().split('\n');
    expect(rejects.map((line) => (JSON.parse(line) as { row: number }).row).sort()).toEqual([4, 5, 6]);
    expect(rejects.join()).toContain('epoch milliseconds, 12 or 13 digits; it is \\"20260131\\"');
    const exported = await run(['export', '--messages-only'], KEYS);
    expect(exported.out.match(/"timestamp":"[^"]*"/g)).toEqual([
      '"timestamp":"2023-11-14T22:13:20.000Z"',
      '"timestamp":"2001-09-09T01:46:39.999Z"',
      '"timestamp":"2023-11-14T22:13:20.000Z"',
    ]);
  });

  it('says before the first row what is wrong with the mapping', async () => {
    writeFileSync(csv(), 'customer,date\n1,2026-01-01\n');
    expect(await run(importArgs(), environment)).toMatchObject({
      code: 1,
      err: expect.stringContaining('no column "revenue"'),
    });
    expect(await run(['import', '--csv', csv(), '--event', 'E'], environment)).toMatchObject({
      code: 1,
      err: expect.stringContaining('--map userId='),
    });
    expect(
      await run(['import', '--csv', `${csv()}.none`, '--event', 'E', '--map', 'userId=a'], environment),
    ).toMatchObject({ code: 1, err: expect.stringContaining('no file') });
  });

  it('shows what it would store on a dry run, and stores nothing', async () => {
    writeFileSync(csv(), 'customer,date,revenue\n1,2026-01-01,5\n');
    const { out } = await run([...importArgs(), '--dry-run'], environment);
    expect(JSON.parse(out)).toEqual({
      type: 'track',
      event: 'Order Completed',
      userId: '1',
      properties: { revenue: 5 },
      timestamp: '2026-01-01T12:00:00Z',
      messageId: 'order-1',
    });
    expect(existsSync(join(folder, 'data', 'tidemark.db'))).toBe(false);
  });
});

describe('verify', () => {
  it('finds what was tampered with and exits 1', async () => {
    const csv = join(folder, 'orders.csv');
    writeFileSync(csv, 'who\nada\nbob\n');
    await run(['apply', cdnow], KEYS);
    await run(['import', '--csv', csv, '--map', 'userId=who', '--event', 'Order Completed'], KEYS);
    expect((await run(['verify'])).code).toBe(0);
    const database = new Database(join(folder, 'data', 'tidemark.db'));
    database.exec("DELETE FROM membership WHERE person = (SELECT id FROM node WHERE ext = 'ada')");
    database.close();
    const { code, out } = await run(['verify']);
    expect(code).toBe(1);
    expect(out).toContain('user:ada');
  });

  const tampering = `
    DELETE FROM membership WHERE person = (SELECT id FROM node WHERE ext = 'ada');
    UPDATE timeline SET runs = '[]';
    UPDATE grp SET traits = '{"v":{},"s":[]}';
    UPDATE person SET state = json_set(state, '$[0]', 99), version = version + 1
      WHERE id = (SELECT id FROM node WHERE ext = 'bob');`;

  async function tamper(): Promise<void> {
    const csv = join(folder, 'orders.csv');
    writeFileSync(csv, 'who,device,team\nada,d1,g\nbob,d2,g\nada,d2,h\n');
    await run(['apply', cdnow], KEYS);
    const map = ['--map', 'userId=who', '--map', 'anonymousId=device'];
    await run(['import', '--csv', csv, ...map, '--event', 'Order Completed'], KEYS);
    await run([
      'import',
      '--csv',
      csv,
      ...map,
      '--type',
      'group',
      '--map',
      'groupId=team',
      '--map',
      'traits.team=team',
    ]);
    const database = new Database(join(folder, 'data', 'tidemark.db'));
    database.exec(tampering);
    database.close();
  }

  it('mends all of it with --repair', async () => {
    await tamper();
    const found = JSON.parse((await run(['verify', '--json'])).out) as { differences: { what: string }[] };
    expect(new Set(found.differences.map(({ what }) => what))).toEqual(
      new Set(['links', 'group traits', 'segment lists', 'eventCount']),
    );
    const { code, out } = await run(['verify', '--repair']);
    expect(code).toBe(0);
    expect(out).toMatch(/differences\n[\s\S]*repaired\n$/);
    expect((await run(['verify'])).out).toContain('no difference');
  });

  it('mends a served file through its collector', async () => {
    await tamper();
    await serve();
    expect((await run(['verify'])).code).toBe(1);
    const { code, out, err } = await run(['verify', '--repair']);
    expect([code, out.trim().split('\n').pop()]).toEqual([0, 'repaired']);
    // Compared before and after, and told of the work of the collector in between.
    expect(err).toMatch(/^(Verifying .*\n)+(Repairing .*\n)+(Verifying .*\n)+$/);
    expect((await run(['verify'])).code).toBe(0);
  });

  it('finishes a repair that was cut off before anything is served', async () => {
    await tamper();
    const database = new Database(join(folder, 'data', 'tidemark.db'));
    database.exec("INSERT OR REPLACE INTO fact VALUES ('rebuild', 'true')");
    database.close();
    const { said } = await serve();
    expect(said()).toMatch(/^(Computing people anew .* people.*\n)+Tidemark listens on/);
    expect((await run(['verify'])).out).toContain('no difference');
  });

  it('brings a file back whose clock was ahead', async () => {
    const csv = join(folder, 'orders.csv');
    writeFileSync(csv, 'who,day\nada,2026-01-01\nbob,2026-03-01\n');
    const ahead = { ...KEYS, TIDEMARK_NOW: '2026-06-01T00:00:00Z' };
    const right = { ...KEYS, TIDEMARK_NOW: '2026-02-01T00:00:00Z' };
    await run(['apply', cdnow], ahead);
    const map = ['--map', 'userId=who', '--timestamp', 'day'];
    await run(['import', '--csv', csv, ...map, '--event', 'Order Completed'], ahead);
    const refused = await run(['apply', cdnow], right);
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('2026-06-01T00:00:00.000Z');
    expect(refused.err).toContain('tidemark verify --repair');
    expect((await run(['verify', '--repair'], right)).code).toBe(0);
    expect((await run(['apply', cdnow], right)).code).toBe(0);
    // What lies in the future now has not happened yet.
    expect(JSON.parse((await run(['verify', '--json'], right)).out)).toMatchObject({
      profiles: 1,
      messages: 1,
      differences: [],
    });
  });
});
