// Rate limits: whose bucket it is, and that there are never too many.
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { basic, openCollector, T0, WEB_KEY } from '../../../tests/collector.ts';
import type { CallerOptions } from './caller.ts';
import { addressOf, networkOf } from './caller.ts';
import { createRateLimit } from './rate-limit.ts';

/** How many of so many requests go through. */
function passing(
  limit: ReturnType<typeof createRateLimit>,
  count: number,
  who: [string, string | null],
  now = 0,
) {
  let passed = 0;
  for (let i = 0; i < count; i++) {
    try {
      limit.take(...who, now);
      passed++;
    } catch {
      // Counted by what is missing.
    }
  }
  return passed;
}

describe('a rate limit', () => {
  it('holds for a key and an address, and leaves both theirs with others', () => {
    const limit = createRateLimit(60);
    expect(passing(limit, 100, ['a', '192.0.2.1'])).toBe(60);
    expect(passing(limit, 100, ['a', '192.0.2.2'])).toBe(60);
    expect(passing(limit, 100, ['b', '192.0.2.1'])).toBe(60);
    expect(passing(limit, 100, ['a', '192.0.2.1'], 5_000)).toBe(5);
    expect(passing(limit, 100, ['a', '192.0.2.1'], 3_600_000)).toBe(60);
  });

  it('takes the first half of an IPv6 address for one sender, and a mapped address for what it maps', () => {
    const limit = createRateLimit(60);
    expect(passing(limit, 30, ['a', '2001:db8::1'])).toBe(30);
    expect(passing(limit, 100, ['a', '2001:0db8:0:0:ffff::2'])).toBe(30);
    expect(passing(limit, 100, ['a', '2001:db8:0:1::1'])).toBe(60);
    expect(passing(limit, 60, ['a', '::ffff:192.0.2.1'])).toBe(60);
    expect(passing(limit, 1, ['a', '192.0.2.1'])).toBe(0);
  });

  it('exempts loopback, what has no address, and everybody when it is off', () => {
    const limit = createRateLimit(1);
    for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1', null])
      expect(passing(limit, 100, ['a', address])).toBe(100);
    expect(passing(createRateLimit('off'), 100, ['a', '192.0.2.1'])).toBe(100);
  });

  it('says when to come again', () => {
    const limit = createRateLimit(6);
    passing(limit, 6, ['a', '192.0.2.1']);
    const refusal = { status: 429, code: 'rate_limited', options: { retryAfterSeconds: 7 } };
    expect(() => limit.take('a', '192.0.2.1', 3_000)).toThrow(expect.objectContaining(refusal));
    expect(limit.refusal('a', '192.0.2.1', 3_000)).toMatchObject(refusal);
    expect(limit.refusal('a', '192.0.2.2', 3_000)).toBeNull();
  });

  it('remembers so many and no more, those that ask before those that do not', () => {
    const limit = createRateLimit(60, 3);
    passing(limit, 60, ['a', '192.0.2.1']);
    for (const last of [2, 3, 2, 3]) passing(limit, 60, ['a', `192.0.2.${last}`]);
    expect(passing(limit, 1, ['a', '192.0.2.1'])).toBe(0);
    passing(limit, 1, ['a', '192.0.2.4']);
    expect(passing(limit, 1, ['a', '192.0.2.1'])).toBe(0);
    expect(passing(limit, 1, ['a', '192.0.2.2'])).toBe(1);
  });
});

describe('the address', () => {
  const env = { incoming: { socket: { remoteAddress: '198.51.100.1' } } };
  const from = (forwarded: string | null, trustProxyHops: number): string | null => {
    const headers = forwarded === null ? {} : { 'x-forwarded-for': forwarded };
    const options: CallerOptions = { trustProxyHops, publicUrl: null };
    return addressOf(new Request('http://x/', { headers }), env, options);
  };

  it('is the connection’s unless proxies are trusted, and then what the outermost of these saw', () => {
    expect(from('192.0.2.9', 0)).toBe('198.51.100.1');
    expect(from('6.6.6.6, 192.0.2.9', 1)).toBe('192.0.2.9');
    expect(from('6.6.6.6, 192.0.2.9, 10.0.0.1', 2)).toBe('192.0.2.9');
    expect(from(null, 1)).toBe('198.51.100.1');
  });

  it('may be anything a proxy writes', () => {
    for (const text of [
      'unknown',
      'fe80::1%eth0',
      '1::2::3',
      '::',
      ':::::::::',
      '[::1]:80',
      'x'.repeat(9_000),
    ])
      expect(networkOf(text)).toBeTypeOf('string');
    expect(networkOf('::')).toBe('0:0:0:0');
    expect(networkOf('fe80::1%eth0')).toBe('fe80:0:0:0');
    expect(networkOf('1:2:3:4:5:6:7:8')).toBe('1:2:3:4');
    expect(networkOf('1::2::3')).toBe('1::2::3');
  });
});

describe('requests without a key in the header', () => {
  const ADDRESS = '192.0.2.1';
  const bodyWith = (writeKey: string, padding = 0): Buffer =>
    Buffer.from(JSON.stringify({ userId: 'u', event: 'E', writeKey, padding: 'x'.repeat(padding) }));

  /** A collector, and a way to ask it that tells whether the body was read. */
  async function withLimit(
    body: (
      ask: (
        sent: Buffer,
        more?: { key?: string; address?: string; length?: 'none' },
      ) => Promise<[number, boolean]>,
    ) => Promise<void>,
  ): Promise<void> {
    const c = await openCollector({ rateLimit: 20, now: T0 });
    await body(async (sent, { key, address = ADDRESS, length } = {}) => {
      let isRead = false;
      const stream = new ReadableStream(
        {
          pull(controller) {
            isRead = true;
            controller.enqueue(sent);
            controller.close();
          },
        },
        { highWaterMark: 0 },
      );
      const headers = {
        ...(key === undefined ? {} : { authorization: basic(key) }),
        ...(length === 'none' ? {} : { 'content-length': String(sent.length) }),
      };
      const init = { method: 'POST', headers, body: stream, duplex: 'half' } as RequestInit; // Node's own type lacks duplex
      const env = { incoming: { socket: { remoteAddress: address } } };
      const answer = await c.handle(new Request('http://x/v1/track', init), env);
      if (answer.status === 429) expect(answer.headers.get('retry-after')).toBe('3');
      return [answer.status, isRead];
    });
    await c.dispose();
  }

  it('are answered 401, and after too many 429', () =>
    withLimit(async (ask) => {
      const statuses: number[] = [];
      for (let i = 0; i < 30; i++) statuses.push((await ask(bodyWith('no')))[0]);
      expect(statuses).toEqual([...Array(20).fill(401), ...Array(10).fill(429)]);
      expect(await ask(bodyWith('no'), { key: 'wrong' })).toEqual([429, false]);
      // Others of other addresses, and right keys of the same one, have their service.
      expect(await ask(bodyWith('no'), { address: '192.0.2.2' })).toEqual([401, true]);
      expect(await ask(bodyWith('no'), { key: WEB_KEY })).toEqual([200, true]);
    }));

  it('are let in then all the same by a right key in a small body, as the web SDK sends it', () =>
    withLimit(async (ask) => {
      for (let i = 0; i < 25; i++) await ask(bodyWith('no'));
      // As many are read as a right key may send, the five wrong ones before included, and no more.
      const answers: [number, boolean][] = [];
      for (let i = 0; i < 16; i++) answers.push(await ask(bodyWith(WEB_KEY)));
      expect(answers).toEqual([...Array(15).fill([200, true]), [429, false]]);
    }));

  it('are not read then where the body is large, or may be', () =>
    withLimit(async (ask) => {
      const room = 64 * 1024 - bodyWith(WEB_KEY).length;
      expect(await ask(bodyWith(WEB_KEY, room + 1))).toEqual([413, true]); // a message of 32 KiB: its key is right
      for (let i = 0; i < 25; i++) await ask(bodyWith('no'));
      expect(await ask(bodyWith(WEB_KEY, room))).toEqual([413, true]);
      expect(await ask(bodyWith(WEB_KEY, room + 1))).toEqual([429, false]);
      expect(await ask(bodyWith(WEB_KEY), { length: 'none' })).toEqual([429, false]);
      // Nor is a small one inflated to any size.
      expect(await ask(gzipSync(bodyWith(WEB_KEY)))).toEqual([200, true]);
      expect(await ask(gzipSync(bodyWith(WEB_KEY, 300_000)))).toEqual([429, true]);
    }));
});
