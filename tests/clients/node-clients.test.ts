// The real Node clients of Segment and RudderStack, and ours, against a served collector.
import RudderAnalytics from '@rudderstack/rudder-sdk-node';
import { Analytics as SegmentAnalytics } from '@segment/analytics-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../collector/src/wire/message.ts';
import { Analytics } from '../../sdk-node/src/index.ts';
import { type Served, serveCollector } from '../browser/stage.ts';
import { SERVER_KEY, WEB_KEY } from '../collector.ts';

let served: Served;
beforeEach(async () => {
  served = await serveCollector();
});
afterEach(() => served.close());

const TYPES = ['alias', 'group', 'identify', 'page', 'screen', 'track', 'track'];

async function expectOnePerson(): Promise<JsonObject[]> {
  const profile = await served.collector.profile('user:u1');
  expect(profile?.anonymousIds).toContain('device-1');
  expect(profile?.traits).toMatchObject({ email: 'ada@example.com' });
  expect(profile?.groups).toEqual([{ id: 'g1', traits: { name: 'Acme' } }]);
  expect(await served.collector.profile('anon:device-1')).toEqual(profile);
  const events = await served.collector.all<JsonObject>('/api/profiles/user:u1/events');
  expect(events.map((event) => event.type).sort()).toEqual(TYPES);
  expect(profile?.eventCount).toBe(TYPES.length);
  expect(new Set(events.map((event) => event.messageId)).size).toBe(TYPES.length);
  return events;
}

describe('@segment/analytics-node', () => {
  it.each([WEB_KEY, SERVER_KEY])('stores every call once with %s', async (writeKey) => {
    const client = new SegmentAnalytics({ writeKey, host: served.url, path: '/v1/batch', flushInterval: 50 });
    client.track({ anonymousId: 'device-1', event: 'Visited' });
    client.identify({ userId: 'u1', anonymousId: 'device-1', traits: { email: 'ada@example.com' } });
    client.track({
      userId: 'u1',
      event: 'Order Completed',
      properties: { revenue: 12.5, products: [{ sku: 's1' }] },
      timestamp: new Date('2026-01-02T03:04:05Z'),
    });
    client.page({ userId: 'u1', name: 'Home', properties: { url: 'http://x/' } });
    client.screen({ userId: 'u1', name: 'Main' });
    client.group({ userId: 'u1', groupId: 'g1', traits: { name: 'Acme' } });
    client.alias({ userId: 'u1', previousId: 'device-1' });
    await client.closeAndFlush();
    const events = await expectOnePerson();
    expect(events.find((event) => event.event === 'Order Completed')).toMatchObject({
      timestamp: '2026-01-02T03:04:05.000Z',
      properties: { revenue: 12.5, products: [{ sku: 's1' }] },
    });
  });
});

describe('@rudderstack/rudder-sdk-node', () => {
  it('stores every call once', async () => {
    const client = new RudderAnalytics(SERVER_KEY, {
      dataPlaneUrl: served.url,
      path: '/v1/batch',
      gzip: true,
      flushInterval: 50,
    });
    client.track({ anonymousId: 'device-1', event: 'Visited' });
    client.identify({ userId: 'u1', anonymousId: 'device-1', traits: { email: 'ada@example.com' } });
    client.track({ userId: 'u1', event: 'Order Completed', properties: { revenue: 1 } });
    client.page({ userId: 'u1', name: 'Home' });
    client.screen({ userId: 'u1', name: 'Main' });
    client.group({ userId: 'u1', groupId: 'g1', traits: { name: 'Acme' } });
    client.alias({ userId: 'u1', previousId: 'device-1' });
    await new Promise<void>((resolve) => {
      client.flush(() => resolve());
    });
    await expect
      .poll(async () => (await served.collector.profile('user:u1'))?.eventCount, { timeout: 10_000 })
      .toBe(TYPES.length);
    await expectOnePerson();
  });
});

describe('@tidemark/sdk-node', () => {
  it('stores every call once', async () => {
    const client = new Analytics({ writeKey: SERVER_KEY, host: served.url });
    client.track({ anonymousId: 'device-1', event: 'Visited' });
    client.identify({ userId: 'u1', anonymousId: 'device-1', traits: { email: 'ada@example.com' } });
    client.track({ userId: 'u1', event: 'Order Completed', properties: { revenue: 1 } });
    client.page({ userId: 'u1', name: 'Home' });
    client.screen({ userId: 'u1', name: 'Main' });
    client.group({ userId: 'u1', groupId: 'g1', traits: { name: 'Acme' } });
    client.alias({ userId: 'u1', previousId: 'device-1' });
    await expect(client.closeAndFlush()).resolves.toEqual({
      delivered: TYPES.length,
      pending: 0,
      dropped: 0,
    });
    await expectOnePerson();
  });

  it('keeps what the collector could not take and delivers it later, once', async () => {
    const lost: unknown[] = [];
    const client = new Analytics({
      writeKey: SERVER_KEY,
      host: served.url,
      onError: (loss) => lost.push(loss),
    });
    await served.down();
    for (let i = 0; i < 50; i++) client.track({ userId: 'u1', event: 'Later', properties: { i } });
    await expect(client.flush({ timeout: 300 })).resolves.toMatchObject({ delivered: 0, pending: 50 });
    await served.up();
    await expect(client.closeAndFlush({ timeout: 20_000 })).resolves.toEqual({
      delivered: 50,
      pending: 0,
      dropped: 0,
    });
    expect((await served.collector.profile('user:u1'))?.eventCount).toBe(50);
    expect(lost).toEqual([]);
  });

  it('tells the caller what was lost and why', async () => {
    const lost: string[] = [];
    const client = new Analytics({
      writeKey: SERVER_KEY,
      host: served.url,
      onError: ({ code }) => lost.push(code),
    });
    const told: unknown[] = [];
    client.track({ userId: 'u1', event: '' }, (error) => told.push(error?.code));
    client.track({ userId: 'u1', event: 'Good' }, (error) => told.push(error?.code));
    // @ts-expect-error a call without identity: types forbid it, JavaScript does not
    expect(client.track({ event: 'Nobody' })).toBe(true);
    // @ts-expect-error no object at all: reported, not thrown
    expect(client.alias(undefined)).toBe(true);
    await client.closeAndFlush();
    expect(client.track({ userId: 'u1', event: 'Late' })).toBe(false);
    await Promise.resolve();
    expect(lost).toEqual(['missing_identity', 'missing_identity', 'missing_event', 'closed']);
    expect(told).toEqual(['missing_event', undefined]);
  });

  it('stops at a wrong key, keeps the queue, and says so once', async () => {
    const lost: { code: string; count: number }[] = [];
    const client = new Analytics({
      writeKey: 'wrong',
      host: served.url,
      flushAt: 1,
      onError: ({ code }, messages) => lost.push({ code, count: messages.length }),
    });
    client.track({ userId: 'u1', event: 'A' });
    await client.flush({ timeout: 500 });
    client.track({ userId: 'u1', event: 'B' });
    await client.flush({ timeout: 100 });
    expect(lost).toEqual([{ code: 'http_401', count: 0 }]);
    await expect(client.closeAndFlush({ timeout: 300 })).resolves.toEqual({
      delivered: 0,
      pending: 2,
      dropped: 0,
    });
    // What was kept goes with the client, and is told so.
    expect(lost.slice(1)).toEqual([{ code: 'closed', count: 2 }]);
  });
});
