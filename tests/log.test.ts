// The log: what it says, and that nothing about anybody and no secret gets into it.
// Invariant: the words looked for are in every place a request has, and in errors from inside.
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Damaged, NotStored } from '../collector/src/ingest/core.ts';
import { openCollector } from '../collector/src/main/collector.ts';
import { createLog, type LogLevel } from '../collector/src/main/log.ts';
import { createOutage, QUIET_LOOKS } from '../collector/src/main/outage.ts';
import { ADMIN_KEY, basic, SERVER_KEY, SIGNING_SECRET, T0, WEB_KEY } from './collector.ts';

interface LogRecord {
  level: string;
  msg: string;
  [field: string]: unknown;
}

function recorder(level: LogLevel, isTerminal = false) {
  const lines: string[] = [];
  const log = createLog({ level, isTerminal, write: (text) => lines.push(text) });
  const records = (): LogRecord[] => lines.map((line) => JSON.parse(line) as LogRecord); // written by pino
  return { log, lines, records };
}

async function withLog(
  level: LogLevel,
  body: (ask: Ask, said: ReturnType<typeof recorder>) => Promise<void>,
) {
  const said = recorder(level);
  const collector = await openCollector({
    database: ':memory:',
    writeKey: WEB_KEY,
    serverKey: SERVER_KEY,
    adminKey: ADMIN_KEY,
    signingSecret: SIGNING_SECRET,
    trustProxy: 1,
    now: () => T0,
    onError: (error) => said.log.error('something failed inside', error),
    onWarning: said.log.warn,
    onRequest: (told) => said.log.request(told),
  });
  // To break one of its answers.
  const core = collector.core as unknown as Record<string, unknown>;
  const ask: Ask = async (method, path, init = {}) => {
    const { broken, ...rest } = init;
    const before = core.me;
    // As a bug or a broken file would.
    if (broken) core.me = () => Promise.reject(broken);
    const answer = await collector.fetch(new Request(`http://localhost${path}`, { method, ...rest }));
    core.me = before;
    await answer.clone().text();
    return answer;
  };
  try {
    await body(ask, said);
  } finally {
    await collector.close();
  }
}
type Ask = (method: string, path: string, init?: RequestInit & { broken?: Error }) => Promise<Response>;

const ADMIN = { authorization: `Bearer ${ADMIN_KEY}` };

describe('the log', () => {
  it('warns once of a secret key that came as pages send theirs, and never shows it', async () => {
    await withLog('info', async (ask, { lines, records }) => {
      const send = (key: string, more: Record<string, string>): Promise<Response> =>
        ask('POST', '/v1/batch', {
          headers: { authorization: basic(key), 'content-type': 'application/json', ...more },
          body: JSON.stringify({ batch: [{ type: 'track', event: 'E', userId: 'u' }] }),
        });
      const page = { origin: 'https://shop.example' };
      expect([(await send(SERVER_KEY, {})).status, (await send(WEB_KEY, page)).status]).toEqual([200, 200]);
      expect(lines).toEqual([]);
      expect([(await send(SERVER_KEY, page)).status, (await send(SERVER_KEY, page)).status]).toEqual([
        200, 200,
      ]);
      expect(records()).toEqual([
        expect.objectContaining({ level: 'warn', msg: expect.stringContaining('secret key') }),
      ]);
      expect(lines.join()).not.toContain(SERVER_KEY);
      const id = /the secret key (\S+) came/.exec(lines.join())?.[1];
      const answer = await ask('GET', '/api/keys', { headers: ADMIN });
      const { data } = (await answer.json()) as { data: { id: string; kind: string }[] };
      expect(data.filter(({ kind }) => kind === 'server').map((key) => key.id)).toEqual([id]);
    });
  });

  it('says of each request its id, route, status and time, and nothing else', async () => {
    await withLog('debug', async (ask, said) => {
      const answers = [
        await ask('GET', '/api/profiles/user:ada', { headers: ADMIN }),
        await ask('POST', '/v1/track', {
          headers: { authorization: basic(WEB_KEY) },
          body: '{"userId":"ada","event":"E"}',
        }),
        await ask('GET', '/nowhere/ada?x=1'),
      ];
      const told = said.records();
      expect(told.map(({ level, method, route, status }) => [level, method, route, status])).toEqual([
        ['debug', 'GET', '/api/profiles/:id', 404],
        ['debug', 'POST', '/v1/track', 200],
        ['debug', 'GET', '', 404],
      ]);
      expect(told.map(({ id }) => id)).toEqual(answers.map(({ headers }) => headers.get('x-request-id')));
      expect(new Set(told.map(({ id }) => id)).size).toBe(3);
      const known = ['level', 'time', 'pid', 'id', 'method', 'route', 'status', 'ms', 'msg'];
      for (const record of told) expect(Object.keys(record)).toEqual(known);
    });
  });

  it('holds nothing of anybody, wherever it stood, and no secret', async () => {
    const secrets = [WEB_KEY, SERVER_KEY, ADMIN_KEY, SIGNING_SECRET, basic(WEB_KEY).slice(6)];
    const words = ['zaphod', 'betelgeuse', 'heart-of-gold', '192.0.2.77', 'vogon', 'deadbeef'];
    await withLog('debug', async (ask, said) => {
      const headers = {
        authorization: basic(WEB_KEY),
        'x-forwarded-for': '192.0.2.77',
        'user-agent': 'vogon/1',
        referer: 'https://betelgeuse.example/zaphod',
        cookie: 'id=zaphod',
        origin: 'https://betelgeuse.example',
        'x-request-id': 'zaphod',
        'x-tidemark-signature': 'deadbeef'.repeat(8),
      };
      const message = {
        type: 'identify',
        userId: 'zaphod',
        anonymousId: 'heart-of-gold',
        traits: { email: 'zaphod@betelgeuse.example' },
        context: { ip: '192.0.2.77', userAgent: 'vogon/1' },
        userSignature: 'deadbeef'.repeat(8),
      };
      const bodies = [
        JSON.stringify({ batch: [message, { ...message, userId: 7, type: 'zaphod' }], writeKey: SERVER_KEY }),
        `{"batch":[zaphod`,
        JSON.stringify({ batch: [message] }) + ' '.repeat(300_000),
        `${' '.repeat(300_000)}zaphod`,
        gzipSync('zaphod').subarray(0, 10),
        'zaphod'.repeat(1_000_000),
      ];
      for (const path of [
        '/v1/batch?reply=me',
        '/v1/identify?zaphod=betelgeuse',
        '/v1/me',
        `/v1/b?writeKey=${WEB_KEY}`,
      ])
        for (const body of bodies) await ask('POST', path, { headers, body });
      await ask('POST', '/v1/batch', { body: bodies[0] ?? '' });
      for (const path of [
        '/api/profiles/user:zaphod',
        '/api/profiles?q=zaphod@betelgeuse.example',
        '/api/segments/zaphod',
        '/api/profiles?cursor=zaphod',
        '/zaphod/betelgeuse',
        `/v1/projects/${WEB_KEY}/settings`,
        `/v1/me?userId=zaphod&anonymousId=heart-of-gold&userSignature=deadbeef&writeKey=${WEB_KEY}`,
        `/s/zaphod?userId=zaphod`,
      ])
        for (const key of [ADMIN_KEY, 'deadbeef'])
          await ask('GET', path, { headers: { ...headers, authorization: `Bearer ${key}` } });
      await ask('PUT', '/api/traits/zaphod', { headers: ADMIN, body: '{"type":"zaphod"}' });
      await ask('DELETE', '/api/profiles/user:zaphod', { headers: ADMIN });
      const broken = [
        new Error('zaphod failed', { cause: new TypeError('betelgeuse') }),
        new SyntaxError('Unexpected token, "zaphod" is not valid JSON'),
        Object.assign(new RangeError('zaphod'), { code: 'ERR_X' }),
        new NotStored('nothing was stored', { cause: new Error('zaphod') }),
      ];
      for (const error of broken)
        await ask('GET', '/v1/me?userId=zaphod', {
          headers: { authorization: basic(SERVER_KEY) },
          broken: error,
        });
      const all = said.lines.join('');
      expect(said.records().filter(({ level }) => level === 'error').length).toBe(broken.length);
      expect(said.lines.length).toBe(47);
      for (const word of [...words, ...secrets]) expect(all, word).not.toContain(word);
    });
  });

  it('says where an error came from, and what ours and the database’s say', async () => {
    await withLog('info', async (ask, said) => {
      const full = Object.assign(new Error('database or disk is full'), {
        name: 'SqliteError',
        code: 'SQLITE_FULL',
      });
      const headers = { authorization: basic(SERVER_KEY) };
      await ask('GET', '/v1/me?userId=a', { headers });
      await ask('GET', '/v1/me?userId=a', { headers, broken: new TypeError('x is not a function') });
      await ask('GET', '/v1/me?userId=a', {
        headers,
        broken: new NotStored('nothing was stored', { cause: full }),
      });
      const [bug, disk, ...more] = said.records();
      expect(more).toEqual([]);
      expect(bug).toMatchObject({ level: 'error', msg: 'request failed', route: '/v1/me', status: 500 });
      expect(bug?.err).toMatchObject({
        type: 'TypeError',
        at: expect.arrayContaining([expect.stringContaining('log.test.ts')]),
      });
      expect(disk).toMatchObject({
        status: 503,
        err: {
          type: 'NotStored',
          message: 'nothing was stored',
          cause: { code: 'SQLITE_FULL', message: 'database or disk is full' },
        },
      });
    });
  });

  it('says once that nothing can be stored, and once that it is over, with a count', () => {
    const said = recorder('info');
    const outage = createOutage(said.log);
    const refused = (error: unknown) =>
      outage.request({ id: '1', method: 'POST', route: '/v1/batch', status: 503, ms: 3, error });
    const full = new NotStored('nothing was stored');
    const told = (): string[] => said.records().map(({ level, msg }) => `${level} ${msg}`);
    for (let i = 0; i < 1_000; i++) refused(full);
    for (let i = 0; i < 100; i++) outage.tickFailed(full);
    expect(told()).toEqual(['error request failed']);
    // Small changes find room between two refusals.
    for (let i = 0; i < 2 * QUIET_LOOKS; i++) {
      outage.look(true);
      if (i % 5 === 0) refused(new Damaged('nothing was stored'));
    }
    expect(told().length).toBe(1);
    for (let i = 0; i < 2 * QUIET_LOOKS; i++) outage.look(true);
    const over = 'info messages are stored again; 1008 requests were refused meanwhile';
    expect(told().slice(1)).toEqual([over]);

    // Other failures are not part of it, and the next outage is one of its own.
    refused(new TypeError('x is not a function'));
    outage.tickFailed(full);
    refused(full);
    refused(new TypeError('x is not a function'));
    outage.end();
    expect(told().slice(2)).toEqual([
      'error request failed',
      'error time cannot be written down',
      'error request failed',
      'warn stopped while nothing could be stored; 1 request was refused',
    ]);
  });

  it('is words at a terminal', () => {
    const { log, lines } = recorder('info', true);
    log.info('SIGTERM: stopping');
    log.warn('TIDEMARK_ADMIN_KEY has only 4 characters');
    log.error('time cannot be written down', new NotStored('nothing was stored'));
    log.request({ id: '1', method: 'GET', route: '/v1/me', status: 500, ms: 3, error: new TypeError('x') });
    expect(lines).toEqual([
      'SIGTERM: stopping\n',
      'warn: TIDEMARK_ADMIN_KEY has only 4 characters\n',
      'error: time cannot be written down: nothing was stored\n',
      'error: request failed GET /v1/me 500 3 ms: TypeError\n',
    ]);
  });

  it('takes a 503 of /readyz for the answer that it is', () => {
    const { log, records } = recorder('debug');
    log.request({ id: '1', method: 'GET', route: '/readyz', status: 503, ms: 0 });
    expect(records()).toMatchObject([{ level: 'debug', msg: 'request', status: 503 }]);
  });

  it('leaves out what is below its level', () => {
    for (const [level, count] of [
      ['info', 3],
      ['warn', 2],
      ['error', 1],
      ['silent', 0],
    ] as const) {
      const { log, lines } = recorder(level);
      log.request({ id: '1', method: 'GET', route: '/v1/me', status: 200, ms: 3 });
      log.info('a');
      log.warn('b');
      log.error('c', new Error('d'));
      expect(lines.length).toBe(count);
    }
  });
});
