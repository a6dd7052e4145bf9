// Messages made to break whoever reads them later: each is refused, kept, shown, exported and erased like any other.
// Invariant: nothing a stranger sends with a public key keeps an admin from reading or erasing.
import { expect, it } from 'vitest';
import { ADMIN_KEY, basic, SERVER_KEY, type TestCollector, WEB_KEY, withCollector } from './collector.ts';

/** Deeper than JSON.stringify goes. */
const LEVELS = 12_000;
const deep = `${'['.repeat(LEVELS)}1${']'.repeat(LEVELS)}`;

async function sendText(c: TestCollector, message: string): Promise<void> {
  const answer = await c.fetch('/v1/batch', {
    method: 'POST',
    headers: { authorization: basic(WEB_KEY) },
    body: `{"batch":[${message}]}`,
  });
  expect(answer).toMatchObject({ status: 200, json: { accepted: 0, rejected: [{ index: 0 }] } });
}

it('shows, exports and erases with a refused message that is nested too deep for JSON.stringify', () =>
  withCollector({ file: true }, async (c) => {
    await c.send('web', [{ type: 'track', event: 'A', userId: 'u' }]);
    await sendText(c, `{"type":"track","event":"A","userId":"u","properties":{"deep":${deep}}}`);
    const list = await c.api('GET', '/api/rejected');
    expect(list.status).toBe(200);
    expect(list.headers.get('content-type')).toBe('application/json');
    expect(list.text).toContain(deep);
    const all = await c.api('GET', '/api/profiles/user%3Au/export');
    expect(all.status).toBe(200);
    expect(all.text).toContain(deep);
    expect((await c.api('DELETE', '/api/profiles/user%3Au')).json.erased).toMatchObject({ rejected: 1 });
  }));

it('erases somebody while refused messages name people by what is no id', () =>
  withCollector({ file: true }, async (c) => {
    await c.send('web', [{ type: 'track', event: 'A', userId: 'u', anonymousId: 'd' }]);
    for (const id of [deep, '{"toString":1,"valueOf":1}', '{"toString":"x"}', '[["u"]]', '["u"]'])
      for (const field of ['userId', 'anonymousId', 'previousId'])
        await sendText(c, `{"type":"track","event":"A","${field}":${id},"nobody":true}`);
    const erased = await c.api('DELETE', '/api/profiles/user%3Au');
    expect(erased.status).toBe(200);
    expect(erased.json.erased).toMatchObject({ rejected: 0 });
  }));

it('erases refused messages that name somebody by text that is not well-formed', () =>
  withCollector({ file: true }, async (c) => {
    await c.send('web', [{ type: 'track', event: 'A', userId: 'u\ud800' }]);
    await sendText(c, '{"type":"track","userId":"u\\ud800","properties":{"secret":"marker"}}');
    const erased = await c.api('DELETE', `/api/profiles/${encodeURIComponent('user:u\ufffd')}`);
    expect(erased.json.erased).toMatchObject({ rejected: 1 });
    expect((await c.api('GET', '/api/rejected')).text).not.toContain('marker');
  }));

it('repeats no key that stands in a mistaken address, and no long address', () =>
  withCollector({}, async (c) => {
    for (const key of [WEB_KEY, SERVER_KEY, ADMIN_KEY]) {
      const unknown = await c.fetch(`//analytics.js/v1/${key}/analytics.min.js`);
      expect(unknown).toMatchObject({ status: 404 });
      expect(unknown.text).toContain('there is nothing at GET //analytics.js/v1/…/analytics.min.js');
      const other = await c.fetch(`/v1/projects/${key}/settings`, { method: 'POST' });
      expect(other).toMatchObject({ status: 405 });
      expect(other.text).not.toContain(key);
    }
    const long = await c.fetch(`/${'a'.repeat(150)}/${'b'.repeat(5_000)}`);
    expect(long.json.error).toMatchObject({ message: `there is nothing at GET /${'a'.repeat(150)}/…` });
  }));

it('rejects the messages of a batch whose context is nested too deep, and answers', () =>
  withCollector({}, async (c) => {
    const send = (context: string) =>
      c.fetch('/v1/batch', {
        method: 'POST',
        headers: { authorization: basic(WEB_KEY) },
        body: `{"batch":[{"type":"track","event":"A","userId":"u"}],"context":${context}}`,
      });
    const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
    // The message is the first level, its context the second.
    expect(await send(nested(99))).toMatchObject({ status: 200, json: { accepted: 1 } });
    for (const levels of [100, 101, 5_000])
      expect(await send(nested(levels))).toMatchObject({
        status: 200,
        json: { accepted: 0, rejected: [{ code: 'invalid_field' }] },
      });
    expect((await c.api('GET', '/api/rejected')).status).toBe(200);
  }));

it('cleans the context of a batch like a message', () =>
  withCollector({ file: true }, async (c) => {
    await c.define({ traits: { sum: { type: 'sum', event: '*', property: 'v' } } });
    const context = '{"__proto__":{"x":1},"a":{"__proto__":{"y":1}},"b":"x\\ud800","c":1e400,"d":-0}';
    const answer = await c.fetch('/v1/batch', {
      method: 'POST',
      headers: { authorization: basic(WEB_KEY) },
      body: `{"batch":[{"type":"track","event":"A","userId":"u"}],"context":${context}}`,
    });
    expect(answer.json).toMatchObject({ accepted: 1 });
    const [event] = await c.all<{ context: unknown }>('/api/profiles/user:u/events');
    expect(event?.context).toEqual({ a: {}, b: 'x\ufffd', c: null, d: 0 });
    expect((await c.api('GET', '/api/profiles/user:u/events')).text).not.toContain('__proto__');
    expect(await c.verify()).toEqual([]);
  }));

it('makes no huge batch of a small body by its context', () =>
  withCollector({}, async (c) => {
    const send = (messages: number, chars: number) =>
      c.fetch('/v1/batch', {
        method: 'POST',
        headers: { authorization: basic(WEB_KEY) },
        body: JSON.stringify({
          batch: Array.from({ length: messages }, () => ({ type: 'track', event: 'A', anonymousId: 'd' })),
          context: { x: 'x'.repeat(chars) },
        }),
      });
    expect(await send(2_000, 32_000)).toMatchObject({
      status: 413,
      json: { error: { code: 'context_too_large', message: expect.stringContaining('16777216') } },
    });
    expect(await c.profile('anon:d')).toBeUndefined();
    expect(await send(2_000, 1_000)).toMatchObject({ status: 200, json: { accepted: 2_000 } });
    expect(await send(500, 32_000)).toMatchObject({ status: 200, json: { accepted: 500 } });
  }));
