// A process with a spool, killed at a random moment, and the next one on the same folder.
// Invariant: every message whose call had returned is stored exactly once.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import type { JsonObject } from '../../collector/src/wire/message.ts';
import { type Served, serveCollector } from '../browser/stage.ts';
import { SERVER_KEY } from '../collector.ts';
import { createRandom } from '../random.ts';
import { openPrograms } from './program.ts';

const programs = openPrograms();
afterAll(() => programs.close());
let served: Served;
beforeEach(async () => {
  served = await serveCollector();
});
afterEach(() => served.close());

const client = (folder: string): string => `
  import { writeSync } from 'node:fs';
  const client = new Analytics({
    writeKey: ${JSON.stringify(SERVER_KEY)},
    host: ${JSON.stringify(served.url)},
    spoolDir: ${JSON.stringify(folder)},
    flushInterval: 5,
    onError: ({ code, message }) => writeSync(1, 'trouble ' + code + ' ' + message + '\\n'),
  });`;

/** Calls for ever, in bursts, and says of each message when its call has returned. */
const caller = (folder: string, name: string): string => `${client(folder)}
  for (let i = 0; ; i++) {
    const messageId = '${name}-' + i;
    if (client.track({ userId: 'u', event: 'Kept', messageId, properties: { text: 'x'.repeat(i % 900) } }))
      writeSync(1, messageId + '\\n');
    if (i % 40 === 39) await new Promise((resolve) => setTimeout(resolve, 3));
  }`;

const finisher = (folder: string): string => `${client(folder)}
  writeSync(1, JSON.stringify(await client.closeAndFlush({ timeout: 60_000 })) + '\\n');`;

async function storedIds(): Promise<string[]> {
  const events = await served.collector.all<JsonObject>('/api/profiles/user:u/events');
  return events.map(({ messageId }) => String(messageId)).sort();
}

it.each([1, 2, 3, 4, 5])('seed %i: nothing that was called is lost or counted twice', async (seed) => {
  const next = createRandom(seed).next;
  const folder = join(programs.folder, `spool-${seed}`);
  const called: string[] = [];
  // The collector is away for some, so that more is on disk than on its way.
  const isAway = next() < 0.5;
  if (isAway) await served.down();
  const crash = async (name: string): Promise<void> => {
    const lifeMs = 20 + next() * 250;
    const { signal, lines } = await programs.run(caller(folder, name), (_, child) => {
      if (child.killed || child.exitCode !== null) return;
      setTimeout(() => child.kill('SIGKILL'), lifeMs);
    });
    expect(signal).toBe('SIGKILL');
    expect(lines.filter((line) => line.startsWith('trouble'))).toEqual([]);
    called.push(...lines);
  };
  // Two at once on one folder, then one that finds what they left and is killed as well.
  await Promise.all([crash('a'), crash('b')]);
  await crash('c');
  if (isAway) await served.up();
  const { code, lines } = await programs.run(finisher(folder));
  expect(code).toBe(0);
  expect(lines.map((line) => line.slice(0, 60))).toEqual([
    expect.stringContaining('"pending":0,"dropped":0'),
  ]);
  const stored = await storedIds();
  expect(called.length).toBeGreaterThan(0);
  expect(new Set(stored).size).toBe(stored.length);
  expect(called.filter((id) => !stored.includes(id))).toEqual([]);
  // Nothing is left to send, and nobody says so twice.
  expect(readdirSync(folder)).toEqual([]);
});
