// The options of the command-line tools in this folder: each with its check, and --help.
// Invariant: a tool goes on only with options it understands; else it says what is wrong, shows its help and the
// exit code is 2.
import { parseArgs } from 'node:util';

type Typed = string | boolean | (string | boolean)[] | undefined;

interface Option<T> {
  type: 'string' | 'boolean';
  /** @param typed undefined where the option is not there */
  read(typed: Typed): T;
  accepts(value: T): boolean;
  /** What a value must be, as "--name must be ..." goes on. */
  mustBe: string;
}

type Options = Record<string, Option<unknown>>;
type Values<O extends Options> = { [Name in keyof O]: O[Name] extends Option<infer T> ? T : never };

export type Understood<O extends Options> = { values: Values<O> } | { fault: string } | 'help';

/** True if it is there. */
export const flag: Option<boolean> = {
  type: 'boolean',
  read: (typed) => typed === true,
  accepts: () => true,
  mustBe: '',
};

function numeric<Fallback>(
  fallback: () => Fallback,
  accepts: (value: number) => boolean,
  mustBe: string,
): Option<number | Fallback> {
  return {
    type: 'string',
    read: (typed) => (typed === undefined ? fallback() : Number(typed)),
    accepts: (value) => typeof value !== 'number' || accepts(value),
    mustBe,
  };
}

/** @param fallback what it is where it is not there */
export const aboveZero = <Fallback>(fallback: Fallback): Option<number | Fallback> =>
  numeric(
    () => fallback,
    (value) => value > 0,
    'a number above 0',
  );

/** @param fallback what it is where it is not there */
export const wholeAboveZero = (fallback: number): Option<number> =>
  numeric(
    () => fallback,
    (value) => value > 0 && Number.isSafeInteger(value),
    'a whole number above 0',
  );

/** A new one each time where it is not there. */
export const drawnSeed: Option<number> = numeric(
  () => Math.floor(Math.random() * 2 ** 31),
  Number.isSafeInteger,
  'a whole number',
);

/** What was typed, or what is wrong with it. */
export function understand<O extends Options>(argv: readonly string[], options: O): Understood<O> {
  const names = Object.entries(options);
  let typed: Record<string, Typed>;
  try {
    typed = parseArgs({
      args: [...argv],
      options: {
        ...Object.fromEntries(names.map(([name, { type }]) => [name, { type }])),
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) };
  }
  if (typed.help === true) return 'help';
  const values = names.map(([name, option]) => [name, option.read(typed[name])] as const);
  const wrong = values.find(([name, value]) => options[name]?.accepts(value) === false);
  if (wrong) return { fault: `--${wrong[0]} must be ${options[wrong[0]]?.mustBe}.` };
  return { values: Object.fromEntries(values) as Values<O> }; // one value an option, each as it was read
}

/**
 * What this tool was told.
 * @param help what --help prints, and what follows the line that says what is wrong
 */
export function toolOptions<O extends Options>(help: string, options: O): Values<O> {
  const understood = understand(process.argv.slice(2), options);
  if (understood === 'help') {
    console.log(help);
    process.exit(0);
  }
  if ('fault' in understood) {
    console.error(`${understood.fault}\n\n${help}`);
    process.exit(2);
  }
  return understood.values;
}
