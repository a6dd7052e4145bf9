// `tidemark apply`: the definitions of a file into a database.
// Invariant: nothing changes unless every definition in the file is right.
import { resolve } from 'node:path';
import type { Applied, AppliedDefinition } from '../ingest/core.ts';
import type { DefinitionKind } from '../wire/definitions.ts';
import { type Command, report } from './command.ts';
import { readConfigFile, UsageError } from './settings.ts';
import { withOperations } from './with-operations.ts';

export const apply: Command = {
  flags: {},
  positionals: true,
  async run(flags, settings, [file, ...rest]) {
    const path = file ?? settings.configFile;
    if (path === undefined || rest.length > 0)
      throw new UsageError('apply takes one definitions file: tidemark apply definitions.json');
    const config = readConfigFile(resolve(path));
    const { configFile: _file, ...without } = settings;
    const result = await withOperations(without, (ask) => ask('apply', { config }));
    report(flags, result, textOfApplied(result));
    return 0;
  },
};

/** Definitions told one by one: more fill the screen, and are told by --json. */
const MAX_TOLD = 50;

/** For people: what became of each definition, and which events are kept how long. */
export function textOfApplied({ changed, deleted, definitions, retention }: Applied): string {
  const lines = definitions.slice(0, MAX_TOLD).map(lineOf);
  if (definitions.length > MAX_TOLD)
    lines.push(`  and ${definitions.length - MAX_TOLD} more, which --json lists\n`);
  const kept = Object.entries(retention).map(([event, term]) => `${JSON.stringify(event)} for ${term}`);
  const events = kept.length === 0 ? '' : `Events kept: ${kept.join(', ')}; all others for ever\n`;
  return `${changed} definitions created or changed, ${deleted} deleted\n${lines.join('')}${events}`;
}

const ONE: Record<DefinitionKind, string> = { traits: 'trait', segments: 'segment', surveys: 'survey' };

function lineOf({ kind, key, change, takenOver }: AppliedDefinition): string {
  const said = change === 'same' ? 'as it was' : change;
  const until = takenOver
    ? "; made through the API, it is the file's from now on and goes once the file names it no more"
    : '';
  return `  ${ONE[kind]} ${key}: ${said}${until}\n`;
}
