// What is skimmed out of a message against the message parsed whole.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../wire/message.ts';
import { createLeaf } from './leaf.ts';
import { createSkim, pathsOf, pick } from './skim.ts';
import { readPath } from './values.ts';

const name = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    'properties',
    'price',
    '0',
    '1',
    'ä',
    'a"b',
    'a\\',
    '\\"',
    '',
    'toString',
    '\u0001',
  ),
  fc.string({ maxLength: 3 }),
);
const value = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(
      fc.string(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.constant(null),
    ),
    fc.constantFrom('"', '\\', '\\\\"', '}{', '],[', 'a\\"b', '\u2028', '\ud83d\ude00'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(name, tie('value'), { maxKeys: 4 }),
  ),
})).value;
const body = fc.dictionary(name, value, { maxKeys: 5 }) as fc.Arbitrary<JsonObject>;

/** Every place there is in a value, and some that are not. */
function placesIn(at: JsonValue, before: string[] = []): string[][] {
  if (at === null || typeof at !== 'object') return [before, [...before, 'no']];
  const below = Object.entries(at).flatMap(([key, inner]) => placesIn(inner as JsonValue, [...before, key]));
  return [before, [...before, 'no'], ...below];
}

describe('skimming', () => {
  it('reads every path as the whole message does', () => {
    fc.assert(
      fc.property(body, fc.infiniteStream(fc.nat()), (drawn, picks) => {
        const text = JSON.stringify(drawn);
        const whole = JSON.parse(text) as JsonObject;
        const places = placesIn(whole).filter((place) => place.length > 0);
        const paths = Array.from(
          { length: 4 },
          () => places[(picks.next().value as number) % places.length] ?? ['no'],
        );
        const skimmed = createSkim(paths)(text);
        for (const path of paths) expect(readPath(skimmed, path)).toEqual(readPath(whole, path));
      }),
      { numRuns: 2_000 },
    );
  });

  it('leaves out what nobody asks for', () => {
    const text = '{"event":"E","properties":{"price":1,"name":"x"},"context":{"a":[1,{"b":2}]}}';
    expect(createSkim([['properties', 'price']])(text)).toEqual({ properties: { price: 1 } });
    expect(createSkim([])(text)).toEqual({});
  });

  it('parses what is written otherwise', () => {
    const text = ' { "properties" : { "price" : 1 } } ';
    expect(createSkim([['properties', 'price']])(text)).toEqual({ properties: { price: 1 } });
    const odd = '{"__proto__":{"a":1}}';
    expect(readPath(createSkim([['__proto__', 'a']])(odd), ['__proto__', 'a'])).toBe(1);
  });
});

describe('picking', () => {
  it('keeps every path as it is read from the whole message, and nothing beside', () => {
    fc.assert(
      fc.property(body, fc.infiniteStream(fc.nat()), (drawn, picks) => {
        const places = placesIn(drawn).filter((place) => place.length > 0);
        const paths = Array.from(
          { length: 4 },
          () => places[(picks.next().value as number) % places.length] ?? ['no'],
        );
        const picked = pick(drawn, paths);
        for (const path of paths) expect(readPath(picked, path)).toEqual(readPath(drawn, path));
        for (const key of Object.keys(picked)) expect(paths.map(([first]) => first)).toContain(key);
      }),
      { numRuns: 2_000 },
    );
  });

  it('leaves out what nobody asks for, however its name', () => {
    const odd = JSON.parse('{"__proto__":{"a":1,"b":2},"c":{"d":{"e":1}},"f":[{"g":1}]}') as JsonObject;
    const paths = [
      ['__proto__', 'a'],
      ['c', 'x'],
      ['f', '0', 'h'],
    ];
    expect(JSON.stringify(pick(odd, paths))).toBe('{"__proto__":{"a":1},"f":[{"g":1}]}');
    expect(pick(odd, [])).toEqual({});
  });
});

describe('what leaves look at', () => {
  const where = { all: [{ path: 'a.b', op: 'eq', value: 1 }, { not: { path: 'c', op: 'exists' } }] } as const;
  it('is named by their conditions', () => {
    const aggregate = {
      kind: 'aggregate',
      event: 'E',
      where,
      aggregate: 'sum',
      property: 'x.y',
      reach: 'ever',
    };
    expect(pathsOf(createLeaf(1, aggregate as never, []))).toEqual([
      ['a', 'b'],
      ['c'],
      ['properties', 'x', 'y'],
    ]);
    const sequence = [{ event: 'E', where: { path: 'd', op: 'exists' } }, { absent: { event: 'F', where } }];
    expect(pathsOf(createLeaf(1, { kind: 'sequence', sequence, reach: 'ever' } as never, []))).toEqual([
      ['d'],
      ['a', 'b'],
      ['c'],
    ]);
  });
});
