// What a batch's context adds to its messages, by which it is decided where the body is judged.
import { expect, it } from 'vitest';
import { basic, WEB_KEY, withCollector } from '../../../tests/collector.ts';
import { charsAdded } from './batch-context.ts';
import { LARGE_BODY_BYTES } from './decoder.ts';

const context = { filler: 'x'.repeat(10_000) };

it('is in each of them', () => {
  const size = JSON.stringify(context).length;
  expect(charsAdded({ batch: [1, 2, 3], context })).toBe(3 * size);
  expect(charsAdded({ batch: [], context })).toBe(0);
  expect(charsAdded({ batch: [1] })).toBe(0);
  expect(charsAdded({ batch: 7, context })).toBe(0);
  expect(charsAdded({ batch: [1], context: [context] })).toBe(0);
});

it('is stored in each of them, also where it makes a small body large', async () => {
  const batch = Array.from({ length: 50 }, (_, i) => ({
    type: 'track',
    event: 'E',
    userId: 'u',
    messageId: `m${i}`,
  }));
  expect(charsAdded({ batch, context })).toBeGreaterThan(LARGE_BODY_BYTES);
  await withCollector({}, async (c) => {
    const { status, text } = await c.fetch('/v1/batch', {
      method: 'POST',
      headers: { authorization: basic(WEB_KEY) },
      body: JSON.stringify({ batch, context }),
    });
    expect([status, JSON.parse(text)]).toEqual([
      200,
      { success: true, accepted: 50, duplicates: 0, rejected: [] },
    ]);
    const events = await c.all<{ message: { context: unknown } }>('/api/profiles/user:u/events');
    expect(events.length).toBe(50);
    expect(JSON.stringify(events[49])).toContain(JSON.stringify(context));
  });
});
