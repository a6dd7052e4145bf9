// Reads out of a stored message only what some leaves look at: parsing all of it is most of what a fold costs.
// Invariant: every path given is read from the outcome as it is from the whole message parsed; what else the
// outcome holds says nothing.
import type { Where } from '../wire/definitions.ts';
import type { JsonObject, JsonValue } from '../wire/message.ts';
import type { Leaf } from './leaf.ts';

export type Path = readonly string[];

/** What survey answers are read from. */
const OF_ANSWERS: readonly Path[] = [
  ['surveyId'],
  ['submissionId'],
  ['answers'],
  ['properties'],
  ['userId'],
  ['anonymousId'],
];

/** What the latest surveys and submissions are read from. */
const OF_RECENT: readonly Path[] = [['surveyId'], ['submissionId'], ['status'], ['properties']];

/** The places in a message's body that the leaf looks at, each with all below it. */
export function pathsOf({ spec }: Leaf): Path[] {
  switch (spec.kind) {
    case 'aggregate':
      return [
        ...pathsIn(spec.where),
        ...(spec.property === undefined ? [] : [['properties', ...spec.property.split('.')]]),
      ];
    case 'sequence':
      return spec.sequence.flatMap((step) => pathsIn('absent' in step ? step.absent.where : step.where));
    case 'hold':
      return [['traits']];
    case 'answer':
      return [...OF_ANSWERS];
    case 'recent':
      return [...OF_RECENT];
  }
}

function pathsIn(where: Where | undefined): Path[] {
  if (where === undefined) return [];
  if ('path' in where) return [where.path.split('.')];
  if ('not' in where) return pathsIn(where.not);
  return ('all' in where ? where.all : where.any).flatMap(pathsIn);
}

/** What is at those paths, and nothing else, as `readPath` finds it there. */
export function pick(body: JsonObject, paths: readonly Path[]): JsonObject {
  return picked(body, wantedOf(paths));
}

function picked(from: JsonObject, wanted: Wanted): JsonObject {
  const members = wanted.flatMap(({ name, inner }): [string, JsonValue][] => {
    if (!Object.hasOwn(from, name)) return [];
    const value = from[name] as JsonValue; // its own
    if (inner === null || typeof value !== 'object' || value === null || Array.isArray(value))
      return [[name, value]];
    const below = picked(value, inner);
    return Object.keys(below).length > 0 ? [[name, below]] : [];
  });
  // Its own even where the name is that of a prototype.
  return Object.fromEntries(members);
}

/** A member to look for; `key` is its name as JSON writes it. */
interface Member {
  key: string;
  name: string;
  /** What is wanted of it; null stands for all. */
  inner: Wanted | null;
}
type Wanted = Member[];

const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const COLON = 58;
const OPEN_LIST = 91;
const CLOSE_LIST = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

/** Nothing is left to look for. */
const DONE = -1;

class Unexpected extends Error {
  override readonly name = 'Unexpected';
}

/**
 * Reads `paths` out of texts that `JSON.stringify` wrote. Where a text looks otherwise, all of it is parsed;
 * one that is no JSON object is not noticed as such.
 */
export function createSkim(paths: readonly Path[]): (text: string) => JsonObject {
  const wanted = wantedOf(paths);
  // Assigned, that name would be no member.
  if (paths.flat().includes('__proto__')) return parseWhole;
  return (text) => {
    try {
      const found: JsonObject = {};
      readMembers(text, 0, wanted, found, true);
      return found;
    } catch (error) {
      if (error instanceof Unexpected) return parseWhole(text);
      throw error;
    }
  };
}

const parseWhole = (text: string): JsonObject => JSON.parse(text) as JsonObject; // a stored message is an object

function wantedOf(paths: readonly Path[]): Wanted {
  const wanted: Wanted = [];
  for (const path of paths) {
    let at: Wanted = wanted;
    for (const [i, name] of path.entries()) {
      const key = JSON.stringify(name).slice(1, -1);
      const inner = i === path.length - 1 ? null : [];
      let member = at.find((known) => known.key === key);
      if (!member) {
        member = { key, name, inner };
        at.push(member);
      }
      // What is wanted whole holds everything below it.
      if (inner === null) member.inner = null;
      if (member.inner === null) break;
      at = member.inner;
    }
  }
  return wanted;
}

/** The member whose name stands between `from` and `to`: most names differ in their length already. */
function memberAt(text: string, from: number, to: number, wanted: Wanted): Member | undefined {
  for (const member of wanted)
    if (member.key.length === to - from && text.startsWith(member.key, from)) return member;
  return undefined;
}

/** Reads members of the object at `start` into `found`. `isLast`: nothing is wanted behind it. */
function readMembers(
  text: string,
  start: number,
  wanted: Wanted,
  found: JsonObject,
  isLast: boolean,
): number {
  expect(text, start, OPEN_OBJECT);
  let missing = wanted.length;
  let at = start + 1;
  if (text.charCodeAt(at) === CLOSE_OBJECT) return at + 1;
  for (;;) {
    expect(text, at, QUOTE);
    const end = endOfString(text, at);
    const member = memberAt(text, at + 1, end - 1, wanted);
    expect(text, end, COLON);
    at = end + 1;
    if (!member) at = endOfValue(text, at);
    else {
      missing--;
      at = readMember(text, at, member, found, isLast && missing === 0);
      if (at === DONE) return DONE;
    }
    if (missing === 0 && isLast) return DONE;
    const next = text.charCodeAt(at);
    if (next === CLOSE_OBJECT) return at + 1;
    expect(text, at, COMMA);
    at++;
  }
}

function readMember(
  text: string,
  at: number,
  { name, inner }: Member,
  found: JsonObject,
  isLast: boolean,
): number {
  if (inner && text.charCodeAt(at) === OPEN_OBJECT) {
    const below: JsonObject = {};
    found[name] = below;
    return readMembers(text, at, inner, below, isLast);
  }
  const end = endOfValue(text, at);
  found[name] = JSON.parse(text.slice(at, end)) as JsonValue; // JSON.parse gives nothing else
  return end;
}

function expect(text: string, at: number, code: number): void {
  if (text.charCodeAt(at) !== code)
    throw new Unexpected(`character ${at} is not ${String.fromCharCode(code)}`);
}

/** Behind the closing quote of the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at > 0; at = text.indexOf('"', at + 1)) {
    let slash = at - 1;
    while (text.charCodeAt(slash) === BACKSLASH) slash--;
    if ((at - slash) % 2 === 1) return at + 1;
  }
  throw new Unexpected('a string without an end');
}

/** Behind the value that begins at `start`. */
function endOfValue(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === QUOTE) return endOfString(text, start);
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at) - 1;
    else if (code === OPEN_OBJECT || code === OPEN_LIST) depth++;
    else if (code === CLOSE_OBJECT || code === CLOSE_LIST) {
      if (depth === 0) return at;
      if (--depth === 0) return at + 1;
    } else if (code === COMMA && depth === 0) return at;
  }
  throw new Unexpected('a value without an end');
}
