import fc from 'fast-check';
import { expect, it } from 'vitest';
import { snapshot } from './snapshot.ts';

it('makes plain JSON of what JSON alone could not carry', () => {
  const loop: Record<string, unknown> = { name: 'loop' };
  loop.self = loop;
  const sibling = { n: 1 };
  const value = {
    big: 12n,
    date: new Date(0),
    bad: new Date(Number.NaN),
    nan: Number.NaN,
    call: () => 1,
    list: [1, undefined, Symbol('x')],
    loop,
    twice: [sibling, sibling],
    url: new URL('http://x/'),
    get throws(): string {
      throw new Error('no');
    },
    json: { toJSON: () => ({ a: 1n }) },
    badJson: {
      toJSON() {
        throw new Error('no');
      },
    },
  };
  expect(snapshot(value)).toEqual({
    big: '12',
    date: '1970-01-01T00:00:00.000Z',
    bad: null,
    nan: null,
    list: [1, null, null],
    loop: { name: 'loop', self: '[Circular]' },
    twice: [{ n: 1 }, { n: 1 }],
    url: 'http://x/',
    json: { a: '1' },
  });
});

it('does not throw at any depth', () => {
  let deep: unknown = 'bottom';
  for (let i = 0; i < 100_000; i++) deep = { deep };
  expect(() => JSON.stringify(snapshot(deep))).not.toThrow();
});

it('is JSON’s own copy for everything that is JSON', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      expect(JSON.stringify(snapshot(value))).toBe(JSON.stringify(value));
    }),
  );
});
