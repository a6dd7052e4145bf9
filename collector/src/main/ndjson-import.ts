// `tidemark import FILE`: NDJSON in Segment's shape, of an export or of anybody's dump.
// Invariant: interrupted and started again it goes on; lines reach the collector in their order.
import { createReadStream, existsSync, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { JsonValue } from '../wire/message.ts';
import { readRecord } from '../wire/transfer.ts';
import { createCheckpoint, createRejects } from './import-files.ts';
import { type Line, MAX_LINE_BYTES, readLines } from './line-reader.ts';
import type { Ask } from './operations.ts';
import type { Progress } from './progress.ts';
import { UsageError } from './settings.ts';

/** Lines sent together, and characters of them: a served collector parses them between two slices of others. */
const BATCH_LINES = 500;
const BATCH_CHARS = 1024 * 1024;

export interface NdjsonSource {
  /** Path, or null for stdin. */
  file: string | null;
  input: Readable & { bytesRead?: number };
  lines: AsyncIterator<Line>;
  /** The first line, read already. */
  first: Line | undefined;
}

export interface NdjsonTotals {
  /** Lines that are not blank. */
  lines: number;
  accepted: number;
  duplicates: number;
  /** Lines beside messages: definitions, merges, lists. */
  records: number;
  rejected: number;
  /** Lines that an interrupted import had done before. */
  resumedAt: number;
  notes: string[];
}

export interface NdjsonOptions {
  source: NdjsonSource;
  rejectFile: string;
  ask: Ask;
  progress: Progress;
  /** Nothing is stored, and how far it is not remembered. */
  dryRun: boolean;
}

/** @throws UsageError for a file that is not there or no NDJSON */
export async function openNdjson(file: string | null): Promise<NdjsonSource> {
  if (file !== null && !existsSync(file)) throw new UsageError(`there is no file ${file}`);
  const input = file === null ? process.stdin : createReadStream(file);
  const lines = readLines(input);
  const { value: first } = await lines.next();
  if (typeof first === 'string' && !/^\uFEFF?\s*($|\{)/.test(first))
    throw new UsageError(
      `${file ?? 'stdin'} is no NDJSON: each line must be a JSON object; for CSV take --csv FILE`,
    );
  return { file, input, lines, first: first as Line | undefined };
}

/** The key of the file that an export comes from, for a database that is made for it. */
export function idKeyOf({ first }: NdjsonSource): string | undefined {
  const item = typeof first === 'string' ? parsed(first) : undefined;
  const read = item !== undefined && isObject(item) ? readRecord(item) : null;
  return read?.ok && read.record.type === 'tidemark.export' ? read.record.idKey : undefined;
}

interface Numbered {
  line: number;
  item: JsonValue;
}

export async function importNdjson(options: NdjsonOptions): Promise<NdjsonTotals> {
  const { source, ask, progress, dryRun } = options;
  const checkpoint = source.file === null || dryRun ? null : createCheckpoint(source.file, ['ndjson'], ask);
  const size = source.file === null ? 0 : statSync(source.file).size;
  const totals: NdjsonTotals = {
    lines: 0,
    accepted: 0,
    duplicates: 0,
    records: 0,
    rejected: 0,
    resumedAt: (await checkpoint?.read()) ?? 0,
    notes: [],
  };
  const rejects = dryRun ? null : createRejects(options.rejectFile, { append: totals.resumedAt > 0 });
  let waiting: Numbered[] = [];
  let chars = 0;
  let number = 0;
  let isExport = false;
  let hasEnded = false;

  const reject = (line: number, code: string, reason: string, message: JsonValue): void => {
    totals.rejected++;
    rejects?.write({ line, code, reason, message });
  };
  const send = async (): Promise<void> => {
    const batch = waiting;
    waiting = [];
    chars = 0;
    if (batch.length > 0) {
      const done = await ask('import-lines', { lines: batch.map(({ item }) => item) });
      totals.accepted += done.accepted;
      totals.duplicates += done.duplicates;
      totals.records += done.taken + done.known;
      totals.notes.push(...done.notes);
      for (const { index, code, message } of done.rejected) {
        const of = batch[index];
        if (of) reject(of.line, code, message, of.item);
      }
    }
    await checkpoint?.write(number);
    progress.update(source.input.bytesRead ?? 0, size, `${totals.lines.toLocaleString('en')} lines`);
  };

  try {
    for await (const line of remaining(source)) {
      number++;
      const text = line === null ? null : number === 1 ? line.replace(/^\uFEFF/, '') : line;
      if (text !== null && text.trim() === '') continue;
      totals.lines++;
      if (text?.startsWith('{"type":"tidemark.export"')) isExport = true;
      if (text?.startsWith('{"type":"tidemark.end"')) hasEnded = true;
      if (number <= totals.resumedAt) continue;
      const item = text === null ? undefined : parsed(text);
      if (text === null)
        reject(number, 'message_too_large', `the line is longer than ${MAX_LINE_BYTES} bytes`, null);
      else if (item === undefined) reject(number, 'invalid_json', 'the line is not valid JSON', text);
      else {
        waiting.push({ line: number, item });
        chars += text.length;
      }
      if (waiting.length >= BATCH_LINES || chars >= BATCH_CHARS) await send();
    }
    await send();
    progress.finish();
  } catch (error) {
    if (!isDamagedGzip(error)) throw error;
    await send();
    throw new UsageError(
      `${source.file ?? 'stdin'} is damaged or cut off after line ${number}: ${error.message}`,
    );
  } finally {
    rejects?.close();
  }
  if (isExport && !hasEnded)
    throw new UsageError(
      `${source.file ?? 'stdin'} has no last line "tidemark.end": it was cut off; what it holds is imported`,
    );
  await checkpoint?.remove();
  return totals;
}

async function* remaining({ first, lines }: NdjsonSource): AsyncGenerator<Line> {
  if (first !== undefined) yield first;
  for (let next = await lines.next(); !next.done; next = await lines.next()) yield next.value;
}

function parsed(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue; // JSON.parse gives nothing else
  } catch {
    return undefined;
  }
}

const isObject = (value: JsonValue): value is { [key: string]: JsonValue } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isDamagedGzip(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && /^Z_/.test(String(error.code));
}
