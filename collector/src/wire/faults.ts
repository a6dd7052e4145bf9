// Turns what the schema library found wrong into faults a definition's author can act on.
// Invariant: every fault points at one place, and of a union only the branch that was meant is spoken of.
import type { z } from 'zod';

/** What is wrong and where: a JSON pointer relative to the definition, `""` for all of it. */
export interface Fault {
  pointer: string;
  message: string;
}

/** Deepest nesting of a definition's JSON: a condition tree of 30 levels takes 60. */
export const MAX_DEFINITION_DEPTH = 64;
/** Most values in one definition: 1,000 leaves, or a few full `in` lists. */
export const MAX_DEFINITION_NODES = 10_000;
/** Longest text anywhere in a definition, in characters. */
export const MAX_DEFINITION_TEXT_CHARS = 4_096;
/** Longest name of a field, in characters: a fault says it twice. */
const MAX_DEFINITION_NAME_CHARS = 1_024;
/** Past this many faults an author reads no further. */
const MAX_FAULTS = 50;

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** The first bound a definition breaks, found without recursion so that hostile nesting costs nothing. */
export function outOfBounds(json: unknown): Fault | undefined {
  let level: unknown[] = [json];
  let nodes = 0;
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEFINITION_DEPTH)
      return { pointer: '', message: `must not be nested more than ${MAX_DEFINITION_DEPTH} levels deep` };
    nodes += level.length;
    if (nodes > MAX_DEFINITION_NODES)
      return { pointer: '', message: `must not hold more than ${MAX_DEFINITION_NODES} values` };
    const below: unknown[] = [];
    for (const value of level) {
      if (typeof value === 'string' && value.length > MAX_DEFINITION_TEXT_CHARS)
        return { pointer: '', message: `must not hold a text over ${MAX_DEFINITION_TEXT_CHARS} characters` };
      if (typeof value !== 'object' || value === null) continue;
      const names = Array.isArray(value) ? [] : Object.keys(value);
      if (names.some((name) => name.length > MAX_DEFINITION_NAME_CHARS))
        return { pointer: '', message: `must not hold a name over ${MAX_DEFINITION_NAME_CHARS} characters` };
      for (const child of Object.values(value)) below.push(child);
    }
    level = below;
  }
  return undefined;
}

/** Faults of a failed parse of `root`, in the order found. */
export function faultsOf(issues: readonly Issue[], root: unknown): Fault[] {
  const faults: Fault[] = [];
  collect(issues, root, [], faults);
  return faults.slice(0, MAX_FAULTS);
}

function collect(issues: readonly Issue[], root: unknown, base: Path, faults: Fault[]): void {
  for (const issue of issues) {
    const path = [...base, ...issue.path];
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        faults.push({
          pointer: pointerOf([...path, key]),
          message: 'unknown field',
        });
      }
    } else if (issue.code === 'invalid_union') {
      collectUnion(issue, root, path, faults);
    } else {
      faults.push({ pointer: pointerOf(path), message: messageOf(issue, path, valueAt(root, path)) });
    }
  }
}

function collectUnion(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  root: unknown,
  path: Path,
  faults: Fault[],
): void {
  const value = valueAt(root, path);
  const branch = meantBranch(issue.errors, value);
  if (branch) {
    collect(branch, root, path, faults);
    return;
  }
  faults.push({
    pointer: pointerOf(path),
    message: value === undefined ? 'is required' : named(path, issue.message),
  });
}

/** The branch whose fields fit best; none when two fit equally well or the value is of another shape. */
function meantBranch(branches: readonly (readonly Issue[])[], value: unknown): readonly Issue[] | undefined {
  let best: readonly Issue[] | undefined;
  let least = Number.POSITIVE_INFINITY;
  let tied = false;
  for (const issues of branches) {
    const misfit = misfitOf(issues, value);
    if (misfit > least) continue;
    tied = misfit === least;
    least = misfit;
    best = issues;
  }
  return tied || least === Number.POSITIVE_INFINITY ? undefined : best;
}

/** How many of a branch's fields the value lacks, plus how many it has that the branch does not know. */
function misfitOf(issues: readonly Issue[], value: unknown): number {
  let misfit = 0;
  for (const issue of issues) {
    if (issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value'))
      return Number.POSITIVE_INFINITY;
    if (issue.path.length === 0 && issue.code === 'unrecognized_keys') misfit += issue.keys.length;
    else if (issue.path.length === 1 && valueAt(value, issue.path) === undefined) misfit++;
  }
  return misfit;
}

function messageOf(issue: Issue, path: Path, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      return value === undefined ? 'is required' : named(path, `must be ${article(issue.expected)}`);
    case 'invalid_value':
      if (value === undefined) return `is required: one of ${issue.values.map(String).join(', ')}`;
      return named(path, `must be one of ${issue.values.map(String).join(', ')}`);
    case 'too_small':
      return named(
        path,
        issue.origin === 'string'
          ? 'must not be empty'
          : issue.origin === 'array'
            ? `must have at least ${countOf(issue.minimum, path)}`
            : `must be at least ${issue.minimum}`,
      );
    case 'too_big':
      return named(
        path,
        issue.origin === 'string'
          ? `must have at most ${issue.maximum} characters`
          : issue.origin === 'array'
            ? `must have at most ${countOf(issue.maximum, path)}`
            : `must be at most ${issue.maximum}`,
      );
    case 'custom':
      // A bare "must ..." or "is ..." leaves out what; other texts stand for themselves.
      return /^(must|is) /.test(issue.message) ? named(path, issue.message) : issue.message;
    default:
      return value === undefined ? 'is required' : named(path, issue.message);
  }
}

/** "op must be ...": the field's own name before what it must be. */
function named(path: Path, message: string): string {
  const field = path.at(-1);
  return typeof field === 'string' ? `${field} ${message}` : message;
}

const ARTICLES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
};

function article(expected: string): string {
  return ARTICLES[expected] ?? expected;
}

function valueAt(root: unknown, path: Path): unknown {
  let at = root;
  for (const step of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined;
    at = (at as Record<PropertyKey, unknown>)[step]; // own property, checked above
  }
  return at;
}

function pointerOf(path: Path): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** "at least one question", by the field's own name where that is a plural. */
function countOf(count: number | bigint, path: Path): string {
  const one = /^(question|option|label|language|feature|term)s$/.exec(String(path.at(-1)))?.[1] ?? 'value';
  return Number(count) === 1 ? `${one === 'value' ? '1' : 'one'} ${one}` : `${count} ${one}s`;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A name as a part of a JSON pointer (RFC 6901). */
export function pointerPart(field: string): string {
  return field.replaceAll('~', '~0').replaceAll('/', '~1');
}
