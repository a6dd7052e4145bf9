// The commands: flags in, exit code out.
// Invariant: a served file is worked on through the process that serves it; otherwise the command opens it.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Applied } from '../ingest/core.ts';
import { backup } from './backup.ts';
import { InvalidConfig } from './collector.ts';
import { type Command, drawOn, type Environment, type Flags, print, report, tell, text } from './command.ts';
import { doctor } from './doctor.ts';
import { exporting } from './export.ts';
import { COMMAND_HELP, HELP } from './help.ts';
import { importing } from './import.ts';
import { keys } from './keys.ts';
import { Locked } from './lock.ts';
import { createLog } from './log.ts';
import { restore } from './restore.ts';
import { serve } from './serve.ts';
import { messageOf, readConfigFile, readSettings, UsageError } from './settings.ts';
import { verify } from './verify.ts';
import { withOperations } from './with-operations.ts';

const COMMANDS: Record<string, Command> = {
  serve: {
    flags: {
      port: { type: 'string' },
      host: { type: 'string' },
      demo: { type: 'string' },
      config: { type: 'string' },
      'log-level': { type: 'string' },
      ip: { type: 'string' },
    },
    run(flags, settings) {
      const demo = text(flags.demo);
      return serve({
        settings,
        log: createLog({ level: settings.logLevel, isTerminal: process.stderr.isTTY === true, write: tell }),
        demo: demo === undefined ? null : resolve(demo),
        print,
        draw: drawOn(process.stdout),
        isTerminal: process.stdout.isTTY === true,
      });
    },
  },
  keys,
  apply: {
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
  },
  verify,
  import: importing,
  export: exporting,
  backup,
  restore,
  doctor,
};

function textOfApplied({ changed, deleted, retention }: Applied): string {
  const kept = Object.entries(retention).map(([event, term]) => `${JSON.stringify(event)} for ${term}`);
  const events = kept.length === 0 ? '' : `Events kept: ${kept.join(', ')}; all others for ever\n`;
  return `${changed} definitions created or changed, ${deleted} deleted\n${events}`;
}

const COMMON = {
  help: { type: 'boolean', short: 'h' },
  json: { type: 'boolean' },
  db: { type: 'string' },
} as const;

/** @returns the exit code */
export async function runCommand(argv: string[], environment: Environment): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    print(HELP);
    return name === undefined ? 1 : 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) {
    tell(`tidemark: there is no command "${name}"; there are ${Object.keys(COMMANDS).join(', ')}\n`);
    return 1;
  }
  try {
    const { values, positionals } = parseArgs({
      args: rest,
      options: { ...COMMON, ...command.flags },
      allowPositionals: command.positionals === true,
      strict: true,
    });
    const flags = values as Flags; // parseArgs answers by the options given to it
    if (flags.help === true) {
      print(COMMAND_HELP[name] ?? HELP);
      return 0;
    }
    const overrides = {
      port: text(flags.port),
      host: text(flags.host),
      db: text(flags.db),
      config: text(flags.config),
      logLevel: text(flags['log-level']),
      ip: text(flags.ip),
    };
    if ('judge' in command) return await command.judge(flags, environment, overrides);
    return await command.run(flags, readSettings(environment, overrides), positionals);
  } catch (error) {
    tell(`tidemark: ${messageOf(error)}\n`);
    const isExpected =
      error instanceof UsageError ||
      error instanceof InvalidConfig ||
      error instanceof Locked ||
      isParseArgs(error);
    if (!isExpected && error instanceof Error && environment.TIDEMARK_DEBUG) tell(`${error.stack}\n`);
    return 1;
  }
}

const isParseArgs = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
