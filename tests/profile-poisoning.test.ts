// What a hostile visitor can do to somebody whose userId they know, with the web key that every page shows.
// Invariant: each test is one rule of the contract about strangers; what they may do is tested as well as what not.
import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../collector/src/wire/message.ts';
import {
  type Answer,
  basic,
  SERVER_KEY,
  SIGNING_SECRET,
  T0,
  type TestCollector,
  WEB_KEY,
  withCollector,
} from './collector.ts';

const MINUTE = 60_000;
const sign = (userId: string, secret = SIGNING_SECRET): string =>
  createHmac('sha256', secret).update(userId).digest('hex');
const at = (ms: number): string => new Date(T0 + ms).toISOString();
const track = (who: JsonObject, event = 'Visited', ms = 0): JsonObject => ({
  type: 'track',
  event,
  ...who,
  timestamp: at(ms),
});

async function requireSignature(c: TestCollector): Promise<void> {
  expect((await c.api('PATCH', '/api/sources/src_1', { requireSignature: true })).status).toBe(200);
}
const post = (c: TestCollector, path: string, body: JsonObject, key = WEB_KEY): Promise<Answer> =>
  c.fetch(path, { method: 'POST', headers: { authorization: basic(key) }, body: JSON.stringify(body) });
/** What an admin sees of somebody, without the times at which others touched them. */
const seen = async (c: TestCollector, address: string) => {
  const profile = await c.profile(address);
  if (!profile) throw new Error(`${address} is unknown`);
  return profile;
};

describe('users', () => {
  it('are merged by no alias of a web key, in whatever order the ids are seen, signed or not', () =>
    withCollector({}, async (c) => {
      await c.send('server', [track({ userId: 'victim' })]);
      for (const [i, more] of [
        {},
        { userSignature: sign('mallory') },
        { userSignature: sign('victim') },
      ].entries()) {
        const alias = (userId: string, previousId: string): JsonObject => ({
          type: 'alias',
          userId,
          previousId,
          timestamp: at(i),
        });
        const answer = await c.send('web', [alias('mallory', 'victim'), alias('victim', 'mallory')], more);
        expect(answer).toMatchObject({ accepted: 2, rejected: [] });
      }
      await c.send('server', [track({ userId: 'mallory' })]);
      expect(await seen(c, 'user:victim')).toMatchObject({ userId: 'victim' });
      expect(await seen(c, 'user:mallory')).toMatchObject({ userId: 'mallory' });
    }));

  it('are merged, read and erased by nobody without an admin key', () =>
    withCollector({}, async (c) => {
      await c.send('server', [track({ userId: 'victim' }), track({ userId: 'mallory' })]);
      const before = await seen(c, 'user:victim');
      for (const key of [WEB_KEY, SERVER_KEY])
        for (const authorization of [`Bearer ${key}`, basic(key)])
          for (const [method, path, body] of [
            ['POST', '/api/profiles/merge', '{"from":"victim","into":"mallory"}'],
            ['DELETE', '/api/profiles/user:victim', null],
            ['GET', '/api/profiles/user:victim', null],
            ['GET', `/api/profiles/user:victim?writeKey=${key}`, null],
          ] as const)
            expect((await c.fetch(path, { method, body, headers: { authorization } })).status).toBe(401);
      expect(await seen(c, 'user:victim')).toEqual(before);
    }));
});

describe('a source that requires signatures', () => {
  const attempts: [string, JsonObject][] = [
    ['identify', { type: 'identify', traits: { plan: 'free' } }],
    ['track', { type: 'track', event: 'Cancelled' }],
    ['page', { type: 'page' }],
    ['screen', { type: 'screen', name: 'x' }],
    ['group', { type: 'group', groupId: 'mallorys', traits: { plan: 'x' } }],
    ['alias', { type: 'alias', previousId: 'device-of-mallory' }],
    ['survey', { type: 'survey', surveyId: 's', answers: { q: 1 } }],
  ];

  it.each(attempts)('takes no %s in the name of a user from a stranger', (type, message) =>
    withCollector({ file: true }, async (c) => {
      await c.send('server', [
        { type: 'identify', userId: 'victim', traits: { plan: 'pro' }, timestamp: at(-MINUTE) },
      ]);
      await requireSignature(c);
      const before = await seen(c, 'user:victim');
      const forged = { ...message, userId: 'victim', anonymousId: 'device-of-mallory' };
      const inItself = { ...forged, userSignature: sign('victim') };
      const sendings: [string, JsonObject][] = [
        [`/v1/${type}`, forged],
        [`/v1/${type}`, { ...forged, userSignature: sign('mallory') }],
        [`/v1/${type}`, { ...forged, userSignature: sign('victim', 'guessed secret') }],
        [`/v1/${type}`, { ...forged, userSignature: [sign('victim')] }],
        ['/v1/batch', { batch: [forged] }],
        // Only at the top of the body is it a proof: a batch is of one sender.
        ['/v1/batch', { batch: [inItself] }],
        ['/beacon/v1/batch', { batch: [{ ...forged, writeKey: SERVER_KEY }], context: { trusted: true } }],
      ];
      for (const [path, body] of sendings) {
        const answer = await post(c, path, body);
        expect(answer.json, JSON.stringify(body)).toMatchObject({
          accepted: 0,
          rejected: [{ code: 'signature_required' }],
        });
      }
      expect(await seen(c, 'user:victim')).toEqual(before);
      expect(await c.profile('anon:device-of-mallory')).toBeUndefined();
      expect(await c.verify()).toEqual([]);
    }),
  );

  it('takes of a batch what its one signature proves, and a number as its text', () =>
    withCollector({}, async (c) => {
      await requireSignature(c);
      const batch = [track({ userId: 42 }), track({ userId: 'victim' }), track({ anonymousId: 'd' })];
      const answer = await c.send('web', batch, { userSignature: sign('42') });
      expect(answer).toMatchObject({ accepted: 2, rejected: [{ index: 1, code: 'signature_required' }] });
    }));

  it('keeps the proof nowhere: not in the message, not among the refused ones', () =>
    withCollector({}, async (c) => {
      await requireSignature(c);
      const userSignature = sign('u');
      await c.send('web', [{ ...track({ userId: 'u' }), userSignature }], { userSignature });
      await post(c, '/v1/track', { ...track({ userId: 'victim' }), userSignature, writeKey: WEB_KEY });
      const all = [
        (await c.api('GET', '/api/profiles/user:u/events')).text,
        (await c.api('GET', '/api/profiles/user:u/export')).text,
        (await c.api('GET', '/api/rejected')).text,
      ].join('\n');
      expect(all).toContain('victim');
      expect(all).not.toContain(userSignature);
      expect(all).not.toContain(WEB_KEY);
    }));

  it('still takes messages of devices, so what a group is called is anybody’s to say', () =>
    withCollector({}, async (c) => {
      await c.send('server', [{ type: 'group', userId: 'victim', groupId: 'acme', traits: { plan: 'pro' } }]);
      await requireSignature(c);
      // Documented in docs/self-hosting.md: traits that matter belong to users, set by a server.
      const joined = {
        type: 'group',
        anonymousId: 'm',
        groupId: 'acme',
        traits: { plan: 'free' },
        timestamp: at(1),
      };
      c.advance(MINUTE);
      expect(await c.send('web', [joined])).toMatchObject({ accepted: 1 });
      expect((await seen(c, 'user:victim')).groups).toEqual([{ id: 'acme', traits: { plan: 'free' } }]);
    }));
});

describe('message ids', () => {
  it('that a stranger uses up are still free for a server, and the other way round nothing is told', () =>
    withCollector({}, async (c) => {
      const order = { ...track({ userId: 'victim' }, 'Paid'), messageId: 'order-1' };
      expect(await c.send('web', [{ ...order, event: 'Refunded' }])).toMatchObject({ accepted: 1 });
      const before = await post(c, '/v1/seen', { messageIds: ['order-2'] });
      expect(await c.send('server', [order, { ...order, messageId: 'order-2' }])).toMatchObject({
        accepted: 2,
      });
      const after = await post(c, '/v1/seen', { messageIds: ['order-2'] });
      expect(after.text).toBe(before.text);
    }));
});

describe('devices', () => {
  it('stay with the users who were on them, whatever a stranger links afterwards', () =>
    withCollector({ file: true }, async (c) => {
      await c.send('web', [track({ userId: 'victim', anonymousId: 'shared' }, 'Paid', -2 * MINUTE)]);
      await c.send('web', [track({ userId: 'mallory', anonymousId: 'shared' }, 'Came', 0)]);
      expect(await seen(c, 'user:victim')).toMatchObject({ eventCount: 1, anonymousIds: ['shared'] });
      expect(await seen(c, 'user:mallory')).toMatchObject({ eventCount: 1 });
      expect(await c.verify()).toEqual([]);
    }));

  it('of a stranger, linked to a user by the stranger, show what is public and no more', () =>
    withCollector({}, async (c) => {
      await c.define({
        traits: {
          open: { type: 'count', event: 'Paid', expose: 'public' },
          own: { type: 'count', event: 'Paid', expose: 'verified' },
          inner: { type: 'count', event: 'Paid' },
        },
        segments: {
          open: { where: { event: 'Paid' }, expose: 'public' },
          own: { where: { event: 'Paid' }, expose: 'verified' },
          inner: { where: { event: 'Paid' } },
        },
      });
      await c.send('server', [track({ userId: 'victim' }, 'Paid')]);
      await c.send('web', [track({ userId: 'victim', anonymousId: 'm' }, 'Visited', 1)]);
      c.advance(MINUTE);
      const open = { segments: ['open'], computed: { open: 1 }, surveys: [] };
      const ask = (fields: JsonObject) => post(c, '/v1/me', fields);
      expect((await ask({ anonymousId: 'm' })).json).toEqual(open);
      expect((await ask({ userId: 'victim' })).json).toEqual(open);
      // An unproven userId counts only alone.
      expect((await ask({ userId: 'victim', anonymousId: 'other' })).json).toMatchObject({ segments: [] });
      for (const userSignature of [
        sign('mallory'),
        sign('victim', 'guessed'),
        'f'.repeat(64),
        sign('victim').slice(1),
      ])
        for (const fields of [
          { userId: 'victim' },
          { userId: 'victim', anonymousId: 'm' },
          { anonymousId: 'm' },
        ])
          expect(await ask({ ...fields, userSignature })).toMatchObject({ status: 401 });
      const reply = async (batch: JsonObject[], more: JsonObject = {}) =>
        (await post(c, '/v1/batch?reply=me', { batch, ...more })).json.me;
      expect(await reply([track({ userId: 'victim' })])).toEqual(open);
      expect(await reply([track({ userId: 'victim' })], { userSignature: sign('mallory') })).toEqual({
        error: 'invalid_signature',
      });
      // The proof of one user shows nothing of another one in the same batch.
      const mixed = [track({ userId: 'mallory' }), track({ userId: 'victim' })];
      expect(await reply(mixed, { userSignature: sign('mallory') })).toEqual({ error: 'invalid_signature' });
    }));
});

describe('traits', () => {
  it('never reach a prototype', () =>
    withCollector({}, async (c) => {
      const text = `{"type":"identify","userId":"u","traits":{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}},"a":{"__proto__":{"admin":true}}}}`;
      const answer = await c.fetch('/v1/identify', {
        method: 'POST',
        headers: { authorization: basic(WEB_KEY) },
        body: text,
      });
      expect(answer.json).toMatchObject({ accepted: 1 });
      expect(({} as JsonObject).admin).toBeUndefined();
      const { text: shown } = await c.api('GET', '/api/profiles/user:u');
      expect(shown).not.toContain('__proto__');
      expect((await seen(c, 'user:u')).traits).toEqual({
        constructor: { prototype: { admin: true } },
        a: {},
      });
    }));

  it('that a stranger dates in the future have no effect before their time', () =>
    withCollector({}, async (c) => {
      await c.send('server', [{ type: 'identify', userId: 'victim', traits: { plan: 'pro' } }]);
      await c.send('web', [
        { type: 'identify', userId: 'victim', traits: { plan: 'free' }, timestamp: '9999-01-01' },
      ]);
      expect((await seen(c, 'user:victim')).traits).toEqual({ plan: 'pro' });
      // Whatever a server says before then holds until then.
      c.advance(365 * 24 * 60 * MINUTE);
      expect((await seen(c, 'user:victim')).traits).toEqual({ plan: 'pro' });
    }));
});
