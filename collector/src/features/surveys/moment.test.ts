// What somebody is doing, as far as their batch says.
// Invariant: of the sender of the last message, and of now.
import { expect, it } from 'vitest';
import type { AcceptedMessage } from '../../wire/accepted.ts';
import { momentOf } from './moment.ts';

const NOW = Date.parse('2026-06-10T12:00:00Z');
const pageView = (url: string | null, who: Partial<AcceptedMessage> = {}, time = NOW): AcceptedMessage => ({
  ...{ type: 'page', messageId: `m${url}`, kind: 'web', trusted: false, userId: 'ada', anonymousId: 'd' },
  ...{ previousId: null, groupId: null, surveyId: null, name: null, time, receivedAt: NOW, sentAt: null },
  ...{ body: url === null ? {} : { context: { page: { url } } }, text: '{}' },
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
