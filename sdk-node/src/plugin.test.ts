// Hooks around messages, and what they may not do.
import { afterEach, expect, it } from 'vitest';
import type { Analytics, Message, Plugin } from './index.ts';
import { closeOpened, ok, setUp } from './test-stage.ts';

afterEach(closeOpened);

it('see every message in order, and may change or replace it', async () => {
  const { client, sent } = setUp();
  const properties = { email: 'ada@example.com', n: 1 };
  client
    .use({
      before(message) {
        (message.properties as { email?: string }).email = '-';
      },
    })
    .use({
      before: (message) => ({ ...message, properties: { ...(message.properties as object), seen: true } }),
    });
  client.track({ userId: 'u', event: 'E', properties, messageId: 'mine' });
  await client.flush();
  expect(sent()).toMatchObject([
    { messageId: 'mine', type: 'track', properties: { email: '-', n: 1, seen: true } },
  ]);
  expect(properties.email).toBe('ada@example.com');
});

it('may drop a message, which is no loss', async () => {
  const { client, sent, lost } = setUp();
  client.use({ before: ({ event }) => (event === 'Bot' ? null : undefined) });
  const told: unknown[] = [];
  expect(client.track({ userId: 'u', event: 'Bot' }, (error) => told.push(error?.code))).toBe(true);
  expect(client.track({ userId: 'u', event: 'E' })).toBe(true);
  await client.flush();
  expect(sent().map(({ event }) => event)).toEqual(['E']);
  expect([lost, told]).toEqual([[], ['dropped_by_plugin']]);
});

it('let nothing pass when they fail, and what they answer is made plain', async () => {
  const { client, sent, codes } = setUp();
  client.use({
    before(message) {
      if (message.event === 'Bad') throw new Error('scrubber');
      const circle: Record<string, unknown> = { n: 1n };
      circle.self = circle;
      return { ...message, properties: circle, type: 'alias', sentAt: 'x' };
    },
  });
  expect(client.track({ userId: 'u', event: 'Bad' })).toBe(true);
  expect(client.track({ userId: 'u', event: 'E' })).toBe(true);
  await client.flush();
  expect(codes()).toEqual(['plugin_failed']);
  expect(sent()).toMatchObject([{ type: 'track', event: 'E', properties: { n: '1', self: '[Circular]' } }]);
});

it('hear what is delivered and what is lost', async () => {
  const rejected = [{ index: 1, messageId: 'b', code: 'missing_event', message: 'event is required' }];
  const { client } = setUp(() => ok(rejected));
  const heard: unknown[] = [];
  client.use({
    after: (messages: Message[], error) =>
      heard.push([error?.code, messages.map(({ messageId }) => messageId)]),
  });
  for (const messageId of ['a', 'b', 'c']) client.track({ userId: 'u', event: 'E', messageId });
  await client.flush();
  await Promise.resolve();
  expect(heard).toEqual([
    ['missing_event', ['b']],
    [undefined, ['a', 'c']],
  ]);
});

it('start when they are added, stop when the client closes, and break nothing', async () => {
  const { client, sent } = setUp();
  const calls: string[] = [];
  const plugin: Plugin<Analytics> = {
    start(analytics) {
      analytics.track({ userId: 'u', event: 'Started' });
      return () => calls.push('stopped');
    },
  };
  client.use(plugin).use({
    start() {
      throw new Error('start');
    },
    after() {
      throw new Error('after');
    },
  });
  await client.closeAndFlush();
  expect(calls).toEqual(['stopped']);
  expect(sent().map(({ event }) => event)).toEqual(['Started']);
});

it('that are no objects are told and ignored', async () => {
  const { client, sent, codes } = setUp();
  // @ts-expect-error types forbid these, JavaScript does not
  for (const plugin of [null, undefined, 7, 'hooks']) expect(client.use(plugin)).toBe(client);
  client.track({ userId: 'u', event: 'E' }, () => {});
  await expect(client.flush()).resolves.toEqual({ delivered: 1, pending: 0, dropped: 0 });
  await Promise.resolve();
  expect(sent()).toHaveLength(1);
  expect(codes()).toEqual(Array(4).fill('invalid_plugin'));
});
