// What a replicator of the write-ahead log needs of us, and the documented recipe with a real Litestream.
// Invariant: while somebody reads, the log is copied but never begun anew, so that no frame of it is missed.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { createCollector } from '@tidemark/collector';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { closed, KEYS, post, useCommandLine } from './command-line.ts';

const { path, database, run, serve } = useCommandLine();
/** Path of a Litestream binary, 0.3; the recipe is tried only where there is one. */
const litestream = process.env.TIDEMARK_LITESTREAM;

const WAL_HEADER_BYTES = 32;
/** Two numbers that are drawn anew whenever the log is begun anew. */
const saltsOf = (log: Buffer): string => log.subarray(16, 24).toString('hex');
const readLog = (): Buffer => readFileSync(`${database()}-wal`);

it('never begins the log anew while somebody reads, however much is written', async () => {
  mkdirSync(path('data'));
  const writeKey = KEYS.TIDEMARK_WRITE_KEY;
  const collector = await createCollector({ database: database(), writeKey });
  let next = 0;
  const write = async (): Promise<void> => {
    const batch = Array.from({ length: 1_000 }, () => ({
      type: 'track',
      event: 'E',
      messageId: `m${++next}`,
      userId: `u${next}`,
    }));
    const request = { method: 'POST', body: JSON.stringify({ batch, writeKey }) };
    const answer = await collector.fetch(new Request('http://localhost/v1/batch', request));
    expect(answer.status).toBe(200);
  };
  await write();
  const reader = new Database(database(), { readonly: true });
  reader.exec('BEGIN; SELECT count(*) FROM message');
  const salts = saltsOf(readLog());
  const copied = statSync(database()).size;
  let before = readLog();
  // Each writes 2,000 rows, and the thread copies after every 8,000.
  for (let i = 0; i < 14; i++) {
    await write();
    const log = readLog();
    expect(saltsOf(log)).toBe(salts);
    expect(log.subarray(WAL_HEADER_BYTES, before.length).equals(before.subarray(WAL_HEADER_BYTES))).toBe(
      true,
    );
    before = log;
  }
  reader.exec('COMMIT');
  reader.close();
  // The same once nobody reads: without that the test would show nothing.
  const saltsAfter = async (): Promise<string> => {
    await write();
    return saltsOf(readLog());
  };
  await expect.poll(saltsAfter, { timeout: 30_000 }).not.toBe(salts);
  expect(statSync(database()).size).toBeGreaterThan(copied);
  await collector.close();
});

// Not a skipped test where there is none: nothing is missing then.
if (litestream !== undefined)
  it('the recipe brings back all that was answered before a crash', async () => {
    const config = path('litestream.yml');
    writeFileSync(
      config,
      `dbs:\n  - path: ${database()}\n    replicas:\n      - type: file\n        path: ${path('replica')}\n        sync-interval: 200ms\n`,
    );
    const served = await serve();
    const replicating: ChildProcess = spawn(litestream as string, ['replicate', '-config', config]);
    let said = '';
    for (const stream of [replicating.stdout, replicating.stderr])
      stream?.on('data', (chunk) => (said += chunk));
    await expect.poll(() => said, { timeout: 10_000 }).toContain('new generation');
    let acknowledged = 0;
    for (let i = 0; i < 60; i++) {
      const batch = Array.from({ length: 200 }, (_, n) => ({
        type: 'track',
        event: 'E',
        messageId: `m${i}-${n}`,
        userId: `u${i}-${n}`,
      }));
      if ((await post(served.url, batch)).status === 200) acknowledged += batch.length;
    }
    expect(acknowledged).toBe(12_000);
    const done = closed(served.child);
    served.child.kill('SIGKILL');
    await done;
    // Asked to stop, it ships the rest first.
    const stopped = closed(replicating);
    replicating.kill('SIGTERM');
    await stopped;
    expect(said.match(/new generation/g)).toHaveLength(1);
    const args = ['restore', '-config', config, '-o', path('restored.db'), database()];
    await promisify(execFile)(litestream as string, args);
    const verified = await run(['verify', '--json', '--db', path('restored.db')]);
    expect(JSON.parse(verified.out)).toMatchObject({ messages: 12_000, differences: [] });
    expect((await run(['restore', path('restored.db')])).code).toBe(0);
    expect((await run(['verify'])).code).toBe(0);
  });
