// Room for bodies that are being read: who gets it, and that it is given back.
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { MAX_BODY_BYTES } from '../wire/message.ts';
import { readBody } from './body.ts';
import { createBodyRoom, MAX_READING_BYTES, MAX_READING_BYTES_OF_ADDRESS } from './body-room.ts';

const FULL = { status: 429, code: 'overloaded' };

describe('room', () => {
  it('is bounded for one address, of IPv6 its first half, and leaves others theirs', () => {
    const room = createBodyRoom({ total: 100, address: 40 });
    const slow = [room.enter('2001:db8::1'), room.enter('2001:db8::2'), room.enter('2001:db8:1::1')];
    slow[0]?.take(40);
    expect(() => slow[1]?.take(1)).toThrow(expect.objectContaining(FULL));
    slow[2]?.take(40);
    slow[0]?.leave();
    slow[1]?.take(40);
    expect(room.taken()).toBe(80);
    expect(() => room.enter('192.0.2.1').take(21)).toThrow(expect.objectContaining(FULL));
    for (const place of slow) place.leave();
    expect(room.taken()).toBe(0);
  });

  it('is bounded in all for a proxy on the same machine', () => {
    const room = createBodyRoom({ total: 100, address: 40 });
    room.enter('127.0.0.1').take(90);
    expect(() => room.enter('::1').take(11)).toThrow(expect.objectContaining(FULL));
  });

  it('holds bodies of the largest size', () => {
    expect(MAX_READING_BYTES_OF_ADDRESS).toBeGreaterThanOrEqual(4 * MAX_BODY_BYTES);
    expect(MAX_READING_BYTES).toBeGreaterThanOrEqual(4 * MAX_READING_BYTES_OF_ADDRESS);
  });
});

const post = (body: ReadableStream | Uint8Array, headers: Record<string, string> = {}): Request =>
  new Request('http://x/', { method: 'POST', body, headers, duplex: 'half' } as RequestInit); // Node's own type lacks duplex

/** A body that announces much and stops after `chunks` of it. */
function stalled(chunks: number, bytes: number): { request: Request; end(): void } {
  let end = (): void => {};
  const body = new ReadableStream({
    start(controller) {
      for (let i = 0; i < chunks; i++) controller.enqueue(new Uint8Array(bytes));
      end = () => controller.error(new Error('gone'));
    },
  });
  return { request: post(body, { 'content-length': String(MAX_BODY_BYTES) }), end: () => end() };
}

describe('a body being read', () => {
  it('takes up what has come of it, not what it announces, and nothing once it ended', async () => {
    const room = createBodyRoom({ total: 1_000, address: 1_000 });
    const { request, end } = stalled(3, 100);
    const read = readBody(request, room, '192.0.2.1');
    while (room.taken() < 300) await new Promise((resolve) => setImmediate(resolve));
    expect(room.taken()).toBe(300);
    end();
    await expect(read).rejects.toMatchObject({ status: 400, code: 'incomplete_body' });
    expect(room.taken()).toBe(0);
  });

  it('is refused when there is no room, and others are read', async () => {
    const room = createBodyRoom({ total: 1_000, address: 250 });
    await expect(readBody(stalled(3, 100).request, room, '192.0.2.1')).rejects.toMatchObject(FULL);
    const small = post(new Uint8Array(200), { 'content-length': '200' });
    expect((await readBody(small, room, '192.0.2.2')).length).toBe(200);
    expect(room.taken()).toBe(0);
  });

  it.each(['-5', 'many', ''])('is counted as it comes where its length is no length: %j', async (length) => {
    const room = createBodyRoom({ total: 100, address: 100 });
    const large = post(new Uint8Array(200), { 'content-length': length });
    await expect(readBody(large, room, '192.0.2.1')).rejects.toMatchObject(FULL);
    expect(room.taken()).toBe(0);
  });

  it('is inflated a few at a time, whatever comes, and no further than its limit', async () => {
    const room = createBodyRoom();
    let running = 0;
    let most = 0;
    const watched: typeof room = {
      ...room,
      inflate: (work) =>
        room.inflate(async () => {
          most = Math.max(most, ++running);
          try {
            return await work();
          } finally {
            running--;
          }
        }),
    };
    const bomb = gzipSync(new Uint8Array(64 * 1024 * 1024));
    const bombs = Array.from({ length: 20 }, () => readBody(post(bomb), watched, '192.0.2.1'));
    const good = readBody(post(gzipSync('{}')), watched, '192.0.2.2');
    const settled = await Promise.allSettled(bombs);
    const codes = settled.map((result) => (result.status === 'rejected' ? result.reason.code : 'taken'));
    expect(codes).toEqual(Array(20).fill('body_too_large'));
    expect((await good).toString()).toBe('{}');
    expect(most).toBe(4);
    expect([running, room.taken()]).toEqual([0, 0]);
  });
});
