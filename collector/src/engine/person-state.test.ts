// Rows of people: what is written is read back, and so is what earlier versions wrote.
import { expect, it } from 'vitest';
import { decodePerson, emptyPerson, encodeState, type PersonState } from './person-state.ts';

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
const read = (text: string): PersonState => decodePerson({ id: 7, text, built: 3, due: T + 30_000 }, 'ada');

it('reads what it wrote', () => {
  const person = somebody();
  expect(read(encodeState(person))).toEqual(person);
  expect(read(encodeState({ ...person, anonymous: true }))).toEqual({ ...person, anonymous: true });
  expect(read(encodeState(emptyPerson(7, 3, 'ada'))).leaves.size).toBe(0);
});

it('reads rows with objects where lists are now', () => {
  const text = `[2,${T - 5},${T},[${T},"m2",0],{"v":{},"s":[]},[["acme",4]],
    {"3":{"b":[{"d":[${T - 5},5]},{"f":${T - 9},"t":${T - 7},"n":70,"a":70}]},"12":{"a":2}},
    [11,9],{"11":${T + 60_000},"-3":${T + 30_000}},[]]`;
  expect(read(text)).toEqual(somebody());
  expect(read(encodeState(read(text)))).toEqual(somebody());
});
