// Rate limits: whose bucket it is, and that there are never too many.
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
    for (const ask of [limit.take, limit.check])
      expect(() => ask('a', '192.0.2.1', 3_000)).toThrow(
        expect.objectContaining({ status: 429, code: 'rate_limited', options: { retryAfterSeconds: 7 } }),
      );
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

describe('requests', () => {
  it('with wrong keys are answered 401, and after too many 429 before anything is read', async () => {
    const c = await openCollector({ rateLimit: 20, now: T0 });
    const ask = (
      address: string,
      key: string | null,
      body = '{"userId":"u","event":"E","writeKey":"no"}',
    ) => {
      const headers = {
        ...(key === null ? {} : { authorization: basic(key) }),
        'content-length': String(body.length),
      };
      const stream = new ReadableStream(
        {
          pull(controller) {
            read++;
            controller.enqueue(new TextEncoder().encode(body));
            controller.close();
          },
        },
        { highWaterMark: 0 },
      );
      const init = { method: 'POST', headers, body: stream, duplex: 'half' } as RequestInit; // Node's own type lacks duplex
      return c.handle(new Request('http://x/v1/track', init), {
        incoming: { socket: { remoteAddress: address } },
      });
    };
    let read = 0;
    const flood = [];
    for (let i = 0; i < 30; i++) flood.push((await ask('192.0.2.1', null)).status);
    expect(flood).toEqual([...Array(20).fill(401), ...Array(10).fill(429)]);
    expect(read).toBe(20);
    const refused = await ask('192.0.2.1', 'wrong');
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '3']);
    // Others of other addresses, and right keys of the same one, have their service.
    expect((await ask('192.0.2.2', null)).status).toBe(401);
    expect((await ask('192.0.2.1', WEB_KEY)).status).toBe(200);
    await c.dispose();
  });
});
