// The web-standard build where nothing of Node is within reach, against the real collector.
// Invariant: its world has no `process`, no `Buffer`, no `require`, and every import fails.
import { createContext, Script } from 'node:vm';
import { buildSync } from 'esbuild';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type * as web from '../../sdk-node/src/web.ts';
import { root, type Served, serveCollector } from '../browser/stage.ts';
import { SERVER_KEY } from '../collector.ts';

const text = buildSync({
  entryPoints: [`${root}/sdk-node/src/web.ts`],
  bundle: true,
  format: 'iife',
  globalName: 'sdk',
  platform: 'neutral',
  target: 'es2022',
  write: false,
}).outputFiles[0]?.text as string;

let served: Served;
beforeEach(async () => {
  served = await serveCollector();
});
afterEach(() => served.close());

/** A world with what WinterTC's minimum common API has, of what the SDK uses. */
function openWorld(): typeof web {
  const { TextEncoder, TextDecoder, URL, Blob, CompressionStream, Response } = globalThis;
  const { AbortController, AbortSignal, crypto, setTimeout, clearTimeout, queueMicrotask, btoa } = globalThis;
  const world = createContext({
    ...{ TextEncoder, TextDecoder, URL, Blob, CompressionStream, Response, AbortController, AbortSignal },
    ...{ crypto, setTimeout, clearTimeout, queueMicrotask, btoa, fetch, console },
  });
  new Script(`${text};globalThis.sdk = sdk;`).runInContext(world);
  return new Script('sdk').runInContext(world) as typeof web;
}

it('sends, packs, and reads back', async () => {
  const { Analytics } = openWorld();
  const client = new Analytics({
    writeKey: SERVER_KEY,
    host: served.url,
    onError: ({ code }) => expect.fail(code),
  });
  for (let i = 0; i < 40; i++)
    expect(client.track({ userId: 'u', event: 'E', properties: { i, text: '日本語'.repeat(20) } })).toBe(
      true,
    );
  await expect(client.flush()).resolves.toEqual({ delivered: 40, pending: 0, dropped: 0 });
  expect((await served.collector.profile('user:u'))?.eventCount).toBe(40);
  expect(await client.me({ userId: 'u' })).toEqual({ segments: [], computed: {}, surveys: [] });
  await client.closeAndFlush();
});

it('has no disk, and says so', () => {
  const { Analytics } = openWorld();
  expect(() => new Analytics({ writeKey: 'k', spoolDir: '/tmp/x' })).toThrow(/needs a disk/);
});
