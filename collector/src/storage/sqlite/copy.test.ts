// Copying a database: whole or not at all.
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { beforeEach, expect, it } from 'vitest';
import { useFolder } from '../../../../tests/temporary-folder.ts';
import { BrokenFile } from '../port.ts';
import { copyDatabase } from './copy.ts';

const inFolder = useFolder('copy');
let from: string;
let to: string;
beforeEach(() => {
  from = inFolder('from.db');
  to = inFolder('to.db');
  const db = new Database(from);
  db.pragma('journal_mode = WAL');
  db.exec(`CREATE TABLE note (text TEXT);
    INSERT INTO note SELECT 'n' || value FROM json_each('[${Array.from({ length: 5_000 }, (_, i) => i).join()}]')`);
  db.close();
});

it('holds what was committed when it began, also what is in the log alone', async () => {
  const writer = new Database(from);
  writer.exec("INSERT INTO note VALUES ('in the log')");
  await copyDatabase({ from, to, expectedBytes: 1 });
  writer.close();
  const copy = new Database(to, { readonly: true });
  expect(
    copy.prepare("SELECT count(*) FROM note WHERE text LIKE 'n%' OR text = 'in the log'").pluck().get(),
  ).toBe(5_001);
  copy.close();
  expect(statSync(to).mode & 0o777).toBe(0o600);
});

it('passes no deleted byte on', async () => {
  const writer = new Database(from);
  // As a program might leave it that does not wipe what it deletes.
  writer.pragma('secure_delete = OFF');
  writer.exec(
    "INSERT INTO note VALUES ('a secret to be deleted'); DELETE FROM note WHERE text LIKE 'a secret%'",
  );
  writer.close();
  expect(readFileSync(from).includes('a secret')).toBe(true);
  await copyDatabase({ from, to, expectedBytes: 1 });
  expect(readFileSync(to).includes('a secret')).toBe(false);
});

it('leaves nothing when it is stopped', async () => {
  const stop = new AbortController();
  const copying = copyDatabase({ from, to, expectedBytes: 1, signal: stop.signal });
  expect(existsSync(to)).toBe(true);
  stop.abort(new Error('stopped'));
  await expect(copying).rejects.toThrow('stopped');
  expect(existsSync(to)).toBe(false);
});

it('leaves nothing when the source is damaged, and takes no place that is taken', async () => {
  writeFileSync(from, 'text '.repeat(2_000));
  await expect(copyDatabase({ from, to, expectedBytes: 1 })).rejects.toThrow(BrokenFile);
  expect(existsSync(to)).toBe(false);
  writeFileSync(to, 'precious');
  await expect(copyDatabase({ from, to, expectedBytes: 1 })).rejects.toThrow('EEXIST');
  expect(statSync(to).size).toBe(8);
});
