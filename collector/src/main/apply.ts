// `tidemark apply`: the definitions of a file into a database.
// Invariant: nothing changes unless every definition in the file is right.
import { resolve } from 'node:path';
import type { Applied } from '../ingest/core.ts';
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

function textOfApplied({ changed, deleted, retention }: Applied): string {
  const kept = Object.entries(retention).map(([event, term]) => `${JSON.stringify(event)} for ${term}`);
  const events = kept.length === 0 ? '' : `Events kept: ${kept.join(', ')}; all others for ever\n`;
  return `${changed} definitions created or changed, ${deleted} deleted\n${events}`;
}
