// Rows of people: what is written is read back, and so is what earlier versions wrote.
import { expect, it } from 'vitest';
import { JsonBytes } from './json-bytes.ts';
import type { LeafState } from './leaf.ts';
import { activityOf, decodePerson, emptyPerson, type PersonState, writePerson } from './person-state.ts';
import type { Stamp } from './stamp.ts';
import { traitsOf, writeTraits } from './trait-bag.ts';

const T = Date.parse('2026-06-10T12:00:00Z');

const somebody = (): PersonState => ({
  ...emptyPerson(7, 3, 'ada'),
  eventCount: 2,
  firstSeen: T - 5,
  lastSeen: T,
  last: [T, 'm2', 0],
  groups: new Map([['acme', 4]]),
  leaves: new Map([
    [12, { a: 2 }],
    [3, { b: [{ e: [T - 5, T] }, { f: T - 9, t: T - 7, n: 70, a: 70 }] }],
  ]),
  members: new Set([11, 9]),
  dues: new Map([
    [11, T + 60_000],
    [-3, T + 30_000],
  ]),
  due: T + 30_000,
});
const rowOf = (person: PersonState): string => new TextDecoder().decode(writePerson(new JsonBytes(), person));
const read = (text: string): PersonState => decodePerson({ id: 7, text, built: 3, due: T + 30_000 }, 'ada');

it('reads what it wrote', () => {
  const person = somebody();
  expect(read(rowOf(person))).toEqual(person);
  expect(read(rowOf({ ...person, anonymous: true }))).toEqual({ ...person, anonymous: true });
  expect(read(rowOf(emptyPerson(7, 3, 'ada'))).leaves.size).toBe(0);
});

it('keeps no more of long message ids than are of use', () => {
  const person = somebody();
  const stamp = (i: number): Stamp => [T + i, `${i} ${'x'.repeat(500)}`, 0];
  const keys = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`k${i}`, i]));
  writeTraits(person.traits, keys, stamp(0));
  let longest = 0;
  for (let i = 1; i <= 3_000; i++) {
    writeTraits(person.traits, { k7: i }, stamp(i));
    if (i % 100 === 0) longest = Math.max(longest, rowOf(person).length);
    // As from its row: what there is of old ids is counted anew.
    if (i % 300 === 0) person.traits = read(rowOf(person)).traits;
  }
  expect(longest).toBeLessThan(300_000);
  expect(traitsOf(person.traits)).toMatchObject({ k7: 3_000, k8: 8 });
});

it('reads rows with objects where lists are now', () => {
  const text = `[2,${T - 5},${T},[${T},"m2",0],{"v":{},"s":[]},[["acme",4]],
    {"3":{"b":[{"d":[${T - 5},5]},{"f":${T - 9},"t":${T - 7},"n":70,"a":70}]},"12":{"a":2}},
    [11,9],{"11":${T + 60_000},"-3":${T + 30_000}},[]]`;
  expect(read(text)).toEqual(somebody());
  expect(read(rowOf(read(text)))).toEqual(somebody());
});

it('writes a row as JSON does, whatever is in it', () => {
  const person = somebody();
  const ada = {
    name: 'Ada "the first"',
    email: 'ada@x.example',
    7: [1, { deep: 'é' }],
    '': null,
    __proto__x: true,
  };
  writeTraits(person.traits, ada, [T, 'm1', 0]);
  writeTraits(person.traits, { name: null, 'k\n': 0.5 }, [T, 'm2', 1]);
  writeTraits(person.traits, JSON.parse('{"__proto__":{"a":1}}'), [T, 'm3', 1]);
  person.leaves.set(4, { b: [{ e: [[T, 'x', 'm1', 0]] }] });
  person.leaves.set(5, { b: [], w: undefined } as unknown as LeafState); // as nothing else sets it
  person.leaves.set(6, {});
  person.leaves.set(8, { d: { n: 3 }, k: [2, 900] } as unknown as LeafState); // any plain data
  person.lists = [3, 1];
  const leaves = [
    [12, { a: 2 }],
    [3, { b: [{ d: [T - 5, 5] }, { f: T - 9, t: T - 7, n: 70, a: 70 }] }],
    [4, { b: [{ e: [[T, 'x', 'm1', 0]] }] }],
    [5, { b: [] }],
    [6, {}],
    [8, { d: { n: 3 }, k: [2, 900] }],
  ];
  const dues = [11, T + 60_000, -3, T + 30_000];
  const row = [2, T - 5, T, person.last, person.traits, [['acme', 4]], leaves.flat(), [11, 9], dues, [3, 1]];
  expect(rowOf(person)).toBe(JSON.stringify(row));
  expect(rowOf({ ...person, anonymous: true })).toBe(JSON.stringify([...row, 1]));
  expect(rowOf(emptyPerson(7, 3, 'ada'))).toBe('[0,null,null,null,{"v":{},"s":[]},[],[],[],[],[]]');
});

it('reads what somebody did from the beginning of a row', () => {
  const person = {
    ...somebody(),
    eventCount: Number.MAX_SAFE_INTEGER,
    firstSeen: -(10 ** 14),
    lastSeen: 10 ** 14,
  };
  const activity = { eventCount: person.eventCount, firstSeen: -(10 ** 14), lastSeen: 10 ** 14 };
  for (const row of [rowOf(person), writePerson(new JsonBytes(), person)])
    expect(activityOf(row)).toEqual(activity);
  const nothing = { eventCount: 0, firstSeen: null, lastSeen: null };
  expect(activityOf(writePerson(new JsonBytes(), emptyPerson(7, 3, 'ada')))).toEqual(nothing);
});
