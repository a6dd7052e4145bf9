// What `doctor` says of the definitions file: what `serve` and `apply` would, in the database that it is for.
// Invariant: changes nothing.
import { existsSync } from 'node:fs';
import { bucketOf } from '../ingest/bucket.ts';
import { createDefinitionBook } from '../ingest/definition-book.ts';
import { readFacts } from '../storage/sqlite/inspect.ts';
import type { Fault } from '../wire/definitions.ts';
import { InvalidConfig, parseConfig } from './collector.ts';
import { type Finding, fail, ok } from './finding.ts';
import { messageOf, readConfigFile, type Settings } from './settings.ts';

export function checkDefinitions(settings: Settings): Finding {
  const { configFile } = settings;
  if (configFile === undefined) return ok('definitions', 'no definitions file; those made by the API hold');
  try {
    const faults = faultsIn(readConfigFile(configFile), settings);
    if (faults.length > 0) throw new InvalidConfig(faults);
    return ok('definitions', configFile);
  } catch (error) {
    return fail('definitions', messageOf(error), 'mend the file: serve does not start with it');
  }
}

/** A definition may refer to others of the file, and to those made by the API. */
function faultsIn(config: unknown, { database, timezone }: Settings): Fault[] {
  const stored = storedDefinitions(database);
  if (stored === 'unreadable') return [];
  // Only what is applied is numbered by what has expired.
  const book = createDefinitionBook(stored, { zone: timezone, bucketOf, expiries: 0 });
  return book.faultsOfFile(parseConfig(config));
}

/** Why a file cannot be read is for the checks of the file to say. */
function storedDefinitions(database: string): Parameters<typeof createDefinitionBook>[0] | 'unreadable' {
  if (database === ':memory:' || !existsSync(database)) return undefined;
  try {
    return readFacts(database).get('definitions');
  } catch {
    return 'unreadable';
  }
}
