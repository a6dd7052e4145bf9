// Contract sections 1, 2, 6 and 7: the clock, keys, definitions and everything that is read.
// Invariant: asked over `fetch` alone; every expectation is a sentence of the contract.
import { createCollector } from '@tidemark/collector';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../collector/src/wire/message.ts';
import {
  ADMIN_KEY,
  type Answer,
  type ApiProfile,
  type ApiTransition,
  basic,
  openCollector,
  SERVER_KEY,
  SIGNING_SECRET,
  T0,
  type TestCollector,
  WEB_KEY,
  withCollector,
} from './collector.ts';
import { useFolder } from './temporary-folder.ts';

const SECOND = 1_000;
const iso = (time: number) => new Date(time).toISOString();

let collector: TestCollector;
beforeEach(async () => {
  collector = await openCollector({ file: true });
});
afterEach(async () => {
  await collector.dispose();
});

function track(userId: string, event = 'e', more: JsonObject = {}): JsonObject {
  return { type: 'track', userId, event, ...more };
}

const data = (answer: Answer) => answer.json.data as JsonObject[];
const errorOf = (answer: Answer) => answer.json.error as JsonObject;
const as = (key: string, path: string, method = 'GET', body?: unknown) =>
  collector.fetch(path, {
    method,
    headers: { authorization: `Bearer ${key}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

describe('the clock', () => {
  it('never runs back while open: time is the largest seen', async () => {
    await collector.define({ segments: { a: { where: { event: 'e', within: '5s' } } } });
    await collector.send('web', [track('u1')]);
    collector.advance(10 * SECOND);
    expect(await collector.members('a')).toEqual([]);
    collector.advance(-8 * SECOND);
    expect(await collector.members('a')).toEqual([]);
    await collector.send('web', [track('u2')]);
    expect((await collector.profile('user:u2'))?.lastSeenAt).toBe(iso(T0 + 10 * SECOND));
  });

  it('waits at the last time of a file for up to 60 s and refuses to go further back', async () => {
    await collector.send('web', [track('u1')]);
    collector.clock.now = T0 - 60 * SECOND;
    await collector.reopen();
    await collector.send('web', [track('u2')]);
    expect((await collector.profile('user:u2'))?.lastSeenAt).toBe(iso(T0));
    collector.clock.now = T0 - 60 * SECOND - 1;
    const refused = await collector.reopen().then(
      () => 'opened',
      (error: Error) => error.message,
    );
    expect(refused).toContain(iso(T0));
    expect(refused).toContain(iso(T0 - 60 * SECOND - 1));
    collector.clock.now = T0;
    await collector.reopen();
  });

  it('makes any read exact before a tick', async () => {
    await collector.define({
      traits: { lately: { type: 'count', event: 'e', within: '5s' } },
      segments: { a: { where: { event: 'e', within: '5s' } } },
    });
    await collector.send('web', [track('u1')]);
    for (const [wait, expected] of [
      [5 * SECOND - 1, 1],
      [1, 0],
    ] as const) {
      collector.advance(wait);
      const profile = await collector.profile('user:u1');
      expect([profile?.computed.lately, profile?.segments.length]).toEqual([expected, expected]);
      expect(await collector.members('a')).toHaveLength(expected);
      expect((await collector.api('GET', '/api/segments/a')).json.size).toBe(expected);
      expect(data(await collector.api('GET', '/api/profiles?segment=a'))).toHaveLength(expected);
      expect(await collector.transitions('a')).toHaveLength(2 - expected);
    }
  });
});

describe('definitions of the file', () => {
  const where = { event: 'e' };
  async function withConfig(database: string, config: unknown): Promise<Answer['json'][]> {
    const opened = await createCollector({
      database,
      writeKey: WEB_KEY,
      serverKey: SERVER_KEY,
      adminKey: ADMIN_KEY,
      signingSecret: SIGNING_SECRET,
      now: () => T0,
      config: config as never, // also bad ones
    });
    const headers = { authorization: `Bearer ${ADMIN_KEY}` };
    const ask = async (path: string, init: RequestInit = {}) =>
      (await opened.fetch(new Request(`http://localhost${path}`, { headers, ...init }))).json();
    await ask('/api/segments/by_api', { method: 'PUT', body: JSON.stringify({ where }) });
    await opened.tick();
    const { data: rows } = (await ask('/api/segments')) as { data: JsonObject[] };
    await opened.close();
    return rows;
  }

  const inFolder = useFolder('config');
  it('are ready at once, go when the file no longer names them, and leave those of the API', async () => {
    const database = inFolder('config.db');
    const first = await withConfig(database, {
      segments: { b: { where: { segment: 'a' } }, a: { where } },
    });
    expect(first.map((row) => [row.key, row.status])).toEqual([
      ['a', 'ready'],
      ['b', 'ready'],
      ['by_api', 'ready'],
    ]);
    const second = await withConfig(database, { segments: { a: { where } } });
    expect(second.map((row) => row.key)).toEqual(['a', 'by_api']);
  });

  it('stop the start when they are wrong, and say where', async () => {
    const refused = await openCollector({
      config: { segments: { a: { where: { event: 'e', within: '5x' } } } },
    }).then(
      () => 'opened',
      (error: Error) => error.message,
    );
    expect(refused).toContain('/segments/a/where/within');
  });

  it('are ready when createCollector resolves', async () => {
    await withCollector({ config: { segments: { a: { where } } } }, async (opened) => {
      expect((await opened.api('GET', '/api/segments/a')).json.status).toBe('ready');
    });
  });
});

describe('keys', () => {
  it('are made, listed without the secret, and revoked', async () => {
    const made = await collector.api('POST', '/api/keys', { kind: 'web', name: 'shop' });
    expect(made.status).toBe(201);
    const key = String(made.json.key);
    const use = () =>
      collector.fetch('/v1/track', {
        method: 'POST',
        headers: { authorization: basic(key) },
        body: JSON.stringify(track('u1')),
      });
    expect((await use()).status).toBe(200);
    const listed = await collector.api('GET', '/api/keys');
    expect(data(listed).map((row) => row.id)).toContain(made.json.id);
    expect(listed.text).not.toContain(key);
    for (const secret of [WEB_KEY, SERVER_KEY, ADMIN_KEY]) expect(listed.text).not.toContain(secret);
    expect((await collector.api('DELETE', `/api/keys/${made.json.id}`)).status).toBe(204);
    expect((await use()).status).toBe(401);
    expect((await collector.api('DELETE', '/api/keys/none')).status).toBe(404);
  });

  it('keep across a restart', async () => {
    const { json } = await collector.api('POST', '/api/keys', { kind: 'admin', role: 'read' });
    await collector.reopen();
    expect((await as(String(json.key), '/api/profiles')).status).toBe(200);
  });

  it('let the role read only GET, and see no signing secret', async () => {
    const { json } = await collector.api('POST', '/api/keys', { kind: 'admin', role: 'read' });
    const key = String(json.key);
    expect((await as(key, '/api/profiles')).status).toBe(200);
    for (const [method, path, body] of [
      ['PUT', '/api/segments/a', { where: { event: 'e' } }],
      ['DELETE', '/api/segments/a', undefined],
      ['POST', '/api/keys', { kind: 'admin' }],
    ] as const) {
      expect((await as(key, path, method, body)).status).toBe(403);
    }
    const sources = await as(key, '/api/sources');
    expect(sources.text).not.toContain(SIGNING_SECRET);
    expect((await collector.api('GET', '/api/segments/a')).status).toBe(404);
  });

  it('answer 401 on every /api path without one', async () => {
    for (const path of ['/api/profiles', '/api/keys', '/api/sources', '/api/rejected', '/api/segments']) {
      expect((await collector.fetch(path)).status).toBe(401);
      expect((await collector.fetch(`${path}?writeKey=${ADMIN_KEY}`)).status).toBe(401);
      expect((await as('wrong', path)).status).toBe(401);
    }
  });
});

describe('definitions', () => {
  it('answer 201 when new, 200 when changed, 204 when deleted, 404 when unknown', async () => {
    const where = { event: 'e' };
    expect((await collector.put('segments', 'a', { where })).status).toBe(201);
    await collector.tick();
    expect((await collector.put('segments', 'a', { where: { event: 'f' } })).status).toBe(200);
    await collector.tick();
    expect((await collector.api('GET', '/api/segments/a')).json).toMatchObject({ where: { event: 'f' } });
    expect((await collector.api('DELETE', '/api/segments/a')).status).toBe(204);
    for (const method of ['GET', 'DELETE']) {
      expect((await collector.api(method, '/api/segments/a')).status).toBe(404);
    }
    expect((await collector.api('GET', '/api/segments/a/profiles')).status).toBe(404);
    expect((await collector.api('GET', '/api/segments/a/transitions')).status).toBe(404);
  });

  it('change name and expose at once, without a build', async () => {
    await collector.define({ segments: { a: { where: { event: 'e' } } } });
    await collector.send('web', [track('u1')]);
    const answer = await collector.put('segments', 'a', {
      expose: 'public',
      name: 'A',
      where: { event: 'e' },
    });
    expect([answer.status, answer.json.status, answer.json.name]).toEqual([200, 'ready', 'A']);
    const me = await collector.fetch(`/v1/me?writeKey=${WEB_KEY}&userId=u1`);
    expect(me.json.segments).toEqual(['a']);
    expect(await collector.transitions('a')).toHaveLength(1);
  });

  const faults: ['traits' | 'segments', JsonValue, string[]][] = [
    [
      'segments',
      { where: { all: [{ event: 'e' }, { trait: 'x', op: 'is', value: 1 }] } },
      ['/where/all/1/op'],
    ],
    ['segments', { where: { trait: 'x', value: 1 } }, ['/where/op']],
    ['segments', {}, ['/where']],
    ['segments', { where: { event: 'e' }, bogus: 1 }, ['/bogus']],
    ['segments', { where: { event: 'e', whithin: '5d' } }, ['/where/whithin']],
    ['segments', { where: { event: 'e', within: '5 days' } }, ['/where/within']],
    ['segments', { where: { event: 'e', count: { op: 'gte' } } }, ['/where/count/value']],
    [
      'segments',
      { where: { not: { any: [{ event: 'e', where: { path: 'a', op: 'in', value: 5 } }] } } },
      ['/where/not/any/0/where/value'],
    ],
    ['segments', { where: { segment: 'missing' } }, ['/where/segment']],
    ['segments', { where: { computed: 'missing', op: 'gt', value: 1 } }, ['/where/computed']],
    ['segments', { where: { event: 'e' }, expose: 'all' }, ['/expose']],
    ['traits', { type: 'sum', event: 'e' }, ['/property']],
    ['traits', { type: 'median', event: 'e', property: 'a' }, ['/type']],
    ['traits', { event: 'e' }, ['/type']],
    ['traits', { type: 'count', event: 'e', minCount: 2 }, ['/minCount']],
  ];
  it.each(faults)('%s %j is refused with a pointer', async (kind, definition, pointers) => {
    const answer = await collector.put(kind, 'a', definition);
    expect(answer.status).toBe(422);
    const details = errorOf(answer).details as JsonObject[];
    expect(details.map((fault) => fault.pointer)).toEqual(pointers);
    for (const fault of details) expect(fault.message).toEqual(expect.any(String));
    expect((await collector.api('GET', `/api/${kind}/a`)).status).toBe(404);
  });

  it('leave what was there when the new one is wrong', async () => {
    await collector.define({ segments: { a: { where: { event: 'e' } } } });
    expect((await collector.put('segments', 'a', { where: { event: 5 } })).status).toBe(422);
    expect((await collector.api('GET', '/api/segments/a')).json).toMatchObject({
      where: { event: 'e' },
      status: 'ready',
    });
  });

  it('are not deleted while another needs them', async () => {
    await collector.define({
      traits: { t: { type: 'count', event: 'e' } },
      segments: { a: { where: { computed: 't', op: 'gt', value: 0 } }, b: { where: { segment: 'a' } } },
    });
    expect((await collector.api('DELETE', '/api/traits/t')).status).toBe(409);
    expect((await collector.api('DELETE', '/api/segments/a')).status).toBe(409);
    for (const path of ['segments/b', 'segments/a', 'traits/t']) {
      expect((await collector.api('DELETE', `/api/${path}`)).status).toBe(204);
    }
  });

  it('take keys of the form said and no other', async () => {
    const good = ['a', '0', 'a.b_c-d', 'x'.repeat(64)];
    for (const key of good)
      expect((await collector.put('segments', key, { where: { event: 'e' } })).status).toBe(201);
    for (const key of ['A', '_a', '-a', 'x'.repeat(65), 'a%20b', 'ä']) {
      const { status } = await collector.put('segments', key, { where: { event: 'e' } });
      expect(status, key).toBeGreaterThanOrEqual(400);
      expect(status, key).toBeLessThan(500);
    }
  });

  it('take a change of the threshold with dependents in one switch', async () => {
    await collector.define({
      traits: { n: { type: 'count', event: 'e' } },
      segments: { many: { where: { computed: 'n', op: 'gte', value: 1 } } },
    });
    await collector.send('web', [track('u1', 'f')]);
    await collector.put('traits', 'n', { type: 'count', event: 'f' });
    await collector.tick();
    expect(await collector.members('many')).toEqual(['u1']);
    const [row] = await collector.transitions('many');
    expect(row).toMatchObject({ change: 'entered', at: iso(T0), cause: { definition: expect.any(String) } });
  });
});

describe('profiles', () => {
  it('show all their fields, in ISO time with milliseconds', async () => {
    await collector.define({
      traits: { n: { type: 'count', event: 'e' }, seen: { type: 'last_seen', event: 'e' } },
      segments: { a: { where: { event: 'e' } } },
    });
    await collector.send('web', [
      track('u1', 'e', { anonymousId: 'd1', timestamp: T0 - 5 }),
      { type: 'identify', userId: 'u1', traits: { email: 'ada@example.com' } },
      { type: 'group', userId: 'u1', groupId: 'g', traits: { size: 3 } },
    ]);
    const profile = await collector.profile('user:u1');
    expect(profile).toEqual({
      id: expect.any(String),
      userId: 'u1',
      anonymousIds: ['d1'],
      traits: { email: 'ada@example.com' },
      computed: { n: 1, seen: iso(T0 - 5) },
      segments: [{ key: 'a', since: iso(T0) }],
      groups: [{ id: 'g', traits: { size: 3 } }],
      firstSeenAt: iso(T0 - 5),
      lastSeenAt: iso(T0),
      eventCount: 3,
      flags: [],
    });
    expect(await collector.profile(String(profile?.id))).toEqual(profile);
  });

  it('are 404 when unknown, whatever is asked of them', async () => {
    for (const id of ['user:nobody', 'anon:nobody', 'nobody', 'user:', ':', '%00', 'user:%ff']) {
      for (const part of ['', '/events', '/transitions']) {
        const { status } = await collector.api('GET', `/api/profiles/${id}${part}`);
        expect([400, 404], id + part).toContain(status);
      }
    }
  });

  it('take any id there may be', async () => {
    const ids = ['a/b', 'a b', 'ä', '\u{1f600}', '%2f', 'user:x', '?&=#', '..', 'constructor', '__proto__'];
    await collector.send(
      'web',
      ids.map((id) => track(id)),
    );
    for (const id of ids) {
      expect((await collector.profile(`user:${id}`))?.userId, id).toBe(id);
      const events = await collector.api('GET', `/api/profiles/${encodeURIComponent(`user:${id}`)}/events`);
      expect(data(events), id).toHaveLength(1);
    }
  });

  it('are found by id, prefix and email, and by segment', async () => {
    await collector.define({ segments: { a: { where: { event: 'e' } } } });
    await collector.send('web', [
      track('alpha', 'e', { anonymousId: 'dev-1' }),
      track('alpine', 'f'),
      { type: 'identify', userId: 'beta', traits: { email: 'al@example.com' } },
      { type: 'page', anonymousId: 'alone' },
    ]);
    const find = async (query: string) =>
      data(await collector.api('GET', `/api/profiles?${query}`))
        .map((row) => row.userId ?? row.anonymousIds)
        .map(String)
        .sort();
    expect(await find('q=alpha')).toEqual(['alpha']);
    expect(await find('q=alp')).toEqual(['alpha', 'alpine']);
    expect(await find('q=dev')).toEqual(['alpha']);
    expect(await find('q=al%40example.com')).toEqual(['beta']);
    expect(await find('q=zzz')).toEqual([]);
    expect(await find('q=%25')).toEqual([]);
    expect(await find('q=_')).toEqual([]);
    expect(await find('segment=a')).toEqual(['alpha']);
    expect(await find('segment=a&q=alpi')).toEqual([]);
    expect(await find('')).toHaveLength(4);
  });

  it('are found page by page where very many ids begin as asked for', async () => {
    const COUNT = 2_300;
    await collector.define({ segments: { odd: { where: { event: 'odd' } } } });
    const sent = Array.from({ length: COUNT }, (_, i) =>
      track(`many-${i}`, i % 2 ? 'odd' : 'even', { anonymousId: `tablet-${i}` }),
    );
    for (let i = 0; i < COUNT; i += 100) await collector.send('server', sent.slice(i, i + 100));
    await collector.send('web', [track('other', 'odd')]);
    const found = async (query: string) =>
      (await collector.all<{ userId: string }>(`/api/profiles?${query}`, 99)).map(({ userId }) => userId);
    const all = sent.map(({ userId }) => userId);
    expect(await found('q=many-')).toEqual(all);
    expect(await found('q=tab')).toEqual(all);
    const odd = all.filter((_, i) => i % 2);
    expect(await found('segment=odd&q=many')).toEqual(odd);
    expect(await found('segment=odd')).toEqual([...odd, 'other']);
    const { json } = await collector.api('GET', '/api/segments/odd');
    expect(json.size).toBe(odd.length + 1);
  });

  it('list their transitions, each with its instant and cause', async () => {
    await collector.define({
      segments: { a: { where: { event: 'e', within: '5s' } }, b: { where: { event: 'e' } } },
    });
    await collector.send('web', [track('u1', 'e', { messageId: 'm1' })]);
    collector.advance(9 * SECOND);
    const rows = await collector.all<ApiTransition>('/api/profiles/user:u1/transitions');
    const said = rows.map((row) => [row.segment, row.change, row.at, row.cause]).sort();
    expect(said).toEqual([
      ['a', 'entered', iso(T0), { messageId: 'm1' }],
      ['a', 'left', iso(T0 + 5 * SECOND), { deadline: iso(T0 + 5 * SECOND) }],
      ['b', 'entered', iso(T0), { messageId: 'm1' }],
    ]);
  });

  it('count a future message from its time on, in eventCount and in /events alike', async () => {
    await collector.send('web', [track('u1'), track('u1', 'e', { timestamp: T0 + 1_000 })]);
    const seen = async () => [
      (await collector.profile('user:u1'))?.eventCount,
      (await collector.all('/api/profiles/user:u1/events')).length,
    ];
    expect(await seen()).toEqual([1, 1]);
    collector.advance(1_000);
    expect(await seen()).toEqual([2, 2]);
  });
});

describe('lists', () => {
  const lists = [
    '/api/profiles',
    '/api/profiles/user:u0/events',
    '/api/profiles/user:u0/transitions',
    '/api/segments',
    '/api/traits',
    '/api/segments/a/profiles',
    '/api/segments/a/transitions',
    '/api/rejected',
    '/api/keys',
  ];
  beforeEach(async () => {
    await collector.define({
      traits: { t1: { type: 'count', event: 'e' }, t2: { type: 'count', event: 'e' } },
      segments: { a: { where: { event: 'e', within: '5s' } }, b: { where: { event: 'e' } } },
    });
    await collector.send(
      'web',
      Array.from({ length: 55 }, (_, i) => track(`u${i}`)),
    );
    await collector.send(
      'web',
      Array.from({ length: 3 }, () => track('u0')),
    );
    await collector.send('web', [{ a: 1 }, { a: 2 }, { a: 3 }]);
  });

  it.each(lists)('%s refuses a bad limit or cursor', async (path) => {
    for (const limit of ['0', '1001', '-1', '1.5', 'ten', '', '1e2']) {
      const answer = await collector.api('GET', `${path}?limit=${limit}`);
      expect(answer.status, limit).toBe(400);
      expect(errorOf(answer)).toMatchObject({ code: expect.any(String), message: expect.any(String) });
    }
    const name = path === '/api/segments/a/transitions' ? 'after' : 'cursor';
    for (const cursor of ['%00', '!', '-1']) {
      expect((await collector.api('GET', `${path}?${name}=${cursor}`)).status, cursor).toBe(400);
    }
  });

  it.each(lists)('%s gives the same rows page by page', async (path) => {
    const whole = await collector.all<JsonObject>(path);
    expect(await collector.all<JsonObject>(path, 2)).toEqual(whole);
    expect(whole.length).toBeGreaterThan(1);
    const first = await collector.api('GET', path);
    expect(data(first)).toEqual(whole.slice(0, 50));
    expect(first.json.next === null).toBe(whole.length <= 50);
  });

  it('the feed goes on after the last seq seen, nothing skipped, nothing twice', async () => {
    const rowsAfter = (seq: number, limit: number) =>
      collector.api('GET', `/api/segments/a/transitions?after=${seq}&limit=${limit}`);
    const seen: JsonObject[] = [];
    let next: JsonValue | undefined = 0;
    while (next !== null) {
      const page = await rowsAfter(Number(next), 10);
      seen.push(...data(page));
      if (page.json.next !== null) expect(page.json.next).toBe(data(page).at(-1)?.seq);
      next = page.json.next ?? null;
    }
    expect(seen).toHaveLength(55);
    const last = Number(seen.at(-1)?.seq);
    expect((await rowsAfter(last, 10)).json).toEqual({ data: [], next: null });
    collector.advance(5 * SECOND);
    const wave = data(await rowsAfter(last, 1_000));
    expect(wave).toHaveLength(55);
    expect(new Set(wave.map((row) => row.change))).toEqual(new Set(['left']));
  });
});

describe('the rest', () => {
  it('health and metrics need no key', async () => {
    expect((await collector.fetch('/healthz')).status).toBe(200);
    expect((await collector.fetch('/readyz')).status).toBe(200);
    const metrics = await collector.fetch('/metrics');
    expect(metrics.status).toBe(200);
    expect(metrics.text).toMatch(/^# (HELP|TYPE) \w+/m);
    for (const secret of [WEB_KEY, SERVER_KEY, ADMIN_KEY, SIGNING_SECRET]) {
      expect(metrics.text).not.toContain(secret);
    }
  });

  it('describes itself', async () => {
    const { status, json } = await collector.api('GET', '/api/openapi.json');
    expect(status).toBe(200);
    expect(String(json.openapi)).toMatch(/^3\./);
    const paths = Object.keys(json.paths as JsonObject).join(' ');
    for (const path of [
      '/v1/batch',
      '/v1/me',
      '/api/profiles/{id}',
      '/api/segments/{key}',
      '/api/rejected',
    ]) {
      expect(paths).toContain(path);
    }
  });

  it('answers every error in one shape', async () => {
    for (const [path, status] of [
      ['/api/nothing', 404],
      ['/nothing', 404],
      ['/api/profiles/user:nobody', 404],
      ['/api/profiles?limit=0', 400],
    ] as const) {
      const answer = await collector.api('GET', path);
      expect(answer.status, path).toBe(status);
      expect(errorOf(answer), path).toMatchObject({ code: expect.any(String), message: expect.any(String) });
    }
  });

  it('keeps a group alike for all its members, at once', async () => {
    const group = (userId: string, traits: JsonObject, at: number) => ({
      type: 'group',
      userId,
      groupId: 'g',
      traits,
      timestamp: T0 + at,
    });
    await collector.send('web', [group('u1', { plan: 'a' }, -2), group('u2', { plan: 'b' }, -1)]);
    for (const user of ['u1', 'u2']) {
      const profile: ApiProfile | undefined = await collector.profile(`user:${user}`);
      expect(profile?.groups).toEqual([{ id: 'g', traits: { plan: 'b' } }]);
    }
  });
});

describe('mistaken addresses and keys', () => {
  it('are answered with what to do instead', async () => {
    await withCollector({}, async (c) => {
      const wrongMethod = await c.fetch('/v1/batch');
      expect([wrongMethod.status, wrongMethod.headers.get('allow')]).toEqual([405, 'POST']);
      expect(wrongMethod.text).toContain('/v1/batch takes POST, not GET');
      expect((await c.api('POST', '/api/traits/orders', {})).status).toBe(405);
      expect((await c.fetch('/v1/batches', { method: 'POST' })).status).toBe(404);
      expect((await c.fetch('/')).text).toContain('/healthz');
      const asWriter = await c.fetch('/v1/batch', {
        method: 'POST',
        headers: { authorization: basic(ADMIN_KEY) },
        body: '{"batch":[]}',
      });
      expect([asWriter.status, asWriter.text]).toEqual([
        401,
        expect.stringContaining('this is an admin key'),
      ]);
      const asAdmin = await c.fetch('/api/traits', { headers: { authorization: `Bearer ${WEB_KEY}` } });
      expect([asAdmin.status, asAdmin.text]).toEqual([
        401,
        expect.stringContaining('this is a web write key'),
      ]);
    });
  });
});
