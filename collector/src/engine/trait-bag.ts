// Declared traits of a person or a group: last writer wins per key by message order.
// Invariant: the result depends on the set of writes only, not on the order they arrive in; a key
// that was unset keeps its stamp, so that a late older write cannot bring it back.
import type { JsonObject, JsonValue } from '../wire/message.ts';
import type { JsonBytes } from './json-bytes.ts';
import { compareStamps, type Stamp } from './stamp.ts';

/** A value and the index of its write in `s`; null is an unset key. */
type Entry = [JsonValue, number];

export interface TraitBag {
  v: Record<string, Entry>;
  /** Stamps shared by the keys that one message wrote. */
  s: Stamp[];
}

export const emptyBag = (): TraitBag => ({ v: Object.create(null), s: [] });

/** Writes the bag as it is: JSON of `TraitBag`. */
export function writeBag(to: JsonBytes, { v, s }: TraitBag): void {
  let between = '{"v":{';
  for (const key in v) {
    to.raw(between);
    between = ',';
    to.text(key);
    to.raw(':');
    to.value(v[key]);
  }
  to.raw(between === ',' ? '},"s":' : '{"v":{},"s":');
  to.list(s);
  to.raw('}');
}

/** Applies one message's traits; returns the keys whose value changed. */
export function writeTraits(bag: TraitBag, traits: JsonObject, stamp: Stamp): string[] {
  const known = sizes.get(bag);
  if (known !== undefined) sizes.set(bag, known + growthBy(bag, traits, stamp));
  const changed: string[] = [];
  let index = -1;
  for (const key of Object.keys(traits)) {
    const held = bag.v[key];
    if (held && isNewer(bag, held, stamp)) continue;
    if (index < 0) index = bag.s.push(stamp) - 1;
    const value = traits[key] as JsonValue;
    if (!held || !isSame(held[0], value)) changed.push(key);
    bag.v[key] = [value, index];
  }
  if (index >= 0) dropUnusedStamps(bag);
  return changed;
}

const isNewer = (bag: TraitBag, held: Entry, stamp: Stamp): boolean =>
  compareStamps(bag.s[held[1]] as Stamp, stamp) > 0;

/** Sizes of bags that were asked for, kept up with what is written since: counting a large one takes milliseconds. */
const sizes = new WeakMap<TraitBag, number>();

/**
 * What the bag's row takes, in characters: each key ever set, its value (null once unset) and the id of the message
 * that set it. One that set many keys counts for each, so that the size is a sum over keys.
 */
export function sizeOf(bag: TraitBag): number {
  let size = sizes.get(bag);
  if (size !== undefined) return size;
  size = 0;
  for (const key of Object.keys(bag.v)) size += sizeOfEntry(bag, key);
  sizes.set(bag, size);
  return size;
}

/** What a message would add to the bag's size; negative where it makes it smaller. */
export function growthBy(bag: TraitBag, traits: JsonObject, stamp: Stamp): number {
  let growth = 0;
  for (const key of Object.keys(traits)) {
    const held = bag.v[key];
    if (held && isNewer(bag, held, stamp)) continue;
    growth += sizeOfTrait(key, traits[key] as JsonValue, stamp) - (held ? sizeOfEntry(bag, key) : 0);
  }
  return growth;
}

function sizeOfEntry({ v, s }: TraitBag, key: string): number {
  const [value, index] = v[key] as Entry; // the caller has it from the bag
  return sizeOfTrait(key, value, s[index] as Stamp);
}

const sizeOfTrait = (key: string, value: JsonValue, [, messageId]: Stamp): number =>
  JSON.stringify(key).length + JSON.stringify(value).length + messageId.length;

function isSame(a: JsonValue, b: JsonValue): boolean {
  if (a === b) return true;
  return typeof a === 'object' && typeof b === 'object' && JSON.stringify(a) === JSON.stringify(b);
}

/** Characters of message ids that may pile up before a sweep, beside as many as were of use at the last one. */
const MAX_UNUSED_CHARS = 64 * 1024;

/** Characters of message ids in a bag, and the most before the next sweep. */
const idChars = new WeakMap<TraitBag, { now: number; most: number }>();

const charsOf = (stamps: readonly Stamp[]): number => stamps.reduce((sum, [, id]) => sum + id.length, 0);

/**
 * Stamps pile up as keys are rewritten; sweep once there may be twice as many as keys. Looked at each time their
 * number has doubled: counting the keys at every message would make a bag of 100,000 keys dear to write to. Long
 * message ids are swept sooner.
 */
function dropUnusedStamps(bag: TraitBag): void {
  const chars = idChars.get(bag) ?? { now: charsOf(bag.s.slice(0, -1)), most: MAX_UNUSED_CHARS };
  chars.now += (bag.s[bag.s.length - 1] as Stamp)[1].length; // the one just added
  idChars.set(bag, chars);
  const isMuch = chars.now > chars.most;
  const isPowerOfTwo = (bag.s.length & (bag.s.length - 1)) === 0;
  if (bag.s.length < 8 || !(isPowerOfTwo || isMuch)) return;
  const held = Object.values(bag.v);
  if (!isMuch && bag.s.length <= 2 * held.length) return;
  const used = new Map<number, number>();
  const stamps: Stamp[] = [];
  for (const pair of held) {
    let index = used.get(pair[1]);
    if (index === undefined) {
      index = stamps.push(bag.s[pair[1]] as Stamp) - 1;
      used.set(pair[1], index);
    }
    pair[1] = index;
  }
  bag.s = stamps;
  const now = charsOf(stamps);
  idChars.set(bag, { now, most: 2 * now + MAX_UNUSED_CHARS });
}

/** One key's value; undefined when unset. */
export function traitOf(bag: TraitBag, key: string): JsonValue | undefined {
  return bag.v[key]?.[0] ?? undefined;
}

/** The traits as people see them, keys sorted, unset ones left out. */
export function traitsOf(bag: TraitBag): JsonObject {
  const traits: JsonObject = {};
  for (const key of Object.keys(bag.v).sort()) {
    const value = traitOf(bag, key);
    if (value !== undefined) traits[key] = value;
  }
  return traits;
}

/** Bags read back from JSON get no prototype, so that a trait named `constructor` is only a trait. */
export function restoreBag(bag: TraitBag): TraitBag {
  return { v: Object.assign(Object.create(null), bag.v), s: bag.s };
}
