// Overload as clients see it: what they are answered. What is sent away, and when, is the lane's (`lane.test.ts`).
// Invariant: a page of another origin can read when to come again.
import { describe, expect, it } from 'vitest';
import { createApp } from '../collector/src/app.ts';
import { Overloaded } from '../collector/src/ingest/core.ts';
import { createCore } from '../collector/src/ingest/create-core.ts';
import { basic, T0, WEB_KEY } from './collector.ts';

const batch = (messages: object[], more: RequestInit = {}): Request =>
  new Request('http://localhost/v1/batch', {
    method: 'POST',
    headers: { authorization: basic(WEB_KEY) },
    body: JSON.stringify({ batch: messages }),
    ...more,
  });

describe('more than can be stored', () => {
  it('is answered 429 with Retry-After, which pages of other origins can read', async () => {
    const core = await createCore({ database: ':memory:', now: () => T0 });
    const full = { ...core, ingest: () => Promise.reject(new Overloaded('full')) };
    const { fetch } = await createApp({ core: full, keys: { writeKey: WEB_KEY } });
    const headers = { authorization: basic(WEB_KEY), origin: 'https://shop.example' };
    const answer = await fetch(batch([{ type: 'track', userId: 'a', event: 'E' }], { headers }));
    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    expect(answer.headers.get('access-control-expose-headers')).toContain('Retry-After');
    expect(await answer.json()).toMatchObject({ error: { code: 'overloaded' } });
    await core.close();
  });
});
