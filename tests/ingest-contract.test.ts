// Contract section 3, sentence by sentence: what ingest takes, what it answers, what it keeps.
// Invariant: everything is asked over `fetch` and read back over /api; nothing of the collector is looked into.
import { createHmac } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../collector/src/wire/message.ts';
import {
  ADMIN_KEY,
  type Answer,
  basic,
  type IngestResult,
  openCollector,
  SERVER_KEY,
  SIGNING_SECRET,
  T0,
  type TestCollector,
  WEB_KEY,
} from './collector.ts';

let collector: TestCollector;
beforeEach(async () => {
  collector = await openCollector();
});
afterEach(async () => {
  await collector.dispose();
});

const iso = (time: number) => new Date(time).toISOString();
let serial = 0;
const nextId = () => `message-${++serial}`;

/** A good message; fields given win, `undefined` takes one away. */
function good(fields: Record<string, JsonValue | undefined> = {}): JsonObject {
  const all = { type: 'track', event: 'a', userId: 'u1', messageId: nextId(), ...fields };
  return JSON.parse(JSON.stringify(all)) as JsonObject;
}

function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  return collector.fetch(path, {
    method: 'POST',
    headers: { authorization: basic(WEB_KEY), ...headers },
    body:
      body instanceof Uint8Array
        ? new Uint8Array(body)
        : typeof body === 'string'
          ? body
          : JSON.stringify(body),
  });
}

const result = (answer: Answer) => answer.json as unknown as IngestResult;

async function events(address: string): Promise<JsonObject[]> {
  return collector.all<JsonObject>(`/api/profiles/${encodeURIComponent(address)}/events`);
}

async function storedIds(address = 'user:u1'): Promise<JsonValue[]> {
  if (!(await collector.profile(address))) return [];
  return (await events(address)).map((event) => event.messageId ?? null);
}

/** Sends one message and gives its code, or null when it was accepted. */
async function codeOf(message: JsonValue, key: 'web' | 'server' = 'web'): Promise<string | null> {
  const { accepted, rejected } = await collector.send(key, [message]);
  expect(accepted + rejected.length).toBe(1);
  return rejected[0]?.code ?? null;
}

/** A message of exactly so many UTF-8 bytes of JSON. */
function sized(bytes: number, fill = 'x'): JsonObject {
  const message = good({ properties: { fill: '' } });
  const room = bytes - Buffer.byteLength(JSON.stringify(message));
  const width = Buffer.byteLength(fill);
  (message.properties as JsonObject).fill = fill.repeat(Math.floor(room / width)) + 'x'.repeat(room % width);
  expect(Buffer.byteLength(JSON.stringify(message))).toBe(bytes);
  return message;
}

describe('routes', () => {
  const fields: Record<string, JsonObject> = {
    identify: { traits: { plan: 'pro' } },
    track: { event: 'a', properties: { p: 1 } },
    page: { name: 'Home', properties: { p: 1 } },
    screen: { name: 'Home' },
    group: { groupId: 'g1', traits: { size: 3 } },
    alias: { previousId: 'old' },
    survey: { surveyId: 'nps', answers: { q1: 9 } },
  };
  const routes = [
    ...Object.keys(fields).map((type) => [`/v1/${type}`, type] as const),
    ...(['identify', 'track', 'page', 'screen', 'group', 'alias'] as const)
      .filter((type) => type !== 'screen')
      .map((type) => [`/v1/${type.charAt(0)}`, type] as const),
    ['/v1/s', 'screen'] as const,
  ];
  it.each(routes)('%s takes one message of type %s, whatever its body says', async (path, type) => {
    const messageId = nextId();
    const answer = await post(path, { ...fields[type], type: 'bogus', userId: 'u1', messageId });
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({ success: true, accepted: 1, duplicates: 0, rejected: [] });
    const [event] = await events('user:u1');
    expect(event).toMatchObject({ ...fields[type], type, messageId, userId: 'u1' });
  });

  it.each(['/v1/batch', '/v1/b', '/v1/import', '/beacon/v1/batch'])('%s takes a batch', async (path) => {
    const batch = Object.entries(fields).map(([type, rest]) => ({ type, userId: 'u1', ...rest }));
    const answer = await post(path, { batch });
    expect(answer.json).toEqual({ success: true, accepted: 7, duplicates: 0, rejected: [] });
    expect((await collector.profile('user:u1'))?.eventCount).toBe(7);
  });

  it('answers an empty batch with 200', async () => {
    const answer = await post('/v1/batch', { batch: [] });
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({ success: true, accepted: 0, duplicates: 0, rejected: [] });
  });
});

describe('keys', () => {
  it('takes the write key as user name, in the query or in the body', async () => {
    const body = { batch: [good()] };
    expect((await post('/v1/batch', body)).status).toBe(200);
    for (const path of [`/v1/batch?writeKey=${WEB_KEY}`, `/v1/batch?writeKey=${SERVER_KEY}`]) {
      const answer = await collector.fetch(path, {
        method: 'POST',
        body: JSON.stringify({ batch: [good()] }),
      });
      expect(answer.status).toBe(200);
    }
    const inBody = await collector.fetch('/v1/batch', {
      method: 'POST',
      body: JSON.stringify({ batch: [good()], writeKey: WEB_KEY }),
    });
    expect(inBody.status).toBe(200);
    const single = await collector.fetch('/v1/track', {
      method: 'POST',
      body: JSON.stringify(good({ writeKey: WEB_KEY })),
    });
    expect(single.status).toBe(200);
    expect((await collector.profile('user:u1'))?.eventCount).toBe(5);
  });

  it('lets the first key present decide', async () => {
    const body = JSON.stringify({ batch: [good()], writeKey: WEB_KEY });
    const wrongHeader = await collector.fetch(`/v1/batch?writeKey=${WEB_KEY}`, {
      method: 'POST',
      headers: { authorization: basic('wrong') },
      body,
    });
    expect(wrongHeader.status).toBe(401);
    const wrongQuery = await collector.fetch('/v1/batch?writeKey=wrong', { method: 'POST', body });
    expect(wrongQuery.status).toBe(401);
    expect(await collector.profile('user:u1')).toBeUndefined();
    const rightHeader = await collector.fetch('/v1/batch?writeKey=wrong', {
      method: 'POST',
      headers: { authorization: basic(WEB_KEY) },
      body: JSON.stringify({ batch: [good()], writeKey: 'wrong' }),
    });
    expect(rightHeader.status).toBe(200);
  });

  it('answers 401 without a key, with an admin key in the URL and with a write key on /api', async () => {
    const body = JSON.stringify({ batch: [good()] });
    expect((await collector.fetch('/v1/batch', { method: 'POST', body })).status).toBe(401);
    expect((await collector.fetch(`/v1/batch?writeKey=${ADMIN_KEY}`, { method: 'POST', body })).status).toBe(
      401,
    );
    for (const authorization of [`Bearer ${WEB_KEY}`, `Bearer ${SERVER_KEY}`, basic(SERVER_KEY)]) {
      const answer = await collector.fetch('/api/profiles', { headers: { authorization } });
      expect(answer.status).toBe(401);
      expect(answer.json.error).toMatchObject({ code: expect.any(String), message: expect.any(String) });
    }
    expect(await collector.profile('user:u1')).toBeUndefined();
  });

  it('says on /api whether an admin key is missing or unknown', async () => {
    const saidTo = async (headers: Record<string, string>) => {
      const { status, json } = await collector.fetch('/api/profiles', { headers });
      return [status, json.error];
    };
    const error = (words: string) => [
      401,
      expect.objectContaining({ code: 'invalid_key', message: expect.stringContaining(words) }),
    ];
    expect(await saidTo({})).toEqual(error('an admin key is required'));
    expect(await saidTo({ authorization: 'Bearer nobody' })).toEqual(
      error('this admin key is unknown or was revoked; `tidemark keys` lists'),
    );
  });

  it('never stores or shows a write key or a signature', async () => {
    await post('/v1/track', good({ writeKey: WEB_KEY, userSignature: 'feed', context: { a: 1 } }));
    await post('/v1/batch', {
      batch: [good({ writeKey: WEB_KEY, userSignature: 'feed' })],
      userSignature: 'feed',
    });
    await post('/v1/batch', {
      batch: [good({ writeKey: WEB_KEY, userSignature: 'feed', event: undefined })],
    });
    const seen = JSON.stringify([
      await events('user:u1'),
      (await collector.api('GET', '/api/rejected')).json,
    ]);
    expect(seen).not.toContain(WEB_KEY);
    expect(seen).not.toContain('feed');
  });
});

describe('decoding', () => {
  const body = () => JSON.stringify({ batch: [good()] });
  const types = ['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'image/png', ''];
  it.each(types)('judges a body by its bytes under the content type %j', async (type) => {
    for (const [bytes, encoding] of [
      [Buffer.from(body()), ''],
      [gzipSync(body()), ''],
      [gzipSync(body()), 'gzip'],
      [Buffer.from(body()), 'gzip'],
    ] as const) {
      const headers = { 'content-type': type, ...(encoding ? { 'content-encoding': encoding } : {}) };
      const answer = await post('/v1/batch', bytes, headers);
      expect([answer.status, answer.json.accepted], `${type} ${encoding}`).toEqual([200, 1]);
    }
  });

  it.each([
    ['broken JSON', '{"batch":['],
    ['no JSON at all', 'batch=1'],
    ['an empty body', ''],
    ['an array', '[]'],
    ['text', '"batch"'],
    ['null', 'null'],
    ['a batch without an array', '{"batch":{}}'],
    ['a batch of nothing', '{}'],
    ['broken gzip', gzipSync('{"batch":[]}').subarray(0, 15)],
  ])('answers %s with 400', async (_what, bytes) => {
    const answer = await post('/v1/batch', bytes);
    expect(answer.status).toBe(400);
    expect(answer.json.error).toMatchObject({ code: expect.any(String), message: expect.any(String) });
  });

  it('answers a single route with a body that is no object with 400', async () => {
    for (const bytes of ['[]', '5', 'null', '{']) expect((await post('/v1/track', bytes)).status).toBe(400);
  });

  it('stops at a gzip bomb', async () => {
    const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024, 0x20));
    const answer = await post('/v1/batch', bomb);
    expect(answer.status).toBe(413);
    expect((await post('/v1/batch', { batch: [good()] })).status).toBe(200);
  });

  it('drops __proto__ keys and pollutes nothing', async () => {
    const sent =
      '{"batch":[{"type":"track","event":"a","userId":"u1","__proto__":{"polluted":1},' +
      '"properties":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"list":[{"__proto__":{"polluted":1}}],"kept":1}}]}';
    expect((await post('/v1/batch', sent)).json.accepted).toBe(1);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    const [event] = await events('user:u1');
    expect(Object.keys(event?.properties ?? {}).sort()).toEqual(['constructor', 'kept', 'list']);
    expect(JSON.stringify(event)).not.toContain('__proto__');
  });

  it('turns lone surrogates into U+FFFD, in values, keys and ids', async () => {
    const sent =
      '{"batch":[{"type":"track","event":"a\\ud800","userId":"u1","messageId":"s\\udc00","properties":{"k\\ud800":"\\ud800x\\ud83d\\ude00"}}]}';
    expect((await post('/v1/batch', sent)).json.accepted).toBe(1);
    expect((await events('user:u1'))[0]).toMatchObject({
      event: 'a\ufffd',
      messageId: 's\ufffd',
      properties: { 'k\ufffd': '\ufffdx\u{1f600}' },
    });
  });
});

describe('limits', () => {
  it('takes a message of 32 KiB and not one byte more, counted in UTF-8 without white space', async () => {
    for (const fill of ['x', 'é', '\u{1f600}']) {
      const fits = sized(32 * 1024, fill);
      const tooLarge = sized(32 * 1024 + 1, fill);
      const spaced = JSON.stringify({ batch: [fits, tooLarge, good()] }, null, 4);
      const answer = await post('/v1/batch', spaced);
      expect(answer.status).toBe(200);
      expect(answer.json.accepted).toBe(2);
      expect(result(answer).rejected).toEqual([
        { index: 1, messageId: tooLarge.messageId, code: 'message_too_large', message: expect.any(String) },
      ]);
    }
  });

  it('answers a too large message alone on its route with 413', async () => {
    expect((await post('/v1/track', sized(32 * 1024))).status).toBe(200);
    const answer = await post('/v1/track', sized(32 * 1024 + 1));
    expect(answer.status).toBe(413);
    expect(answer.text).toMatch(/32/);
    expect((await storedIds()).length).toBe(1);
  });

  it('takes a body of 4 MiB after inflation and not one byte more, nothing stored of a larger one', async () => {
    const limit = 4 * 1024 * 1024;
    const sent = JSON.stringify({ batch: [good()] });
    const padded = (bytes: number) => Buffer.from(sent + ' '.repeat(bytes - sent.length));
    for (const pack of [(bytes: Buffer) => bytes, gzipSync]) {
      const tooLarge = await post('/v1/batch', pack(padded(limit + 1)));
      expect(tooLarge.status).toBe(413);
      expect(tooLarge.text).toMatch(/4 ?MiB|4194304|4,194,304/);
    }
    expect(await storedIds()).toEqual([]);
    expect((await post('/v1/batch', gzipSync(padded(limit)))).json.accepted).toBe(1);
  });

  it('takes 2,000 messages and refuses 2,001 as a whole', async () => {
    const batch = Array.from({ length: 2_001 }, () => good());
    const refused = await post('/v1/batch', { batch });
    expect(refused.status).toBe(413);
    expect(refused.text).toMatch(/2,?000/);
    expect(await storedIds()).toEqual([]);
    expect((await post('/v1/batch', { batch: batch.slice(1) })).json.accepted).toBe(2_000);
    expect((await collector.profile('user:u1'))?.eventCount).toBe(2_000);
  });

  it.each(['messageId', 'userId', 'anonymousId', 'groupId', 'previousId'])(
    'takes a %s of 1 to 512 characters',
    async (field) => {
      const of = (value: JsonValue) =>
        field === 'groupId'
          ? good({ type: 'group', groupId: value })
          : field === 'previousId'
            ? good({ type: 'alias', previousId: value })
            : good({ [field]: value });
      expect(await codeOf(of('x'.repeat(512)))).toBeNull();
      expect(await codeOf(of('é'.repeat(512)))).toBeNull();
      for (const bad of ['x'.repeat(513), 'a\u0000b', 'a\nb', 'a\u007fb', true, ['x'], { id: 'x' }]) {
        expect(await codeOf(of(bad)), JSON.stringify(bad).slice(0, 20)).toBe('invalid_field');
      }
    },
  );

  it('makes text of a number given as an id', async () => {
    expect(await codeOf(good({ userId: 42, messageId: 7, anonymousId: 1.5 }))).toBeNull();
    expect((await collector.profile('user:42'))?.anonymousIds).toEqual(['1.5']);
    expect((await events('user:42'))[0]).toMatchObject({ userId: '42', messageId: '7', anonymousId: '1.5' });
    const again = await collector.send('web', [good({ userId: '42', messageId: '7' })]);
    expect(again.duplicates).toBe(1);
  });

  it('takes a nesting of 100 levels and rejects more', async () => {
    // The message and its properties are two levels; each further object is one.
    const nested = (levels: number) => {
      let value: JsonValue = 1;
      for (let level = 0; level < levels - 2; level++) value = level % 2 ? { a: value } : [value];
      return good({ properties: { a: value } });
    };
    expect(await codeOf(nested(100))).toBeNull();
    expect(await codeOf(nested(101))).toBe('invalid_field');
    const deep = `{"batch":[{"type":"track","event":"a","userId":"u1","properties":${'['.repeat(9_000)}${']'.repeat(9_000)}}]}`;
    expect(result(await post('/v1/batch', deep)).rejected[0]?.code).toBe('invalid_field');
    expect((await post('/v1/batch', '['.repeat(1_000_000))).status).toBe(400);
  });
});

describe('one bad message among good ones', () => {
  const bad: [JsonValue, string][] = [
    [5, 'invalid_type'],
    [null, 'invalid_type'],
    ['text', 'invalid_type'],
    [[], 'invalid_type'],
    [good({ type: 'bogus' }), 'invalid_type'],
    [good({ type: undefined }), 'invalid_type'],
    [good({ type: 'toString' }), 'invalid_type'],
    [good({ userId: undefined }), 'missing_identity'],
    [good({ userId: null, anonymousId: '' }), 'missing_identity'],
    [good({ userId: ' Null ', anonymousId: '000-000' }), 'missing_identity'],
    [good({ event: undefined }), 'missing_event'],
    [good({ event: '' }), 'missing_event'],
    [good({ event: null }), 'missing_event'],
    [good({ timestamp: 'yesterday' }), 'invalid_timestamp'],
    [good({ timestamp: '1969-12-31T23:59:59.999Z' }), 'invalid_timestamp'],
    [good({ timestamp: '2026-02-30T00:00:00Z' }), 'invalid_timestamp'],
    [good({ timestamp: true }), 'invalid_timestamp'],
    [good({ timestamp: -1 }), 'invalid_timestamp'],
    [good({ timestamp: 253402300800000 }), 'invalid_timestamp'],
    [good({ type: 'group', groupId: undefined }), 'invalid_field'],
    [good({ type: 'group', groupId: 'none' }), 'invalid_field'],
    [good({ type: 'alias', previousId: undefined }), 'invalid_field'],
    [good({ type: 'alias', previousId: 'guest' }), 'invalid_field'],
    [good({ type: 'survey', surveyId: undefined, answers: {} }), 'invalid_field'],
    [good({ properties: 'text' }), 'invalid_field'],
    [good({ type: 'identify', traits: ['a'] }), 'invalid_field'],
    [good({ context: 5 }), 'invalid_field'],
  ];

  it.each(bad)('%j is %s and sinks no other', async (message, code) => {
    const { success, accepted, rejected } = await collector.send('web', [good(), message, good()]);
    const isObject = typeof message === 'object' && message !== null && !Array.isArray(message);
    expect([success, accepted]).toEqual([true, 2]);
    expect(rejected).toEqual([
      { index: 1, messageId: isObject ? message.messageId : null, code, message: expect.any(String) },
    ]);
  });

  it('answers 200 also when all were rejected, and on the single routes', async () => {
    const all = await post('/v1/batch', { batch: [1, good({ event: null })] });
    expect([all.status, all.json.success, result(all).rejected.length]).toEqual([200, true, 2]);
    const single = await post('/v1/track', { messageId: 'm' });
    expect(single.status).toBe(200);
    expect(single.json).toMatchObject({
      success: true,
      accepted: 0,
      rejected: [{ index: 0, messageId: 'm' }],
    });
  });

  it('does not use up the messageId of a rejected message', async () => {
    const message = good();
    expect(await codeOf({ ...message, event: '' })).toBe('missing_event');
    expect(await codeOf(message)).toBeNull();
  });
});

describe('rejected messages', () => {
  interface Row {
    id: string;
    receivedAt: string;
    code: string;
    reason: string;
    messageId: string | null;
    message: JsonValue;
  }
  const rows = () => collector.all<Row>('/api/rejected');
  const only = async (): Promise<Row> => {
    const [row, ...rest] = await rows();
    if (!row) throw new Error('nothing was rejected');
    expect(rest).toEqual([]);
    return row;
  };

  it('keeps the message as sent, with the reason', async () => {
    const message = good({ event: undefined, properties: { a: [1, null, 'é'] } });
    await collector.send('web', [message]);
    expect(await only()).toMatchObject({
      receivedAt: iso(T0),
      code: 'missing_event',
      reason: expect.any(String),
      messageId: message.messageId,
      message,
    });
  });

  it('keeps the first KiB of one that is too large', async () => {
    await collector.send('web', [sized(40_000)]);
    const row = await only();
    expect(row.code).toBe('message_too_large');
    const text = typeof row.message === 'string' ? row.message : JSON.stringify(row.message);
    expect(Buffer.byteLength(text)).toBeGreaterThan(900);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(1_100);
  });

  it('replays a mended one with the receivedAt of its first arrival and takes the row away', async () => {
    await collector.send('web', [good({ event: undefined, messageId: 'r1' })]);
    const row = await only();
    collector.advance(3_600_000);
    const unchanged = await collector.api('POST', `/api/rejected/${row.id}/replay`, {});
    expect(unchanged.status).toBeLessThan(300);
    expect((await rows()).length).toBe(1);
    const mended = await collector.api('POST', `/api/rejected/${row.id}/replay`, {
      message: { ...(row.message as JsonObject), event: 'a' },
    });
    expect(mended.status).toBe(200);
    expect(await rows()).toEqual([]);
    expect((await events('user:u1'))[0]).toMatchObject({
      messageId: 'r1',
      event: 'a',
      timestamp: iso(T0),
      receivedAt: iso(T0),
    });
  });

  it('replays with the sentAt of its first arrival', async () => {
    const message = good({ event: undefined, timestamp: iso(T0 - 3_600_000) });
    await collector.send('web', [message], { sentAt: iso(T0 - 3_600_000 + 5_000) });
    const row = await only();
    collector.advance(1_000);
    await collector.api('POST', `/api/rejected/${row.id}/replay`, {
      message: { ...(row.message as JsonObject), event: 'a' },
    });
    expect((await events('user:u1'))[0]).toMatchObject({ timestamp: iso(T0 - 5_000) });
  });

  it('takes a row away when its replay is a duplicate', async () => {
    const message = good({ event: undefined });
    await collector.send('web', [message]);
    const row = await only();
    await collector.send('web', [{ ...message, event: 'a' }]);
    await collector.api('POST', `/api/rejected/${row.id}/replay`, { message: { ...message, event: 'a' } });
    expect(await rows()).toEqual([]);
    expect((await storedIds()).length).toBe(1);
  });

  it('keeps one row of a message that is rejected again', async () => {
    const message = good({ event: undefined });
    await collector.send('web', [message]);
    await collector.send('web', [message]);
    await only();
  });

  it('deletes a row, and knows no other', async () => {
    await collector.send('web', [good({ event: undefined })]);
    const { id } = await only();
    expect((await collector.api('DELETE', `/api/rejected/${id}`)).status).toBe(204);
    expect(await rows()).toEqual([]);
    expect((await collector.api('DELETE', `/api/rejected/${id}`)).status).toBe(404);
    expect((await collector.api('POST', `/api/rejected/${id}/replay`, {})).status).toBe(404);
  });
});

describe('messageId', () => {
  it('counts a repeat under duplicates and changes nothing, whatever it says', async () => {
    const first = good({ messageId: 'same', type: 'identify', traits: { plan: 'pro' }, event: undefined });
    await collector.send('web', [first]);
    const repeats = [
      first,
      { ...first, traits: { plan: 'free' } },
      good({ messageId: 'same', userId: 'u2' }),
    ];
    const answer = await collector.send('web', repeats);
    expect([answer.accepted, answer.duplicates]).toEqual([0, 3]);
    expect((await collector.profile('user:u1'))?.traits).toEqual({ plan: 'pro' });
    expect(await collector.profile('user:u2')).toBeUndefined();
  });

  it('finds a repeat inside one batch', async () => {
    const answer = await collector.send('web', [good({ messageId: 'x' }), good({ messageId: 'x' }), good()]);
    expect([answer.accepted, answer.duplicates]).toEqual([2, 1]);
  });

  it('is unique for each kind of key, so that a stranger uses up no id of a server', async () => {
    expect((await collector.send('web', [good({ messageId: 'x', event: 'web' })])).accepted).toBe(1);
    expect((await collector.send('server', [good({ messageId: 'x', event: 'server' })])).accepted).toBe(1);
    expect((await collector.send('server', [good({ messageId: 'x' })])).duplicates).toBe(1);
    expect((await collector.send('web', [good({ messageId: 'x' })])).duplicates).toBe(1);
    expect((await collector.profile('user:u1'))?.eventCount).toBe(2);
  });

  it('is unique for each kind of key and not for each key', async () => {
    const { json } = await collector.api('POST', '/api/keys', { kind: 'web', name: 'second' });
    expect((await collector.send('web', [good({ messageId: 'x' })])).accepted).toBe(1);
    const other = await post(
      '/v1/batch',
      { batch: [good({ messageId: 'x' })] },
      { authorization: basic(String(json.key)) },
    );
    expect(other.json.duplicates).toBe(1);
  });

  it('is made when it is missing', async () => {
    await collector.send('web', [good({ messageId: undefined }), good({ messageId: null })]);
    const ids = await storedIds();
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) expect(id).toMatch(/^\S{8,512}$/);
  });

  it('may look like a blocked id', async () => {
    expect(
      (await collector.send('web', [good({ messageId: '0' }), good({ messageId: 'null' })])).accepted,
    ).toBe(2);
  });
});

describe('event time', () => {
  type Times = { timestamp?: JsonValue; originalTimestamp?: JsonValue; sentAt?: JsonValue };
  /** Sends one message with these times and gives the corrected one, relative to the clock. */
  async function timeOf(own: Times, batchSentAt?: JsonValue): Promise<number> {
    const userId = `user-${nextId()}`;
    const more: JsonObject = batchSentAt === undefined ? {} : { sentAt: batchSentAt };
    const { accepted, rejected } = await collector.send('web', [good({ ...own, userId })], more);
    expect(rejected).toEqual([]);
    expect(accepted).toBe(1);
    const profile = await collector.profile(`user:${userId}`);
    if (!profile?.lastSeenAt) return Number.POSITIVE_INFINITY; // dated in the future: without effect
    const [event] = await events(`user:${userId}`);
    expect(event?.timestamp).toBe(profile.lastSeenAt);
    expect(event?.receivedAt).toBe(iso(T0));
    return Date.parse(String(event?.timestamp)) - T0;
  }
  const t = (offset: number) => iso(T0 + offset);

  it('is receivedAt when none is given; null and "" count as missing', async () => {
    expect(await timeOf({})).toBe(0);
    expect(await timeOf({ timestamp: null, originalTimestamp: '' })).toBe(0);
    expect(await timeOf({ timestamp: '', originalTimestamp: t(-7) })).toBe(-7);
  });

  it('prefers timestamp without a sentAt, originalTimestamp with one', async () => {
    const both = { timestamp: t(-1_000), originalTimestamp: t(-2_000) };
    expect(await timeOf(both)).toBe(-1_000);
    expect(await timeOf({ originalTimestamp: t(-2_000) })).toBe(-2_000);
    expect(await timeOf(both, t(0))).toBe(-2_000);
    expect(await timeOf({ ...both, sentAt: t(0) })).toBe(-2_000);
    expect(await timeOf({ timestamp: t(-1_000) }, t(0))).toBe(-1_000);
  });

  it('takes the sentAt of the message before that of the batch and ignores an unreadable one', async () => {
    expect(await timeOf({ timestamp: t(-60_000), sentAt: t(-60_000) }, t(0))).toBe(0);
    expect(await timeOf({ timestamp: t(-60_000), sentAt: 'soon' })).toBe(-60_000);
    expect(await timeOf({ timestamp: t(-1), originalTimestamp: t(-2) }, 'soon')).toBe(-1);
    expect(await timeOf({ timestamp: t(-1), originalTimestamp: t(-2) }, '')).toBe(-1);
  });

  it('adds a difference of more than ten seconds and takes a smaller one for latency', async () => {
    for (const off of [10_000, -10_000, 9_999]) {
      expect(await timeOf({ timestamp: t(-60_000) }, t(off)), String(off)).toBe(-60_000);
    }
    expect(await timeOf({ timestamp: t(-60_000) }, t(-10_001))).toBe(-60_000 + 10_001);
    expect(await timeOf({ timestamp: t(-60_000) }, t(10_001))).toBe(-60_000 - 10_001);
    expect(await timeOf({ timestamp: t(3_600_000 - 5) }, t(3_600_000))).toBe(-5);
  });

  it('corrects a time between receivedAt and sentAt, and leaves one after sentAt in the future', async () => {
    expect(await timeOf({ timestamp: t(4_000) }, t(5_000))).toBe(-1_000);
    expect(await timeOf({ timestamp: t(5_000) }, t(5_000))).toBe(0);
    expect(await timeOf({ timestamp: t(5_001) }, t(5_000))).toBe(Number.POSITIVE_INFINITY);
    expect(await timeOf({ timestamp: t(0) }, t(5_000))).toBe(0);
    expect(await timeOf({ timestamp: t(1) })).toBe(Number.POSITIVE_INFINITY);
  });

  it('reads ISO 8601 with or without zone, dates alone, and epoch milliseconds', async () => {
    const at = (text: JsonValue) => timeOf({ timestamp: text }).then((offset) => offset + T0);
    expect(await at('2026-06-10T13:59:59.5+02:00')).toBe(T0 - 500);
    expect(await at('2026-06-10T11:00:00')).toBe(T0 - 3_600_000);
    expect(await at('2026-06-10')).toBe(Date.parse('2026-06-10T00:00:00Z'));
    expect(await at(T0 - 1)).toBe(T0 - 1);
    expect(await at(0)).toBe(0);
    expect(await at('1970-01-01T00:00:00Z')).toBe(0);
    expect(await codeOf(good({ timestamp: '9999-12-31T23:59:59.999Z' }))).toBeNull();
    expect(await codeOf(good({ timestamp: '+010000-01-01T00:00:00.000Z' }))).toBe('invalid_timestamp');
  });
});

describe('fields', () => {
  it('identify without traits takes context.traits', async () => {
    const identify = (rest: JsonObject) => ({ type: 'identify', messageId: nextId(), ...rest });
    await collector.send('web', [
      identify({ userId: 'u1', context: { traits: { plan: 'pro' } } }),
      identify({ userId: 'u2', traits: { plan: 'own' }, context: { traits: { plan: 'pro' } } }),
      good({ userId: 'u3', context: { traits: { plan: 'pro' } } }),
    ]);
    expect((await collector.profile('user:u1'))?.traits).toEqual({ plan: 'pro' });
    expect((await collector.profile('user:u2'))?.traits).toEqual({ plan: 'own' });
    expect((await collector.profile('user:u3'))?.traits).toEqual({});
  });

  it('lays the context of the batch under that of its messages', async () => {
    await collector.send('web', [good({ context: { ip: '1.2.3.4' } }), good({ userId: 'u2' })], {
      context: { ip: '5.6.7.8', locale: 'zh-CN' },
    });
    expect((await events('user:u1'))[0]?.context).toMatchObject({ ip: '1.2.3.4', locale: 'zh-CN' });
    expect((await events('user:u2'))[0]?.context).toMatchObject({ ip: '5.6.7.8', locale: 'zh-CN' });
  });

  it('lists events newest first, ties by messageId descending, flat with both times', async () => {
    const at = (id: string, offset: number) => good({ messageId: id, timestamp: iso(T0 + offset) });
    await collector.send('web', [at('a', -5), at('c', -1), at('b', -1), at('d', -9)]);
    expect(await storedIds()).toEqual(['c', 'b', 'a', 'd']);
    const { json } = await collector.api('GET', '/api/profiles/user%3Au1/events?limit=3');
    expect((json.data as JsonObject[]).map((event) => event.messageId)).toEqual(['c', 'b', 'a']);
    const rest = await collector.api(
      'GET',
      `/api/profiles/user%3Au1/events?limit=3&cursor=${encodeURIComponent(String(json.next))}`,
    );
    expect([(rest.json.data as JsonObject[]).map((event) => event.messageId), rest.json.next]).toEqual([
      ['d'],
      null,
    ]);
  });
});

describe('CORS', () => {
  const origin = 'https://shop.example';
  const expectOpen = (answer: Answer) => {
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
    expect(answer.headers.get('access-control-allow-credentials')).toBe('true');
    expect(answer.headers.get('vary')?.toLowerCase()).toContain('origin');
    expect(answer.headers.get('access-control-expose-headers')?.toLowerCase()).toContain('retry-after');
    expect(answer.headers.get('set-cookie')).toBeNull();
  };

  it('is open on every answer of ingest, errors too', async () => {
    const headers = { origin };
    expectOpen(await post('/v1/batch', { batch: [good()] }, headers));
    expectOpen(await post('/v1/batch', '{', headers));
    expectOpen(await post('/v1/track', sized(40_000), headers));
    expectOpen(await post('/beacon/v1/batch', { batch: [] }, headers));
    expectOpen(await post('/v1/batch', { batch: [good()] }, { origin, authorization: basic('wrong') }));
    expectOpen(await collector.fetch('/v1/nothing-here', { headers }));
    expectOpen(await collector.fetch(`/v1/projects/${WEB_KEY}/settings`, { headers }));
    expectOpen(await collector.fetch('/v1/projects/unknown/settings', { headers }));
    expectOpen(await collector.fetch('/v1/me?anonymousId=d1', { headers }));
    expectOpen(await collector.fetch('/sourceConfig/', { headers }));
    expectOpen(await collector.fetch('/sdk.js', { headers }));
  });

  it('lets preflights through without a key, cacheable, with the requested headers', async () => {
    for (const path of [
      '/v1/batch',
      '/v1/t',
      '/beacon/v1/batch',
      '/v1/me',
      `/v1/projects/${WEB_KEY}/settings`,
    ]) {
      const answer = await collector.fetch(path, {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization,x-tidemark-signature,x-other',
        },
      });
      expect(answer.status).toBeLessThan(300);
      expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
      expect(answer.headers.get('access-control-allow-headers')).toBe(
        'authorization,x-tidemark-signature,x-other',
      );
      expect(answer.headers.get('access-control-allow-methods')).toContain('POST');
      expect(Number(answer.headers.get('access-control-max-age'))).toBeGreaterThan(0);
    }
  });

  it('keeps /api to its own origin', async () => {
    const answer = await collector.fetch('/api/profiles', {
      headers: { origin, authorization: `Bearer ${ADMIN_KEY}` },
    });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('is open on scripts of ours and not on what only ends like one', async () => {
    const ask = { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'GET' } };
    for (const [path, isOpen] of [
      ['/sdk.js', true],
      ['/sdk-surveys.js?v=1', true],
      ['/sdk-survey-lang-de.js', true],
      [`/analytics.js/v1/${WEB_KEY}/analytics.min.js`, true],
      ['/api/segments/a.js', false],
      ['/api/keys/key.js', false],
      ['/s/survey.js', false],
      ['/other.js', false],
    ] as const) {
      const { status, headers } = await collector.fetch(path, ask);
      const allowed = headers.get('access-control-allow-origin');
      expect([path, status === 204, allowed]).toEqual([path, isOpen, isOpen ? origin : null]);
    }
  });
});

describe('settings of other clients', () => {
  it("answers what Segment's browser client needs to send here and only here", async () => {
    const answer = await collector.fetch(`/v1/projects/${WEB_KEY}/settings`);
    expect(answer.status).toBe(200);
    expect(answer.json.metrics).toMatchObject({ sampleRate: 0 });
    const integrations = answer.json.integrations as Record<string, JsonObject>;
    expect(Object.keys(integrations)).toEqual(['Segment.io']);
    expect(integrations['Segment.io']).toMatchObject({
      apiKey: WEB_KEY,
      apiHost: 'localhost/v1',
      protocol: 'http',
    });
    expect(answer.text).not.toContain('segment.com');
    expect((await collector.fetch('/v1/projects/unknown/settings')).status).toBe(404);
  });

  it("answers RudderStack's browser client", async () => {
    const answer = await collector.fetch(`/sourceConfig/?writeKey=${WEB_KEY}&p=web&v=3`);
    expect(answer.status).toBe(200);
    expect(answer.json.source).toMatchObject({ writeKey: WEB_KEY, enabled: true, destinations: [] });
  });
});

describe('reply=me', () => {
  const sign = (userId: string) => createHmac('sha256', SIGNING_SECRET).update(userId).digest('hex');
  beforeEach(async () => {
    await collector.define({
      traits: {
        orders: { type: 'count', event: 'buy', expose: 'public' },
        spent: { type: 'sum', event: 'buy', property: 'revenue', expose: 'verified' },
        secret: { type: 'count', event: 'buy' },
      },
      segments: {
        buyers: { where: { event: 'buy' }, expose: 'public' },
        rich: { where: { computed: 'spent', op: 'gte', value: 10 }, expose: 'verified' },
        hidden: { where: { event: 'buy' } },
      },
    });
  });
  const buy = (who: JsonObject) => ({ type: 'track', event: 'buy', properties: { revenue: 10 }, ...who });
  const me = async (body: JsonObject, headers: Record<string, string> = {}) =>
    (await post('/v1/batch?reply=me', body, headers)).json.me as JsonObject;

  it('shows a stranger what is public, already with this batch', async () => {
    const reply = await me({ batch: [buy({ anonymousId: 'd1' })] });
    expect(reply).toEqual({ segments: ['buyers'], computed: { orders: 1 }, surveys: [] });
    expect(await me({ batch: [buy({ anonymousId: 'd1' })] })).toMatchObject({ computed: { orders: 2 } });
  });

  it('shows what is verified to a right signature or a server key', async () => {
    const body = { batch: [buy({ userId: 'u1' })] };
    const proven = { segments: ['buyers', 'rich'], surveys: [] };
    expect(await me(body, { 'x-tidemark-signature': sign('u1') })).toMatchObject(proven);
    expect(await me({ ...body, userSignature: sign('u1') })).toMatchObject(proven);
    expect(await me(body, { authorization: basic(SERVER_KEY) })).toMatchObject(proven);
    expect(await me(body)).toMatchObject({ segments: ['buyers'] });
  });

  it('says so when the signature is wrong and refuses no message for it', async () => {
    const answer = await post('/v1/batch?reply=me', {
      batch: [buy({ userId: 'u1' })],
      userSignature: sign('somebody else'),
    });
    expect([answer.status, answer.json.accepted]).toEqual([200, 1]);
    expect(answer.json.me).toEqual({ error: 'invalid_signature' });
  });

  it('takes the ids of the last message that was not rejected', async () => {
    const reply = await me({
      batch: [
        buy({ anonymousId: 'd1' }),
        buy({ anonymousId: 'd2' }),
        buy({}),
        { type: 'track', userId: 'u9' },
      ],
    });
    expect(reply).toMatchObject({ computed: { orders: 1 } });
    const quiet = await me({ batch: [buy({ anonymousId: 'd1' }), { type: 'page', anonymousId: 'd3' }] });
    expect(quiet).toEqual({ segments: [], computed: { orders: 0 }, surveys: [] });
  });

  it('works on the single routes and is absent unless asked for', async () => {
    const single = await post('/v1/track?reply=me', buy({ anonymousId: 'd1' }));
    expect(single.json.me).toMatchObject({ segments: ['buyers'] });
    expect((await post('/v1/track', buy({ anonymousId: 'd1' }))).json).not.toHaveProperty('me');
  });

  it('GET and POST /v1/me answer the same, 401 for a wrong signature', async () => {
    await collector.send('web', [buy({ userId: 'u1', anonymousId: 'd1' })]);
    const ask = (query: Record<string, string>) =>
      collector.fetch(`/v1/me?${new URLSearchParams({ writeKey: WEB_KEY, ...query })}`);
    const open = { segments: ['buyers'], computed: { orders: 1 }, surveys: [] };
    expect((await ask({ anonymousId: 'd1' })).json).toEqual(open);
    expect((await ask({ userId: 'u1' })).json).toEqual(open);
    expect((await ask({ userId: 'u1', anonymousId: 'other' })).json).toMatchObject({ segments: [] });
    expect((await ask({ anonymousId: 'unknown' })).json).toEqual({
      segments: [],
      computed: { orders: 0 },
      surveys: [],
    });
    expect((await ask({ userId: 'u1', userSignature: sign('u1') })).json).toMatchObject({
      segments: ['buyers', 'rich'],
      computed: { orders: 1, spent: 10 },
    });
    expect((await ask({ userId: 'u1', userSignature: 'wrong' })).status).toBe(401);
    expect((await post('/v1/me', { anonymousId: 'd1' })).json).toEqual(open);
    expect((await post('/v1/me', { userId: 'u1', userSignature: sign('u1') })).json).toMatchObject({
      computed: { spent: 10 },
    });
    expect((await collector.fetch('/v1/me?anonymousId=d1')).status).toBe(401);
  });
});

describe('sources', () => {
  async function patch(change: JsonObject): Promise<void> {
    const { json } = await collector.api('GET', '/api/sources');
    const [source] = json.data as JsonObject[];
    const answer = await collector.api('PATCH', `/api/sources/${source?.id}`, change);
    expect(answer.status).toBe(200);
  }

  it('may require a signature of users from web keys', async () => {
    await patch({ requireSignature: true });
    const signature = createHmac('sha256', SIGNING_SECRET).update('u1').digest('hex');
    expect(await codeOf(good())).toBe('signature_required');
    expect(await codeOf(good({ userId: undefined, anonymousId: 'd1' }))).toBeNull();
    expect(await codeOf(good(), 'server')).toBeNull();
    const signed = await collector.send('web', [good()], { userSignature: signature });
    expect(signed.accepted).toBe(1);
    const other = await collector.send('web', [good({ userId: 'u2' })], { userSignature: signature });
    expect(other.rejected[0]?.code).toBe('signature_required');
  });

  it('keeps the old signing secret for 24 hours after a rotation', async () => {
    const old = createHmac('sha256', SIGNING_SECRET).update('u1').digest('hex');
    await collector.send('web', [good()]);
    const { json } = await collector.api('GET', '/api/sources');
    const [source] = json.data as JsonObject[];
    expect(JSON.stringify(source)).toContain(SIGNING_SECRET);
    const rotated = await collector.api('POST', `/api/sources/${source?.id}/rotate-signing-secret`);
    expect(rotated.status).toBeLessThan(300);
    const status = async () =>
      (await collector.fetch(`/v1/me?writeKey=${WEB_KEY}&userId=u1&userSignature=${old}`)).status;
    expect(await status()).toBe(200);
    collector.advance(24 * 3_600_000 - 1);
    expect(await status()).toBe(200);
    collector.advance(2);
    expect(await status()).toBe(401);
  });
});
