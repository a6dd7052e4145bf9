// `tidemark export`: everything as NDJSON, of one instant, while the collector goes on.
// Invariant: streamed with bounded memory; a file has its name only when it is whole and on disk.
import { once } from 'node:events';
import { createWriteStream, existsSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { createCore } from '../ingest/create-core.ts';
import { flush } from '../storage/sqlite/copy.ts';
import { readInstant } from '../wire/instant.ts';
import { refuseOwnFiles, requireDatabase } from './backup.ts';
import { type Command, type Flags, progressOf, report, text } from './command.ts';
import { untilSignal } from './interrupt.ts';
import { legible } from './legible.ts';
import { existsAlready, partialName, publish } from './new-file.ts';
import { type Settings, UsageError } from './settings.ts';
import { cannotWrite } from './system-error.ts';

export const exporting: Command = {
  flags: {
    since: { type: 'string' },
    'messages-only': { type: 'boolean' },
    force: { type: 'boolean' },
  },
  positionals: true,
  run: runExport,
};

interface ExportOptions {
  since: number | null;
  onlyMessages: boolean;
}

interface Target {
  out: Writable;
  /** What it is called when it cannot be written. */
  name: string;
}

interface Exported {
  messages: number;
  /** Lines beside messages. */
  records: number;
}

async function runExport(flags: Flags, settings: Settings, [name = '-', ...rest]: string[]): Promise<number> {
  if (rest.length > 0) throw new UsageError('export takes one file to write, or - for stdout');
  requireDatabase(settings.database);
  const options = { since: sinceOf(text(flags.since)), onlyMessages: flags['messages-only'] === true };
  if (name === '-') {
    if (flags.json === true) throw new UsageError('with --json the export needs a file to go to');
    await writeTo({ out: process.stdout, name: 'stdout' }, settings, options, null);
    return 0;
  }
  const file = resolve(name);
  const force = flags.force === true;
  refuseOwnFiles(file, settings.database);
  if (!force && existsSync(file)) throw existsAlready(file);
  const partial = partialName(file);
  try {
    const done = await untilSignal(async (signal) => {
      const stream = createWriteStream(partial, { flags: 'wx', mode: 0o600 });
      // Made only now: what fails before that would be cleared away before it is there.
      await once(stream, 'open').catch((error: Error) => {
        throw cannotWrite(file, error);
      });
      const exported = await writeTo({ out: stream, name: file }, settings, options, signal);
      await new Promise<void>((ended, failed) => {
        stream.end((error?: Error | null) => (error ? failed(cannotWrite(file, error)) : ended()));
      });
      return exported;
    });
    flush(partial);
    publish(partial, file, { replace: force });
    const { messages } = done;
    report(flags, { file, ...done }, `${file}: ${messages.toLocaleString('en')} messages\n`);
    return 0;
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}

function sinceOf(value: string | undefined): number | null {
  if (value === undefined) return null;
  const since = readInstant(value);
  if (since === undefined)
    throw new UsageError(`--since must be an ISO 8601 time such as "2026-11-24T12:00:00Z"; it is "${value}"`);
  return since;
}

/** @throws UsageError when it cannot be written, with the system's error as its cause */
async function writeTo(
  { out, name }: Target,
  { database, now }: Settings,
  options: ExportOptions,
  signal: AbortSignal | null,
): Promise<Exported> {
  const progress = progressOf('Exporting');
  // The same JSON, but a terminal shows what it would obey.
  const shown = out === process.stdout && process.stdout.isTTY ? legible : (line: string) => line;
  const failed = new AbortController();
  // A full disk, or a reader that has gone.
  out.on('error', (error) => failed.abort(cannotWrite(name, error)));
  // Whoever waits is told that it was aborted, not why.
  const waited = (work: Promise<unknown>) =>
    work.catch((error: unknown) => {
      failed.signal.throwIfAborted();
      throw error;
    });
  const core = await createCore({ database, now: () => now ?? Date.now(), readOnly: true });
  const exported: Exported = { messages: 0, records: 0 };
  try {
    const total = await core.stored();
    for await (const line of core.transfer(options)) {
      signal?.throwIfAborted();
      failed.signal.throwIfAborted();
      if (String(line.type).startsWith('tidemark.')) exported.records++;
      else exported.messages++;
      if (!out.write(`${shown(JSON.stringify(line))}\n`))
        await waited(once(out, 'drain', { signal: failed.signal }));
      progress.update(exported.messages, total, `${exported.messages.toLocaleString('en')} messages`);
    }
    // The last lines may fail after all of them were handed over.
    await waited(
      new Promise<void>((written, unwritten) => {
        out.write('', (error) => (error ? unwritten(error) : written()));
      }),
    );
    progress.finish();
  } finally {
    await core.close();
  }
  return exported;
}
