// The Node client's reads against a served collector.
import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Analytics, type AnalyticsOptions, ReadError } from '../../sdk-node/src/index.ts';
import { type Served, serveCollector } from '../browser/stage.ts';
import { ADMIN_KEY, SERVER_KEY, SIGNING_SECRET, WEB_KEY } from '../collector.ts';

let served: Served;
const clients: Analytics[] = [];
beforeEach(async () => {
  served = await serveCollector();
  await served.collector.define({
    traits: {
      orders: { type: 'count', event: 'Order Completed', expose: 'public' },
      spent: { type: 'sum', event: 'Order Completed', property: 'revenue', expose: 'verified' },
      secret: { type: 'count', event: '*' },
    },
    segments: {
      buyers: { where: { event: 'Order Completed' }, expose: 'verified' },
      lookers: { where: { event: 'Looked' } },
    },
  });
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.closeAndFlush();
  await served.close();
});

function open(options: Partial<AnalyticsOptions> = {}): Analytics {
  const client = new Analytics({ writeKey: SERVER_KEY, host: served.url, adminKey: ADMIN_KEY, ...options });
  clients.push(client);
  return client;
}

async function buy(client: Analytics, revenue: number): Promise<void> {
  client.track({ userId: 'ada', anonymousId: 'd1', event: 'Order Completed', properties: { revenue } });
  await client.flush();
}

/** What a read rejected with. */
const faultOf = async (read: Promise<unknown>): Promise<Pick<ReadError, 'status' | 'code' | 'message'>> => {
  const error: unknown = await read.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ReadError);
  return error as ReadError;
};

describe('with an admin key of role read', () => {
  it('gives the profile, its segments, and whether a person is in one', async () => {
    const { json } = await served.collector.api('POST', '/api/keys', { kind: 'admin', role: 'read' });
    const client = open({ adminKey: String(json.key) });
    await buy(client, 12.5);
    const profile = await client.profile('user:ada');
    expect(profile).toEqual(await served.collector.profile('user:ada'));
    expect(profile).toMatchObject({ userId: 'ada', computed: { orders: 1, spent: 12.5 } });
    for (const id of [{ userId: 'ada' }, { anonymousId: 'd1' }, 'anon:d1', profile.id])
      expect(await client.profile(id)).toEqual(profile);
    expect(await client.segments({ userId: 'ada' })).toEqual([
      { key: 'buyers', since: expect.stringMatching(/Z$/) },
    ]);
    expect(await client.isIn('user:ada', 'buyers')).toBe(true);
    expect(await client.isIn('user:ada', 'lookers')).toBe(false);
  });

  it('answers from memory for a while, a copy to each, and anew when asked', async () => {
    const client = open({ cacheTtl: 60_000 });
    await buy(client, 1);
    const profile = await client.profile('user:ada');
    profile.segments.length = 0;
    await buy(client, 1);
    expect((await client.profile('user:ada')).computed.orders).toBe(1);
    expect(await client.isIn('user:ada', 'buyers')).toBe(true);
    expect((await client.profile('user:ada', { fresh: true })).computed.orders).toBe(2);
    const uncached = open({ cacheTtl: 0 });
    expect((await uncached.profile('user:ada')).computed.orders).toBe(2);
    await buy(client, 1);
    expect((await uncached.profile('user:ada')).computed.orders).toBe(3);
  });

  it('says clearly what is wrong', async () => {
    const client = open();
    await buy(client, 1);
    expect(await faultOf(client.profile('user:nobody'))).toMatchObject({ status: 404, code: 'not_found' });
    expect(await faultOf(client.segments({ userId: 'nobody' }))).toMatchObject({ status: 404 });
    expect(await faultOf(client.isIn('user:ada', 'byers'))).toMatchObject({ status: 404 });
    expect(await faultOf(client.profile(''))).toMatchObject({ status: 0, code: 'invalid_id' });
    expect(await faultOf(client.profile(undefined as never))).toMatchObject({ code: 'invalid_id' });
    const wrong = await faultOf(open({ adminKey: 'wrong' }).profile('user:ada'));
    expect(wrong).toMatchObject({ status: 401 });
    expect(wrong.message).toMatch(/admin key/);
    expect(wrong.message).not.toContain('wrong');
    // A write key is no admin key.
    expect(() => open({ adminKey: SERVER_KEY })).toThrow(TypeError);
    expect(await faultOf(open({ adminKey: undefined }).profile('user:ada'))).toMatchObject({
      status: 0,
      code: 'no_admin_key',
    });
    const forbidden = open({
      fetch: async () =>
        Response.json({ error: { code: 'forbidden', message: 'this key may only read' } }, { status: 403 }),
    });
    expect(await faultOf(forbidden.profile('user:ada'))).toMatchObject({
      status: 403,
      code: 'forbidden',
      message: 'HTTP 403: the key may not do this: this key may only read',
    });
    await served.down();
    expect(await faultOf(client.profile('user:ada', { fresh: true }))).toMatchObject({
      status: 0,
      code: 'no_answer',
    });
    await served.up();
    // A failure is not kept.
    expect(await client.profile('user:ada')).toMatchObject({ userId: 'ada' });
  });
});

describe('with the write key', () => {
  it('gives what is exposed: with a server key also to the verified', async () => {
    const client = open({ adminKey: undefined });
    await buy(client, 12.5);
    expect(await client.me({ userId: 'ada' })).toEqual({
      segments: ['buyers'],
      computed: { orders: 1, spent: 12.5 },
      surveys: [],
    });
    expect(await client.me({ anonymousId: 'd1' })).toEqual({
      segments: [],
      computed: { orders: 1 },
      surveys: [],
    });
    expect((await client.me({ userId: 'nobody' })).computed.orders).toBe(0);
  });

  it('a web key needs a signature for that', async () => {
    const client = open({ writeKey: WEB_KEY });
    await buy(client, 12.5);
    expect((await client.me({ userId: 'ada' })).segments).toEqual([]);
    const userSignature = signatureOf('ada');
    expect((await client.me({ userId: 'ada', userSignature })).segments).toEqual(['buyers']);
    expect(await faultOf(client.me({ userId: 'ada', userSignature: 'no' }))).toMatchObject({
      status: 401,
      code: 'invalid_signature',
    });
    expect(await faultOf(open({ writeKey: 'wrong' }).me({ userId: 'ada' }))).toMatchObject({ status: 401 });
  });
});

function signatureOf(userId: string): string {
  return createHmac('sha256', SIGNING_SECRET).update(userId).digest('hex');
}
