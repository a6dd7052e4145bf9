// A file that is overwritten under a running collector, as a bad disk or a wrong command would.
// Invariant: from the first sign of damage on nothing is acknowledged, and the way out, followed, leads out.
import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { useFolder } from '../temporary-folder.ts';
import { audit } from './audit.ts';
import { type Client, createClient } from './client.ts';
import { type CollectorProcess, runTidemark, startCollector } from './collector-process.ts';
import { define } from './definitions.ts';
import { createSenders, type Senders } from './senders.ts';

const SENDERS = 4;
const SEED = 1;
const PAGE_BYTES = 4_096;
/** SQLite's header, by which a file is known to be a database. */
const HEADER_BYTES = 100;
const BEFORE_DAMAGE = 1_500;
/** Sent after the first sign of damage, each from somebody else. */
const AFTER_DAMAGE = 50;
const MAX_LOOKS = 200;
const BETWEEN_LOOKS_MS = 25;

const inFolder = useFolder('damaged');
let database: string;
let running: CollectorProcess[] = [];
beforeEach(() => {
  database = inFolder('tidemark.db');
});
afterEach(async () => {
  for (const collector of running) await collector.kill();
  running = [];
});

function launch(): CollectorProcess {
  const collector = startCollector(database);
  running.push(collector);
  return collector;
}

/** A collector with some messages in its file, none in its log and no page in its memory. */
async function filled(): Promise<{ collector: CollectorProcess; client: Client; senders: Senders }> {
  const first = launch();
  const client = createClient(await first.listening);
  await define(client);
  const senders = createSenders({ count: SENDERS, seed: SEED });
  await senders.run(client, () => senders.acknowledged.size >= BEFORE_DAMAGE);
  await senders.finish(client);
  await first.kill('SIGTERM');
  const collector = launch();
  return { collector, client: createClient(await collector.listening), senders };
}

function overwrite(from: number, to: number): void {
  const handle = openSync(database, 'r+');
  writeSync(handle, Buffer.alloc(to - from, 0xa5), 0, to - from, from);
  closeSync(handle);
}

const message = (no: number) => ({
  type: 'track',
  event: 'Paid',
  userId: `late${no}`,
  messageId: `late${no}`,
});

async function expectRefusalNamingTheWayOut(): Promise<void> {
  const refused = launch();
  expect(await refused.ended).toBe(1);
  expect(refused.said().trim().split('\n')).toHaveLength(1);
  expect(refused.said()).toContain('tidemark restore');
}

it('stops acknowledging for good, is refused when started anew, and is well after a restore', async () => {
  const { collector, client, senders } = await filled();
  const backup = inFolder('backup.db');
  expect((await runTidemark(database, 'backup', backup)).code).toBe(0);
  overwrite(PAGE_BYTES, statSync(database).size);

  let no = 0;
  for (let look = 0; (await client.post([message(no++)])).status === 200; look++) {
    expect(look, 'messages answered 200 by a file of garbage').toBeLessThan(MAX_LOOKS);
    await sleep(BETWEEN_LOOKS_MS);
  }
  const answers = await Promise.all(
    Array.from({ length: AFTER_DAMAGE }, () => client.post([message(no++)], no % 2 ? 'web' : 'server')),
  );
  for (const { status, retryAfter, json } of answers) {
    expect([status, json]).toMatchObject([503, { error: { code: 'database_damaged' } }]);
    expect(Number(retryAfter)).toBeGreaterThan(0);
  }
  const ready = await client.get('/readyz');
  expect([ready.status, ready.json.status]).toEqual([503, 'damaged']);
  expect(ready.json.message).toContain('tidemark restore');
  expect((await client.get('/healthz')).status).toBe(200);
  await collector.kill('SIGTERM');

  await expectRefusalNamingTheWayOut();
  expect((await runTidemark(database, 'restore', backup)).code).toBe(0);
  const restored = launch();
  expect(await audit(database, restored, { senders, operators: [] })).toEqual([]);
});

it('is no database any more: whoever opens it says so, or finds all that was acknowledged in the log', async () => {
  const { collector, client, senders } = await filled();
  overwrite(0, HEADER_BYTES);
  await senders.run(
    client,
    () => senders.figures.refused > 0 || senders.acknowledged.size > 2 * BEFORE_DAMAGE,
  );
  await collector.kill();
  const again = launch();
  const opened = await Promise.race([
    again.listening.then(
      () => true,
      () => false,
    ),
    again.ended.then(() => false),
  ]);
  if (!opened) {
    expect(again.said()).toContain('tidemark restore');
    expect((await runTidemark(database, 'verify')).err).toContain('tidemark restore');
    return;
  }
  await senders.finish(createClient(await again.listening));
  expect(await audit(database, again, { senders, operators: [] })).toEqual([]);
});
