// `tidemark import --csv`: rows to messages, in batches, with progress, a reject file and a checkpoint.
// Invariant: interrupted and started again it goes on, and what was stored is never stored twice.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { parse } from 'csv-parse';
import type { JsonObject } from '../wire/message.ts';
import { checkMapping, type Mapping, messageOfRow } from './csv-mapping.ts';
import { createCheckpoint, createRejects, nameOf } from './import-files.ts';
import { legibleInLine } from './legible.ts';
import type { Ask } from './operations.ts';
import type { Progress } from './progress.ts';
import { messageOf, UsageError } from './settings.ts';

/** Rows sent together: a few commits' worth. */
const BATCH_ROWS = 1_000;

export interface ImportOptions {
  file: string;
  mapping: Mapping;
  /** Where rejected rows go, NDJSON. Default `<file>.rejected.ndjson`. */
  rejectFile: string;
  /** Show the first messages and what is wrong with them; store and write nothing. */
  dryRun: boolean;
  ask: Ask;
  progress: Progress;
  print: (text: string) => void;
  /** To stderr. */
  tell: (text: string) => void;
}

export interface ImportTotals {
  rows: number;
  accepted: number;
  duplicates: number;
  rejected: number;
  /** Rows that an interrupted import had done before. */
  resumedAt: number;
}

const DRY_ROWS = 3;

interface Row {
  row: number;
  values: Record<string, string>;
  message: JsonObject;
}

/** @throws UsageError for a file or mapping that cannot be used */
export async function importCsv(options: ImportOptions): Promise<ImportTotals> {
  const { file, mapping, ask, progress, print, tell } = options;
  if (!existsSync(file)) throw new UsageError(`there is no file ${file}`);
  const size = statSync(file).size;
  const name = nameOf(file, mapping);
  const checkpoint = options.dryRun ? null : createCheckpoint(file, [mapping], ask);
  const totals: ImportTotals = {
    rows: 0,
    accepted: 0,
    duplicates: 0,
    rejected: 0,
    resumedAt: (await checkpoint?.read()) ?? 0,
  };
  const rejects = options.dryRun ? null : createRejects(options.rejectFile, { append: totals.resumedAt > 0 });
  const input = createReadStream(file);
  const parser = input.pipe(
    parse({ columns: true, bom: true, skip_empty_lines: true, relax_column_count: true, info: true }),
  );
  input.on('error', (error) => parser.destroy(error));
  let waiting: Row[] = [];
  let checked = false;

  const reject = (row: number, code: string, reason: string, values: Record<string, string>): void => {
    totals.rejected++;
    if (rejects) rejects.write({ row, code, reason, values });
    else tell(`row ${row} would be rejected: ${legibleInLine(reason)}\n`);
  };
  const send = async (): Promise<void> => {
    const batch = waiting;
    waiting = [];
    if (batch.length > 0) {
      const { accepted, duplicates, rejected } = await ask('import', {
        messages: batch.map(({ message }) => message),
      });
      totals.accepted += accepted;
      totals.duplicates += duplicates;
      for (const { index, code, message } of rejected) {
        const source = batch[index];
        if (source) reject(source.row, code, message, source.values);
      }
    }
    await checkpoint?.write(totals.rows);
    progress.update(input.bytesRead, size, `${totals.rows.toLocaleString('en')} rows`);
  };

  try {
    for await (const { record: values } of parser as AsyncIterable<{ record: Record<string, string> }>) {
      if (!checked) checkMapping(mapping, Object.keys(values));
      checked = true;
      totals.rows++;
      if (totals.rows <= totals.resumedAt) continue;
      try {
        waiting.push({
          row: totals.rows,
          values,
          message: messageOfRow(mapping, values, totals.rows, name),
        });
      } catch (error) {
        reject(totals.rows, 'invalid_field', messageOf(error), values);
      }
      if (options.dryRun && totals.rows === DRY_ROWS) break;
      if (waiting.length >= BATCH_ROWS) await send();
    }
    if (!options.dryRun) await send();
  } catch (error) {
    if (isCsvError(error)) throw new UsageError(`${file} is not readable as CSV: ${error.message}`);
    throw error;
  } finally {
    rejects?.close();
  }
  if (options.dryRun) {
    for (const { message } of waiting) print(`${JSON.stringify(message, null, 2)}\n`);
    return totals;
  }
  progress.finish();
  await checkpoint?.remove();
  return totals;
}

function isCsvError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('CSV_');
}
