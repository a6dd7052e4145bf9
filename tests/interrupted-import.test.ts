// An import that was killed and is run again: nothing is left out, whatever became of the database meanwhile.
import { rmSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { closed, KEYS, useCommandLine } from './command-line.ts';

const { path, database, launch, run, store } = useCommandLine();

const ROWS = 30_000;

/** How far an import got, as the database knows it. */
function reached(): number {
  try {
    const db = new Database(database(), { readonly: true });
    try {
      const value = db
        .prepare<[], string>("SELECT value FROM fact WHERE name = 'user.imports'")
        .pluck()
        .get();
      return (JSON.parse(value ?? '[]') as { row: number }[])[0]?.row ?? 0;
    } finally {
      db.close();
    }
  } catch {
    // Not there yet.
    return 0;
  }
}

async function importKilled(args: string[]): Promise<void> {
  const child = launch(args, KEYS);
  await expect.poll(reached, { timeout: 20_000, interval: 5 }).toBeGreaterThan(0);
  const done = closed(child);
  child.kill('SIGKILL');
  await done;
}

async function importAgain(args: string[]): Promise<{ resumedAt: number; accepted: number }> {
  const { code, out } = await run([...args, '--json'], KEYS);
  expect(code).toBe(0);
  return JSON.parse(out) as { resumedAt: number; accepted: number };
}

async function expectAll(more = 0): Promise<void> {
  const verified = await run(['verify', '--json'], KEYS);
  expect(JSON.parse(verified.out)).toMatchObject({ messages: ROWS + more, differences: [] });
  expect(reached()).toBe(0);
}

function writeLines(): string[] {
  const message = (i: number) => ({ type: 'track', event: 'E', userId: `u${i % 300}`, messageId: `m${i}` });
  const lines = Array.from({ length: ROWS }, (_, i) => JSON.stringify(message(i)));
  writeFileSync(path('dump.ndjson'), `${lines.join('\n')}\n`);
  return ['import', path('dump.ndjson')];
}

function writeRows(): string[] {
  const rows = Array.from({ length: ROWS }, (_, i) => `c${i % 300},${i}`);
  writeFileSync(path('orders.csv'), `customer,revenue\n${rows.join('\n')}\n`);
  return ['import', '--csv', path('orders.csv'), '--map', 'userId=customer', '--event', 'Order Completed'];
}

describe.each([
  ['NDJSON', writeLines],
  ['CSV', writeRows],
])('an import of %s that was killed', (_, write) => {
  it('goes on where it was', async () => {
    const args = write();
    await importKilled(args);
    const { resumedAt, accepted } = await importAgain(args);
    expect(resumedAt).toBeGreaterThan(0);
    expect(resumedAt + accepted).toBeLessThanOrEqual(ROWS);
    await expectAll();
  });

  it('begins anew in a new database of the same path', async () => {
    const args = write();
    await importKilled(args);
    for (const ending of ['', '-wal', '-shm', '.lock']) rmSync(`${database()}${ending}`, { force: true });
    expect(await importAgain(args)).toMatchObject({ resumedAt: 0, accepted: ROWS });
    await expectAll();
  });

  it('begins anew in a backup of before that was restored', async () => {
    await store('ada');
    expect((await run(['backup', path('before.db')])).code).toBe(0);
    const args = write();
    await importKilled(args);
    expect((await run(['restore', path('before.db')])).code).toBe(0);
    expect(await importAgain(args)).toMatchObject({ resumedAt: 0, accepted: ROWS });
    await expectAll(1);
  });
});
