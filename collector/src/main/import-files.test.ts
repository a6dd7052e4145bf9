// Tests how far an import says it got: after a kill in the middle of a write, and for another file.
// Invariant: what is read is a row whose messages were answered, or 0.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCheckpoint } from './import-files.ts';

describe('createCheckpoint', () => {
  let folder: string;
  let csv: string;
  const unfinished = (): string => `${csv}.tidemark-import.new`;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidemark-checkpoint-'));
    csv = join(folder, 'orders.csv');
    writeFileSync(csv, 'id\n1\n');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('keeps the row before where it was killed while it wrote the next', () => {
    createCheckpoint(csv, []).write(500);
    writeFileSync(unfinished(), '{"sta');
    expect(createCheckpoint(csv, []).read()).toBe(500);
    createCheckpoint(csv, []).write(1_000);
    expect(createCheckpoint(csv, []).read()).toBe(1_000);
  });

  it('begins anew for another purpose or another content', () => {
    createCheckpoint(csv, ['a']).write(500);
    expect(createCheckpoint(csv, ['b']).read()).toBe(0);
    writeFileSync(csv, 'id\n1\n2\n');
    expect(createCheckpoint(csv, ['a']).read()).toBe(0);
  });

  it('leaves nothing beside the file once it is done', () => {
    createCheckpoint(csv, []).write(500);
    writeFileSync(unfinished(), '');
    createCheckpoint(csv, []).remove();
    expect([existsSync(unfinished()), existsSync(`${csv}.tidemark-import`)]).toEqual([false, false]);
  });
});
