// Visitors' addresses: not kept by default, cut where they are to be, and never a back end's.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../collector/src/wire/message.ts';
import {
  basic,
  SERVER_KEY,
  type TestCollector,
  type TestOptions,
  WEB_KEY,
  withCollector,
} from './collector.ts';

async function send(
  c: TestCollector,
  address: string,
  message: JsonObject,
  key = WEB_KEY,
  padding = '',
): Promise<void> {
  const body = JSON.stringify({ batch: [{ type: 'track', event: 'E', userId: 'u', ...message }] }) + padding;
  const request = new Request('http://x/v1/batch', {
    method: 'POST',
    headers: { authorization: basic(key) },
    body,
  });
  const answer = await c.handle(request, { incoming: { socket: { remoteAddress: address } } });
  expect(await answer.json()).toMatchObject({ accepted: 1 });
}

/** The context of what was sent from these addresses, in order. */
async function contexts(options: TestOptions, sent: [address: string, message?: JsonObject, key?: string][]) {
  let found: unknown[] = [];
  await withCollector(options, async (c) => {
    for (const [address, message = {}, key] of sent) {
      c.advance(1);
      await send(c, address, message, key);
    }
    // As the API describes it.
    const { data } = (await c.api('GET', '/api/profiles/user:u/events')).json as { data: JsonObject[] };
    found = data.map(({ context }) => context).reverse();
  });
  return found;
}

describe('the address of a visitor', () => {
  it.each([{}, { ip: 'none' } as const])('is in no file of the collector (%j)', async (options) => {
    await withCollector({ ...options, file: true }, async (c) => {
      await send(c, '203.0.113.77', {});
      await send(c, '2001:db8:1:2:3::77', {});
      await send(c, '203.0.113.78', {}, WEB_KEY, ' '.repeat(300_000));
      await c.send('web', [{ type: 'track', userId: 'u' }]);
      const folder = dirname(c.database ?? '');
      const files = readdirSync(folder);
      expect(files.length).toBeGreaterThan(1);
      for (const name of files) {
        const bytes = readFileSync(join(folder, name));
        for (const trace of ['203.0.113', '2001:db8'])
          expect(bytes.includes(trace), `${trace} in ${name}`).toBe(false);
      }
    });
  });

  it('is kept cut or whole when asked to, where the message says none', async () => {
    const sent: [string, JsonObject?, string?][] = [
      ['203.0.113.77'],
      ['::ffff:203.0.113.77', { context: { page: { path: '/' } } }],
      ['2001:db8:1:2:3::77', { context: null }],
      ['203.0.113.77', { context: { ip: '198.51.100.1' } }],
      ['203.0.113.77', {}, SERVER_KEY],
      ['not an address'],
    ];
    expect(await contexts({ ip: 'truncated' }, sent)).toEqual([
      { ip: '203.0.113.0' },
      { page: { path: '/' }, ip: '203.0.113.0' },
      { ip: '2001:db8:1::' },
      { ip: '198.51.100.1' },
      undefined,
      undefined,
    ]);
    expect((await contexts({ ip: 'full' }, sent)).slice(0, 4)).toEqual([
      { ip: '203.0.113.77' },
      { page: { path: '/' }, ip: '203.0.113.77' },
      { ip: '2001:db8:1:2:3:0:0:77' },
      { ip: '198.51.100.1' },
    ]);
  });
});
