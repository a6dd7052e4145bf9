// Tests how far an import says it got, for this and for another file.
// Invariant: what is read is a row whose messages were answered, or 0.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonValue } from '../wire/message.ts';
import { createCheckpoint } from './import-files.ts';
import { createImportMarks } from './import-marks.ts';
import type { Ask } from './operations.ts';

/** A database that remembers imports and does nothing else. */
function remembering(): Ask {
  const held = new Map<string, JsonValue>();
  const marks = createImportMarks({
    get: (name) => held.get(name),
    set: async (values) => {
      for (const [name, value] of Object.entries(values)) held.set(name, value);
    },
  });
  const ask = async (operation: string, input: { of: string; row: number }): Promise<unknown> =>
    operation === 'import-mark' ? { row: marks.reached(input.of) } : marks.reach(input.of, input.row);
  return ask as Ask; // answers the two operations as their types say, and no other
}

describe('createCheckpoint', () => {
  let folder: string;
  let csv: string;
  let ask: Ask;
  const at = (purpose: string): Promise<number> => createCheckpoint(csv, [purpose], ask).read();

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidemark-checkpoint-'));
    csv = join(folder, 'orders.csv');
    writeFileSync(csv, 'id\n1\n');
    ask = remembering();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('knows the last row, until the import is through', async () => {
    const checkpoint = createCheckpoint(csv, ['a'], ask);
    await checkpoint.write(500);
    await checkpoint.write(1_000);
    expect(await at('a')).toBe(1_000);
    await checkpoint.remove();
    expect(await at('a')).toBe(0);
  });

  it('begins anew for another purpose, another content, another file and another database', async () => {
    await createCheckpoint(csv, ['a'], ask).write(500);
    expect(await at('b')).toBe(0);
    const [known, name] = [ask, csv];
    ask = remembering();
    expect(await at('a')).toBe(0);
    ask = known;
    csv = join(folder, 'other.csv');
    writeFileSync(csv, 'id\n1\n');
    expect(await at('a')).toBe(0);
    csv = name;
    expect(await at('a')).toBe(500);
    writeFileSync(csv, 'id\n1\n2\n');
    expect(await at('a')).toBe(0);
  });

  it('remembers the imports that were at work last, and no more than twenty', async () => {
    for (let i = 0; i < 25; i++) {
      await createCheckpoint(csv, ['first'], ask).write(i + 1);
      await createCheckpoint(csv, [String(i)], ask).write(7);
    }
    expect(await at('first')).toBe(25);
    expect([await at('24'), await at('6'), await at('5')]).toEqual([7, 7, 0]);
  });
});
