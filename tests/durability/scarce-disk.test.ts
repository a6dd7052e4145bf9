// No room, or no right to write: a clear refusal at the start, 503 while it runs, and recovery by itself.
// Invariant: nothing acknowledged is lost, and nobody has to start anything anew.
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { holderOf } from '../../collector/src/main/lock.ts';
import { useFolder } from '../temporary-folder.ts';
import { audit } from './audit.ts';
import { type Client, createClient } from './client.ts';
import { type CollectorProcess, startCollector } from './collector-process.ts';
import { define } from './definitions.ts';
import { heldToRights, limitFiles, scarcities } from './scarce-disk.ts';
import { createSenders, type Senders } from './senders.ts';

const SENDERS = 6;
const SEED = 1;
/** Requests answered 503 until the senders stop. */
const REFUSALS = 20;
/** A message that finds room when others do not would make a test of luck: this one needs more than any. */
const LARGE = Array.from({ length: 1_000 }, (_, i) => ({
  type: 'track',
  event: 'Large',
  userId: `l${i}`,
  messageId: `large${i}`,
  properties: { text: 'x'.repeat(500) },
}));
const MAX_LOOKS = 200;
const BETWEEN_LOOKS_MS = 50;

let running: CollectorProcess[] = [];
afterEach(async () => {
  for (const collector of running) await collector.kill();
  running = [];
});

async function start(database: string, through: readonly string[] = []): Promise<[CollectorProcess, Client]> {
  const collector = startCollector(database, { through });
  running.push(collector);
  return [collector, createClient(await collector.listening)];
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let look = 0; look < MAX_LOOKS; look++) {
    if (await holds()) return;
    await sleep(BETWEEN_LOOKS_MS);
  }
  throw new Error(`${what}: not after ${MAX_LOOKS} looks`);
}

async function expectRefused(client: Client): Promise<void> {
  const refused = await client.post(LARGE);
  expect([refused.status, refused.json]).toMatchObject([503, { error: { code: 'not_stored' } }]);
  expect(Number(refused.retryAfter)).toBeGreaterThan(0);
  expect((await client.get('/healthz')).status).toBe(200);
}

/** All that was acknowledged, exactly once, and `verify` without a difference. */
async function expectKept(database: string, collector: CollectorProcess, senders: Senders): Promise<void> {
  await senders.finish(createClient(await collector.listening));
  expect(await audit(database, collector, { senders, operators: [] })).toEqual([]);
}

describe.each(scarcities)('$name', ({ create }) => {
  it('means 503 until there is room, and loses nothing, killed meanwhile or not', async () => {
    const disk = create();
    try {
      const database = join(disk.folder, 'tidemark.db');
      const [first, client] = await start(database, disk.through);
      await define(client);
      const senders = createSenders({ count: SENDERS, seed: SEED });
      await senders.run(client, () => senders.figures.refused >= REFUSALS);
      await expectRefused(client);
      await until('/readyz says so', async () => {
        await client.post(LARGE);
        return (await client.get('/readyz')).status === 503;
      });
      const [known] = senders.acknowledged.values();
      expect((await client.api('GET', `/profiles/user:${known?.user}`)).status).toBe(200);

      // One line for all of them, at `error`.
      expect(first.said().match(/"level":"error"/g)?.length).toBe(1);

      await first.kill();
      const [second, again] = await start(database, disk.through);
      await expectRefused(again);
      disk.makeRoom(second.pid);
      await until('stored once there is room', async () => (await again.post(LARGE)).status === 200);
      expect((await again.get('/readyz')).status).toBe(200);
      await expectKept(database, second, senders);
      await second.kill('SIGTERM');
    } finally {
      for (const collector of running) await collector.kill();
      disk.dispose();
    }
  });
});

describe('no right to write', () => {
  const inFolder = useFolder('rights');
  let database: string;
  beforeEach(() => {
    mkdirSync(inFolder('data'));
    database = inFolder('data', 'tidemark.db');
  });
  afterEach(() => chmodSync(inFolder('data'), 0o700));

  it.each([
    ['the file', () => database, 0o444],
    ['its folder', () => inFolder('data'), 0o555],
  ])('to %s is a refusal at the start that says what to do, and changes nothing', async (_, path, mode) => {
    const [collector] = await start(database);
    await collector.kill('SIGTERM');
    const before = readFileSync(database);
    chmodSync(path(), mode);
    const refused = startCollector(database, { through: heldToRights });
    running.push(refused);
    expect(await refused.ended).toBe(1);
    const said = refused.said().trim();
    expect(said.split('\n')).toHaveLength(1);
    expect(said).toContain(`${database} cannot be written`);
    expect(said).toContain('right to write this file and its folder');
    expect(readFileSync(database).equals(before)).toBe(true);
    for (const end of ['-wal', '-shm']) expect(existsSync(database + end)).toBe(false);
    expect(holderOf(database)).toBeNull();

    chmodSync(path(), path() === database ? 0o600 : 0o700);
    await start(database);
  });

  it('to make its folder is such a refusal too', async () => {
    chmodSync(inFolder('data'), 0o555);
    const inNew = inFolder('data', 'new', 'tidemark.db');
    const refused = startCollector(inNew, { through: heldToRights });
    running.push(refused);
    expect(await refused.ended).toBe(1);
    expect(refused.said()).toContain(`${inNew} cannot be written`);
  });

  // Where the limit is to be had, and with it a process whose writes can be made to fail.
  it.runIf(scarcities.length > 0)('lost while it runs means 503, until it is back', async () => {
    const [collector, client] = await start(database);
    await define(client);
    const senders = createSenders({ count: SENDERS, seed: SEED });
    await senders.run(client, () => senders.acknowledged.size > 100);
    limitFiles(collector.pid, 0);
    await expectRefused(client);
    await until('/readyz says so', async () => (await client.get('/readyz')).status === 503);
    const before = senders.acknowledged.size;
    await senders.run(client, () => senders.figures.refused >= REFUSALS);
    expect(senders.acknowledged.size).toBe(before);
    limitFiles(collector.pid, 'unlimited');
    // By itself: nobody sends anything.
    await until('/readyz says so', async () => (await client.get('/readyz')).status === 200);
    await expectKept(database, collector, senders);
  });
});
