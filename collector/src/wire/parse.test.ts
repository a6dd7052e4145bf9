import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RefusedMessage } from './accepted.ts';
import { isBlockedId } from './ids.ts';
import { type JsonObject, type JsonValue, MAX_MESSAGE_BYTES } from './message.ts';
import { type ParsedMessage, type ParseOptions, parseMessage } from './parse.ts';
import { createAgentReader } from './user-agent.ts';

const RECEIVED_AT = Date.parse('2026-06-10T12:00:00.000Z');

function parse(item: JsonValue, options: Partial<ParseOptions> = {}) {
  return parseMessage(item, {
    routeType: null,
    kind: 'web',
    isProven: () => false,
    requireSignature: false,
    receivedAt: RECEIVED_AT,
    batchSentAt: undefined,
    batchContext: null,
    newId: () => 'made-id',
    readAgent: () => null,
    ...options,
  });
}

function accepted(item: JsonValue, options?: Partial<ParseOptions>): ParsedMessage {
  const result = parse(item, options);
  if (!result.ok) throw new Error(`refused: ${result.refused.code} ${result.refused.reason}`);
  return result.message;
}

function refused(item: JsonValue, options?: Partial<ParseOptions>): RefusedMessage {
  const result = parse(item, options);
  if (result.ok) throw new Error('accepted');
  return result.refused;
}

const code = (item: JsonValue, options?: Partial<ParseOptions>) => refused(item, options).code;
const track = (more: JsonObject = {}): JsonObject => ({
  type: 'track',
  messageId: 'm1',
  userId: 'u1',
  event: 'Order Completed',
  ...more,
});

describe('types and required fields', () => {
  it('takes each type with what it needs', () => {
    const messages: JsonObject[] = [
      { type: 'identify', userId: 'u1', traits: { plan: 'pro' } },
      { type: 'track', anonymousId: 'd1', event: 'Seen' },
      { type: 'page', anonymousId: 'd1', name: 'Home' },
      { type: 'screen', anonymousId: 'd1' },
      { type: 'group', userId: 'u1', groupId: 7, traits: {} },
      { type: 'alias', userId: 'u1', previousId: 'd1' },
      { type: 'survey', anonymousId: 'd1', surveyId: 's1', answers: { q: 9 }, status: 'partial' },
    ];
    expect(messages.map((message) => accepted(message).type)).toEqual(
      messages.map((message) => message.type),
    );
    expect(accepted(messages[4] as JsonObject)).toMatchObject({ groupId: '7', body: { groupId: '7' } });
    expect(messages.map((message) => accepted(message).name)).toEqual([
      null,
      'Seen',
      'Home',
      null,
      null,
      null,
      null,
    ]);
  });

  const RESPONDED = { type: 'track', userId: 'u1', event: 'Survey Responded' };
  it.each<[JsonValue, string]>([
    [null, 'invalid_type'],
    [5, 'invalid_type'],
    [[], 'invalid_type'],
    [{ userId: 'u1' }, 'invalid_type'],
    [{ type: 'purchase', userId: 'u1' }, 'invalid_type'],
    [{ type: 'track', event: 'x' }, 'missing_identity'],
    [{ type: 'track', event: 'x', userId: 'null', anonymousId: '0-0' }, 'missing_identity'],
    [{ type: 'track', userId: 'u1' }, 'missing_event'],
    [{ type: 'track', userId: 'u1', event: '' }, 'missing_event'],
    [{ type: 'track', userId: 'u1', event: 5 }, 'invalid_field'],
    [{ type: 'group', userId: 'u1' }, 'invalid_field'],
    [{ type: 'group', userId: 'u1', groupId: 'guest' }, 'invalid_field'],
    [{ type: 'alias', userId: 'u1' }, 'invalid_field'],
    [{ type: 'alias', anonymousId: 'd1', previousId: 'x' }, 'invalid_field'],
    [{ type: 'alias', previousId: 'x' }, 'missing_identity'],
    [{ type: 'survey', userId: 'u1' }, 'invalid_field'],
    [{ type: 'survey', userId: 'u1', surveyId: 's', answers: [] }, 'invalid_field'],
    [{ type: 'survey', userId: 'u1', surveyId: 's', status: 'done' }, 'invalid_field'],
    [{ ...RESPONDED, properties: { surveyId: 's'.repeat(513) } }, 'invalid_field'],
    [{ ...RESPONDED, properties: { surveyId: 's\n' } }, 'invalid_field'],
    [{ ...RESPONDED, properties: { surveyId: 's', submissionId: 'x'.repeat(513) } }, 'invalid_field'],
    [{ ...RESPONDED, properties: { surveyId: 's', submissionId: 'x\u007f' } }, 'invalid_field'],
    [track({ properties: 'x' }), 'invalid_field'],
    [track({ context: [1] }), 'invalid_field'],
    [track({ userId: true }), 'invalid_field'],
    [track({ userId: { id: 1 } }), 'invalid_field'],
    [track({ userId: 'a\u0000b' }), 'invalid_field'],
    [track({ messageId: '' }), 'invalid_field'],
    [track({ messageId: 'a\nb' }), 'invalid_field'],
    [track({ messageId: {} }), 'invalid_field'],
    [track({ anonymousId: 'x'.repeat(513) }), 'invalid_field'],
    [track({ timestamp: 'yesterday' }), 'invalid_timestamp'],
    [track({ timestamp: -1 }), 'invalid_timestamp'],
    [track({ timestamp: true }), 'invalid_timestamp'],
  ])('%j is %s', (item, expected) => {
    expect(code(item)).toBe(expected);
  });

  it('keeps the messageId of a refusal, null where there was none to read', () => {
    expect(refused(track({ event: null })).messageId).toBe('m1');
    expect(refused(track({ event: null, messageId: 7 })).messageId).toBe('7');
    expect(refused(track({ messageId: {} })).messageId).toBeNull();
    expect(refused('text').messageId).toBeNull();
  });

  it("lets the route's type win and stores it", () => {
    const message = accepted({ type: 'identify', userId: 'u1', event: 'x' }, { routeType: 'track' });
    expect(message).toMatchObject({ type: 'track', name: 'x', body: { type: 'track' } });
    expect(JSON.parse(refused({ userId: 'u1' }, { routeType: 'track' }).text)).toEqual({
      type: 'track',
      userId: 'u1',
    });
  });

  it('takes the empty lists that PHP writes for empty objects as absent', () => {
    expect(accepted(track({ properties: [], context: [] })).body).toEqual(track());
  });
});

describe('ids', () => {
  it.each([
    '',
    ' ',
    'null',
    'NULL',
    ' Null ',
    'undefined',
    '0',
    '-1',
    '- 1',
    'NaN',
    'none',
    'nil',
    'unknown',
  ])('blocks %j', (id) => expect(isBlockedId(id)).toBe(true));
  it.each([
    'anonymous',
    'Guest',
    'true',
    'FALSE',
    '[object Object]',
    '000-000',
    '----',
    '0'.repeat(600),
    '\u00a0nil',
  ])('blocks %j too', (id) => expect(isBlockedId(id)).toBe(true));
  it.each(['u1', '00a', '-2', '01', 'nullable', 'no', 'guest1', 'truee', '[object]', 'é', '\u4e2d'])(
    'lets %j be an id',
    (id) => expect(isBlockedId(id)).toBe(false),
  );

  it('drops blocked values from what is stored, but never a messageId', () => {
    const message = accepted(track({ messageId: 'null', anonymousId: 'Anonymous', userId: 42 }));
    expect(message).toMatchObject({ messageId: 'null', anonymousId: null, userId: '42' });
    expect(message.body).toEqual({
      type: 'track',
      messageId: 'null',
      userId: '42',
      event: 'Order Completed',
    });
    expect(accepted(track({ anonymousId: 0 })).anonymousId).toBeNull();
    expect(accepted(track({ messageId: 0 })).messageId).toBe('0');
  });

  it('counts characters, not code units', () => {
    expect(accepted(track({ userId: '\u{1f600}'.repeat(512) })).userId).toHaveLength(1_024);
    expect(code(track({ userId: '\u{1f600}'.repeat(513) }))).toBe('invalid_field');
    expect(accepted(track({ userId: 'x'.repeat(512) })).userId).toHaveLength(512);
  });

  it('makes a missing messageId', () => {
    const { messageId: _, ...without } = track();
    expect(accepted(without)).toMatchObject({ messageId: 'made-id', body: { messageId: 'made-id' } });
    expect(accepted(track({ messageId: null })).messageId).toBe('made-id');
  });
});

describe('event time', () => {
  const at = (ms: number) => new Date(RECEIVED_AT + ms).toISOString();
  const time = (fields: JsonObject, batchSentAt?: JsonValue) =>
    accepted(track(fields), { batchSentAt }).time - RECEIVED_AT;

  it('is receivedAt when none is given', () => {
    expect(time({})).toBe(0);
    expect(time({ timestamp: null, originalTimestamp: '' })).toBe(0);
    expect(time({ sentAt: at(-60_000) })).toBe(0);
  });

  it('prefers timestamp without a sentAt, originalTimestamp with one', () => {
    const both = { timestamp: at(-1_000), originalTimestamp: at(-2_000) };
    expect(time(both)).toBe(-1_000);
    expect(time({ ...both, sentAt: at(0) })).toBe(-2_000);
    expect(time(both, at(0))).toBe(-2_000);
    expect(time({ originalTimestamp: at(-2_000) })).toBe(-2_000);
    expect(time({ timestamp: at(-1_000), originalTimestamp: null }, at(0))).toBe(-1_000);
  });

  it('adds the difference of a clock that is off by more than 10 s', () => {
    expect(time({ timestamp: at(-20_000), sentAt: at(-10_001) })).toBe(-9_999);
    expect(time({ timestamp: at(-20_000), sentAt: at(-10_000) })).toBe(-20_000);
    expect(time({ timestamp: at(3_600_000), sentAt: at(3_605_000) })).toBe(-5_000);
    expect(time({ timestamp: at(-500), sentAt: at(10_000) })).toBe(-500);
    expect(time({ timestamp: at(-500), sentAt: at(10_001) })).toBe(-10_501);
  });

  it('corrects a clock slightly ahead', () => {
    expect(time({ timestamp: at(3_000), sentAt: at(4_000) })).toBe(-1_000);
    expect(time({ timestamp: at(4_000), sentAt: at(4_000) })).toBe(0);
    expect(time({ timestamp: at(5_000), sentAt: at(4_000) })).toBe(5_000);
    expect(time({ timestamp: at(0), sentAt: at(4_000) })).toBe(0);
  });

  it("takes the message's sentAt before the batch's, and ignores one it cannot read", () => {
    const timestamp = at(-100_000);
    expect(time({ timestamp, sentAt: at(-60_000) }, at(-90_000))).toBe(-40_000);
    expect(time({ timestamp, sentAt: 'soon' }, at(-90_000))).toBe(-10_000);
    expect(time({ timestamp, sentAt: {} }, 'soon')).toBe(-100_000);
    expect(time({ timestamp, sentAt: RECEIVED_AT - 60_000 })).toBe(-40_000);
  });

  it('refuses what leaves the years 1970 to 9999 by correction', () => {
    expect(code(track({ timestamp: '1970-01-01', sentAt: at(60_000) }))).toBe('invalid_timestamp');
  });
});

describe('size and depth', () => {
  const padded = (bytes: number, more: JsonObject = {}) => {
    const message = track({ ...more, properties: { pad: '' } });
    const rest = Buffer.byteLength(JSON.stringify(message));
    return track({ ...more, properties: { pad: 'x'.repeat(bytes - rest) } });
  };

  it('is judged by the bytes of the message as sent', () => {
    expect(parse(padded(MAX_MESSAGE_BYTES)).ok).toBe(true);
    expect(code(padded(MAX_MESSAGE_BYTES + 1))).toBe('message_too_large');
    expect(parse(padded(MAX_MESSAGE_BYTES, { writeKey: 'WK' })).ok).toBe(true);
    expect(code(padded(MAX_MESSAGE_BYTES + 1, { writeKey: 'WK' }))).toBe('message_too_large');
    expect(parse(track({ properties: { pad: '\u4e2d'.repeat(10_850) } })).ok).toBe(true);
    expect(code(track({ properties: { pad: '\u4e2d'.repeat(10_950) } }))).toBe('message_too_large');
  });

  it('does not count what the collector adds', () => {
    const item = padded(MAX_MESSAGE_BYTES);
    const result = parse(item, { batchContext: { app: 'shop' } });
    expect(result.ok && result.message.body.context).toEqual({ app: 'shop' });
  });

  it('comes before other faults and keeps the first 1 KiB', () => {
    const large = refused({ ...padded(40_000, { writeKey: 'secret' }), event: null });
    expect(large.code).toBe('message_too_large');
    expect(large.text).toHaveLength(1_024);
    expect(large.text).not.toContain('secret');
    expect(large.messageId).toBe('m1');
    const cut = refused(track({ properties: { pad: '\u4e2d'.repeat(20_000) } })).text;
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(1_024);
    expect(cut).not.toContain('\ufffd');
  });

  const nested = (levels: number) => {
    let value: JsonValue = 1;
    for (let i = 0; i < levels; i++) value = i % 2 ? [value] : { a: value };
    return value;
  };

  it('allows 100 levels, the message itself being the first', () => {
    expect(parse(track({ properties: { a: nested(98) } })).ok).toBe(true);
    expect(code(track({ properties: { a: nested(99) } }))).toBe('invalid_field');
  });

  it('survives any depth and keeps it as JSON', () => {
    const deep = refused(track({ properties: { a: nested(4_000) } }));
    expect(deep).toMatchObject({ code: 'invalid_field', messageId: 'm1' });
    expect(JSON.parse(deep.text).event).toBe('Order Completed');
    expect(code(track({ properties: { a: nested(200_000) } }))).toBe('message_too_large');
    expect(code(nested(200_001))).toBe('message_too_large');
  });
});

describe('what is stored', () => {
  it('is the very message when nothing has to change', () => {
    const item = track({ properties: { a: 1 }, context: { app: {} } });
    expect(accepted(item).body).toBe(item);
  });

  it('holds no credentials, accepted or refused', () => {
    const item = track({ writeKey: 'wk-secret', userSignature: 'sig-secret' });
    expect(accepted(item).body).toEqual(track());
    expect(refused({ ...item, event: null }).text).not.toContain('secret');
  });

  it('drops __proto__ keys at every level and pollutes nothing', () => {
    const item = JSON.parse(
      '{"type":"track","messageId":"m1","userId":"u1","event":"x","__proto__":{"polluted":1},' +
        '"properties":{"a":[{"__proto__":{"polluted":1},"b":1}],"constructor":{"prototype":{"polluted":1}}}}',
    );
    const message = accepted(item);
    expect(message.text).not.toContain('__proto__');
    expect(message.body.properties).toEqual({ a: [{ b: 1 }], constructor: { prototype: { polluted: 1 } } });
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    expect(accepted(JSON.parse('{"type":"track","event":"x","userId":"u","__proto__":5}')).userId).toBe('u');
  });

  it('writes U+FFFD for lone surrogates, in keys and ids too', () => {
    const message = accepted(
      track({ userId: 'a\ud800', properties: { 'k\udc00': 'v\ud83d', ok: '\u{1f600} C:\\udir' } }),
    );
    expect(message.userId).toBe('a\ufffd');
    expect(message.body.properties).toEqual({ 'k\ufffd': 'v\ufffd', ok: '\u{1f600} C:\\udir' });
    expect(JSON.parse(message.text)).toEqual(message.body);
  });

  it('gives identify the traits of its context when it has none', () => {
    const context = { traits: { email: 'a@b.c' } };
    expect(accepted({ type: 'identify', userId: 'u1', context }).body.traits).toEqual({ email: 'a@b.c' });
    expect(accepted({ type: 'identify', userId: 'u1', traits: {}, context }).body.traits).toEqual({});
    expect(accepted({ type: 'identify', userId: 'u1' }, { batchContext: context }).body.traits).toEqual({
      email: 'a@b.c',
    });
    expect(accepted({ type: 'group', groupId: 'g', userId: 'u1', context }).body.traits).toBeUndefined();
  });

  it("lays the batch's context under the message's", () => {
    const batchContext = { app: 'shop', locale: 'en' };
    expect(accepted(track({ context: { locale: 'zh' } }), { batchContext }).body.context).toEqual({
      app: 'shop',
      locale: 'zh',
    });
    expect(accepted(track(), { batchContext }).body.context).toEqual(batchContext);
    expect(JSON.parse(refused(track({ event: null }), { batchContext }).text).context).toEqual(batchContext);
    expect(batchContext).toEqual({ app: 'shop', locale: 'en' });
  });

  it('adds what the user agent says, and nothing without one', () => {
    const userAgent =
      'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1';
    const readAgent = createAgentReader();
    const context = { userAgent, tm: { consent: 'anonymous' } };
    expect(accepted(track({ context }), { readAgent }).body.context).toEqual({
      userAgent,
      tm: {
        consent: 'anonymous',
        ua: {
          browser: { name: 'Mobile Safari', version: '17.4' },
          os: { name: 'iOS', version: '17.4' },
          device: { type: 'mobile', vendor: 'Apple', model: 'iPhone' },
        },
      },
    });
    expect(context.tm).toEqual({ consent: 'anonymous' });
    expect(accepted(track({ context: { userAgent: 'zzz' } }), { readAgent }).body.context).toEqual({
      userAgent: 'zzz',
    });
  });
});

describe('trust and signatures', () => {
  const isProven = (userId: string) => userId === 'u1';

  it('trusts secret keys and proven users', () => {
    expect(accepted(track()).trusted).toBe(false);
    expect(accepted(track(), { kind: 'server' }).trusted).toBe(true);
    expect(accepted(track(), { isProven }).trusted).toBe(true);
    expect(accepted(track({ userId: 'u2' }), { isProven }).trusted).toBe(false);
    expect(accepted({ type: 'page', anonymousId: 'u1' }, { isProven }).trusted).toBe(false);
  });

  it('refuses unproven userIds of web keys where the source says so', () => {
    const requireSignature = true;
    expect(code(track(), { requireSignature })).toBe('signature_required');
    expect(parse(track(), { requireSignature, isProven }).ok).toBe(true);
    expect(parse(track(), { requireSignature, kind: 'server' }).ok).toBe(true);
    expect(parse({ type: 'page', anonymousId: 'd1' }, { requireSignature }).ok).toBe(true);
  });
});

describe('replay', () => {
  it('keeps the id and sentAt of the first arrival, whatever the mended message says', () => {
    const first = refused(track({ event: null, timestamp: RECEIVED_AT - 70_000 }), {
      batchSentAt: RECEIVED_AT - 60_000,
    });
    expect(first.sentAt).toBe(RECEIVED_AT - 60_000);
    const mended = { ...JSON.parse(first.text), event: 'Seen', messageId: 'other', sentAt: RECEIVED_AT };
    const message = accepted(mended, { receivedAt: first.receivedAt, replayOf: first });
    expect(message).toMatchObject({ messageId: 'm1', time: RECEIVED_AT - 10_000, receivedAt: RECEIVED_AT });
  });
});

describe('any JSON', () => {
  const field = (value: fc.Arbitrary<JsonValue>) => fc.option(value, { nil: undefined });
  const json = fc.jsonValue({ stringUnit: 'binary' }) as fc.Arbitrary<JsonValue>;
  const id = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.constantFrom<JsonValue>('null', '', '0-0', null, true),
    json,
  );
  const stamp = fc.oneof(
    fc.constantFrom<JsonValue>('', null, 'soon', -1, RECEIVED_AT + 5_000),
    fc
      .date({ min: new Date(0), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true })
      .map((d) => d.toISOString()),
  );
  const message = fc
    .record({
      type: fc.constantFrom<JsonValue>(
        'identify',
        'track',
        'page',
        'screen',
        'group',
        'alias',
        'survey',
        'x',
        5,
      ),
      messageId: field(id),
      userId: field(id),
      anonymousId: field(id),
      previousId: field(id),
      groupId: field(id),
      surveyId: field(id),
      event: field(fc.oneof(fc.string(), json)),
      properties: field(fc.dictionary(fc.string(), json)),
      traits: field(fc.oneof(fc.dictionary(fc.string(), json), json)),
      context: field(fc.oneof(fc.dictionary(fc.string(), json), json)),
      timestamp: field(stamp),
      originalTimestamp: field(stamp),
      sentAt: field(stamp),
      writeKey: field(json),
    })
    // What came over the wire has no undefined members.
    .map((fields) => JSON.parse(JSON.stringify(fields)) as JsonObject);

  it('is accepted or refused, never thrown at, and never changed', () => {
    fc.assert(
      fc.property(fc.oneof(message, json), (item) => {
        const before = JSON.stringify(item);
        const result = parse(item);
        expect(JSON.stringify(item)).toBe(before);
        if (!result.ok) {
          expect(() => JSON.parse(result.refused.text)).not.toThrow();
          return;
        }
        const { message } = result;
        expect(JSON.parse(message.text)).toStrictEqual(message.body);
        expect(message.body.writeKey).toBeUndefined();
        expect(message.userId ?? message.anonymousId).not.toBeNull();
        for (const id of [message.userId, message.anonymousId])
          if (id !== null) expect(isBlockedId(id)).toBe(false);
        // Parsing what was stored gives the same again: the law needs no memory of the wire.
        const again = accepted(message.body);
        expect(again.text).toBe(message.text);
        expect(again.time).toBe(message.time);
      }),
      { numRuns: 500 },
    );
  });

  it('cut by more than latency, event times keep their distance', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1e9 }),
        fc.integer({ min: 0, max: 1e9 }),
        fc.integer({ min: -1e9, max: 1e9 }).filter((drift) => Math.abs(drift) > 10_000),
        (a, b, drift) => {
          const sent = RECEIVED_AT + drift;
          const at = (ago: number) => accepted(track({ timestamp: sent - ago, sentAt: sent })).time;
          expect(at(a) - at(b)).toBe(b - a);
          expect(at(a)).toBe(RECEIVED_AT - a);
        },
      ),
    );
  });
});
