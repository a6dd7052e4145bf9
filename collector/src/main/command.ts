// What every command has in common: its flags, where it writes, how it reports.
// Invariant: results go to stdout, all else to stderr, so that --json output stays clean; no text of others reaches
// a terminal as something to obey.
import { legible } from './legible.ts';
import { createPeopleProgress, createProgress, type PeopleProgress, type Progress } from './progress.ts';
import type { Overrides, Settings } from './settings.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
export type Flags = Record<string, string | boolean | string[] | undefined>;

interface Accepts {
  flags: Record<string, { type: 'string' | 'boolean'; multiple?: boolean; short?: string }>;
  positionals?: boolean;
}

/** Each resolves with the exit code: 0 only on success. */
export type Command = Accepts &
  (
    | { run(flags: Flags, settings: Settings, words: string[]): Promise<number> }
    /** For settings that may be wrong. */
    | { judge(flags: Flags, environment: Environment, overrides: Overrides): Promise<number> }
  );

export const print = (text: string): void => void process.stdout.write(legible(text));
export const tell = (text: string): void => void process.stderr.write(legible(text));
/** For bars, which move the cursor: our own words alone. */
export const drawOn =
  (stream: NodeJS.WriteStream) =>
  (text: string): void =>
    void stream.write(text);
export const text = (value: Flags[string]): string | undefined =>
  typeof value === 'string' ? value : undefined;

/** The result for machines with --json, else in words. */
export function report(flags: Flags, result: unknown, words: string): void {
  print(flags.json === true ? `${JSON.stringify(result)}\n` : words);
}

const isTerminal = (): boolean => process.stderr.isTTY === true;

export const progressOf = (title: string): Progress =>
  createProgress({ title, isTerminal: isTerminal(), write: drawOn(process.stderr) });

export const peopleProgressOf = (title: string): PeopleProgress =>
  createPeopleProgress({ title, isTerminal: isTerminal(), write: drawOn(process.stderr) });

const MB = 1_000_000;
export const megabytes = (bytes: number): string =>
  `${(bytes / MB).toLocaleString('en', { maximumFractionDigits: bytes < 10 * MB ? 1 : 0 })} MB`;
