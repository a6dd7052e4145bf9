// The commands: flags in, exit code out.
// Invariant: a served file is worked on through the process that serves it; otherwise the command opens it.
import { parseArgs } from 'node:util';
import { InvalidConfig } from './collector.ts';
import { type Command, type Environment, type Flags, print, tell, text } from './command.ts';
import { COMMAND_HELP, HELP } from './help.ts';
import { Locked } from './lock.ts';
import { messageOf, readSettings, UsageError } from './settings.ts';
import { VERSION } from './version.ts';

/** Each is loaded when it is asked for: what the others need would make a collector larger and its start slower. */
const COMMANDS: Record<string, () => Promise<Command>> = {
  serve: async () => (await import('./serve-command.ts')).serving,
  keys: async () => (await import('./keys.ts')).keys,
  apply: async () => (await import('./apply.ts')).apply,
  verify: async () => (await import('./verify.ts')).verify,
  import: async () => (await import('./import.ts')).importing,
  export: async () => (await import('./export.ts')).exporting,
  backup: async () => (await import('./backup.ts')).backup,
  restore: async () => (await import('./restore.ts')).restore,
  doctor: async () => (await import('./doctor.ts')).doctor,
};

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
  if (name === '--version' || name === '-v' || name === 'version') {
    print(`${VERSION}\n`);
    return 0;
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!load) {
    tell(`tidemark: there is no command "${name}"; there are ${Object.keys(COMMANDS).join(', ')}\n`);
    return 1;
  }
  try {
    const command = await load();
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
    tell(`tidemark: ${await wordsOf(error)}\n`);
    const isExpected =
      error instanceof UsageError ||
      error instanceof InvalidConfig ||
      error instanceof Locked ||
      isParseArgs(error);
    if (!isExpected && error instanceof Error && environment.TIDEMARK_DEBUG) tell(`${error.stack}\n`);
    return 1;
  }
}

async function wordsOf(error: unknown): Promise<string> {
  if (!(error instanceof Locked)) return messageOf(error);
  const { wordsOfLocked } = await import('./in-use.ts');
  return wordsOfLocked(error);
}

const isParseArgs = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
