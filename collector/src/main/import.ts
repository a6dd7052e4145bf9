// `tidemark import`: which file in which shape, and what became of it.
// Invariant: exit code 0 only if every row was taken, 2 if some were rejected.
import { resolve } from 'node:path';
import { type Command, type Flags, print, progressOf, report, tell, text } from './command.ts';
import { importCsv } from './csv-import.ts';
import { type Mapping, parseMap, readMappingFile } from './csv-mapping.ts';
import { refuseRejectFile } from './import-files.ts';
import { legibleInLine } from './legible.ts';
import { lookThrough } from './look-through.ts';
import { idKeyOf, importNdjson, openNdjson } from './ndjson-import.ts';
import type { Ask } from './operations.ts';
import { type Settings, UsageError } from './settings.ts';
import { importSurveyFile } from './survey-import.ts';
import { withOperations } from './with-operations.ts';

export const importing: Command = {
  flags: {
    csv: { type: 'string' },
    map: { type: 'string', multiple: true },
    mapping: { type: 'string' },
    type: { type: 'string' },
    event: { type: 'string' },
    timestamp: { type: 'string' },
    time: { type: 'string' },
    'message-id': { type: 'string' },
    rejects: { type: 'string' },
    'dry-run': { type: 'boolean' },
    surveys: { type: 'string' },
    from: { type: 'string' },
    replace: { type: 'boolean' },
  },
  positionals: true,
  run(flags, settings, words) {
    if (text(flags.surveys) !== undefined) return runSurveys(flags, settings, words);
    for (const flag of ['from', 'replace'])
      if (flags[flag] !== undefined) throw new UsageError(`--${flag} is for --surveys FILE`);
    return text(flags.csv) === undefined ? runNdjson(flags, settings, words) : runCsv(flags, settings, words);
  },
};

async function runSurveys(flags: Flags, settings: Settings, words: string[]): Promise<number> {
  if (words.length > 0) throw new UsageError(`import --surveys FILE takes no more files: ${words.join(' ')}`);
  const { configFile: _file, ...without } = settings;
  return importSurveyFile({
    flags,
    operate: (work) => withOperations(without, work),
    report: (result, shown) => report(flags, result, shown),
    tell,
  });
}

const never: Ask = () => Promise.reject(new Error('a dry run stores nothing'));

async function runNdjson(flags: Flags, settings: Settings, [name, ...rest]: string[]): Promise<number> {
  if (name === undefined || rest.length > 0)
    throw new UsageError(
      'import takes FILE, or - for stdin, or --csv FILE; `tidemark import --help` shows how',
    );
  for (const flag of ['map', 'mapping', 'type', 'event', 'timestamp', 'time', 'message-id'])
    if (flags[flag] !== undefined) throw new UsageError(`--${flag} is for --csv FILE`);
  const file = name === '-' ? null : resolve(name);
  const rejectFile = resolve(text(flags.rejects) ?? `${file ?? 'stdin'}.rejected.ndjson`);
  const source = await openNdjson(file);
  refuseRejectFile(rejectFile, file, settings.database);
  const dryRun = flags['dry-run'] === true;
  const work = (ask: Ask) =>
    importNdjson({
      source,
      rejectFile,
      ask,
      progress: progressOf(dryRun ? 'Looking through' : 'Importing'),
      dryRun,
    });
  const idKey = idKeyOf(source);
  const totals = dryRun
    ? await work(lookThrough())
    : await withOperations(settings, work, idKey === undefined ? {} : { idKey });
  const { lines, accepted, duplicates, records, rejected, resumedAt, notes } = totals;
  for (const note of notes) tell(`note: ${legibleInLine(note)}\n`);
  const number = (n: number) => n.toLocaleString('en');
  const resumed = resumedAt > 0 ? `, going on after line ${number(resumedAt)}` : '';
  const kept = rejected > 0 && !dryRun ? `; the rejected lines are in ${rejectFile}` : '';
  const stored = dryRun ? 'would be stored unless known' : 'stored';
  const known = dryRun ? '' : `, ${number(duplicates)} known already`;
  report(
    flags,
    totals,
    `${number(lines)} lines${resumed}: ${number(accepted)} messages ${stored}${known}, ` +
      `${number(records)} other lines, ${number(rejected)} rejected${kept}\n`,
  );
  if (dryRun) tell('A dry run: nothing was stored.\n');
  return rejected === 0 ? 0 : 2;
}

async function runCsv(flags: Flags, settings: Settings, words: string[]): Promise<number> {
  const file = text(flags.csv) as string; // asked for by whoever calls this
  if (words.length > 0) throw new UsageError(`import --csv FILE takes no more files: ${words.join(' ')}`);
  const mappingFile = text(flags.mapping);
  const fromFile = mappingFile === undefined ? {} : readMappingFile(resolve(mappingFile));
  const maps = Array.isArray(flags.map) ? flags.map.map(parseMap) : [];
  const mapping: Mapping = {
    type: text(flags.type) ?? fromFile.type ?? 'track',
    event: text(flags.event) ?? fromFile.event ?? null,
    map: [...(fromFile.map ?? []), ...maps],
    timestamp: text(flags.timestamp) ?? fromFile.timestamp ?? null,
    time: text(flags.time) ?? fromFile.time ?? null,
    messageId: text(flags['message-id']) ?? fromFile.messageId ?? null,
  };
  const path = resolve(file);
  const rejectFile = resolve(text(flags.rejects) ?? `${path}.rejected.ndjson`);
  refuseRejectFile(rejectFile, path, settings.database);
  const progress = progressOf('Importing');
  const options = {
    file: path,
    mapping,
    rejectFile,
    dryRun: flags['dry-run'] === true,
    progress,
    print,
    tell,
  };
  const totals = options.dryRun
    ? await importCsv({ ...options, ask: never })
    : await withOperations(settings, (ask) => importCsv({ ...options, ask }));
  if (options.dryRun) {
    tell('A dry run: nothing was stored.\n');
    return totals.rejected === 0 ? 0 : 2;
  }
  const { rows, accepted, duplicates, rejected, resumedAt } = totals;
  const resumed = resumedAt > 0 ? `, going on after row ${resumedAt.toLocaleString('en')}` : '';
  const kept = rejected > 0 ? `; the rejected rows are in ${rejectFile}` : '';
  report(
    flags,
    totals,
    `${rows.toLocaleString('en')} rows${resumed}: ${accepted} stored, ${duplicates} known already, ${rejected} rejected${kept}\n`,
  );
  return rejected === 0 ? 0 : 2;
}
