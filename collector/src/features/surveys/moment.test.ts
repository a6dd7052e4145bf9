// What somebody is doing, as far as their batch says.
// Invariant: of the sender of the last message, and of now.
import { expect, it } from 'vitest';
import type { AcceptedMessage } from '../../wire/accepted.ts';
import { fakeMessage } from '../../wire/fake-message.ts';
import { momentOf } from './moment.ts';

const NOW = Date.parse('2026-06-10T12:00:00Z');
const pageView = (url: string | null, who: Partial<AcceptedMessage> = {}, time = NOW): AcceptedMessage =>
  fakeMessage({
    ...{ type: 'page', messageId: `m${url}`, userId: 'ada', anonymousId: 'd', time, receivedAt: NOW },
    body: url === null ? {} : { context: { page: { url } } },
    ...who,
  });
const urlOf = (...batch: AcceptedMessage[]) => momentOf(batch[batch.length - 1] ?? null, batch, NOW).url;

it('is on the last page that the batch tells of', () => {
  expect(urlOf(pageView('https://x.example/1'), pageView('https://x.example/2'))).toBe('https://x.example/2');
  expect(urlOf(pageView('https://x.example/1'), pageView('https://x.example/2'), pageView(null))).toBe(
    'https://x.example/2',
  );
  expect(urlOf(pageView(null))).toBeNull();
  expect(momentOf(null, [], NOW)).toEqual({ url: null, messages: [] });
});

it('leaves out other people, what is long ago and what is still to come', () => {
  const mine = pageView('https://x.example/mine');
  expect(urlOf(pageView('https://x.example/bob', { userId: 'bob' }), pageView(null))).toBeNull();
  expect(urlOf(mine, pageView('https://x.example/bob', { userId: 'bob' }), pageView(null))).toBe(
    'https://x.example/mine',
  );
  // The device alone stands for whoever names no other user.
  expect(urlOf(pageView('https://x.example/device', { userId: null }), pageView(null))).toBe(
    'https://x.example/device',
  );
  for (const time of [NOW - 5 * 60_000, NOW + 1])
    expect(urlOf(pageView('https://x.example/then', {}, time), pageView(null))).toBeNull();
  expect(urlOf(pageView('https://x.example/just', {}, NOW - 5 * 60_000 + 1), pageView(null))).toBe(
    'https://x.example/just',
  );
});

it('parses so much of a batch at most, and leaves the messages as they were stored', () => {
  const filler = 'x'.repeat(30_000);
  const page = pageView('https://x.example/1');
  // The same context in each of them: one text in the request.
  const others = Array.from({ length: 20 }, () => pageView(null, { body: { context: { filler } } }));
  for (const message of [page, ...others]) message.body = null;
  const { url, messages } = momentOf(page, [page, ...others], NOW);
  expect(url).toBeNull();
  expect(messages?.length).toBe(8);
  expect([page, ...others].every(({ body }) => body === null)).toBe(true);
  expect(momentOf(page, [page, ...others.slice(0, 7)], NOW).url).toBe('https://x.example/1');
});
