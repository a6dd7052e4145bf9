// What becomes of values that JSON cannot hold.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SnapshotFault, snapshot } from './snapshot.ts';

describe('snapshot', () => {
  it('turns what JSON lacks into text or leaves it out', () => {
    const day = new Date('2026-01-02T03:04:05.678Z');
    expect(
      snapshot({
        day,
        big: 12345678901234567890n,
        nan: Number.NaN,
        broken: new Date(Number.NaN),
        gone: undefined,
        fn: () => 1,
        list: [undefined, () => 1, 2n, day],
        boxed: [new String('a'), new Number(1), new Boolean(false)],
        url: new URL('http://x/'),
        map: new Map([[1, 2]]),
      }),
    ).toEqual({
      day: '2026-01-02T03:04:05.678Z',
      big: '12345678901234567890',
      nan: null,
      broken: null,
      list: [null, null, '2', '2026-01-02T03:04:05.678Z'],
      boxed: ['a', 1, false],
      url: 'http://x/',
      map: {},
    });
  });

  it('marks circles, and only circles', () => {
    const shared = { a: 1 };
    const circular: Record<string, unknown> = { one: shared, two: shared };
    circular.self = circular;
    circular.list = [circular];
    expect(snapshot(circular)).toEqual({
      one: { a: 1 },
      two: { a: 1 },
      self: '[Circular]',
      list: ['[Circular]'],
    });
  });

  it('leaves out what throws when it is read', () => {
    const fail = (): never => {
      throw new Error('no');
    };
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const value = {
      kept: 1,
      get thrown() {
        return fail();
      },
      inner: Object.defineProperty({ b: 2 }, 'c', { enumerable: true, get: fail }),
      sour: { toJSON: fail },
      half: Object.defineProperty({ d: 3 }, 'toJSON', { get: fail }),
      keys: new Proxy({}, { ownKeys: fail }),
      proxy,
    };
    expect(snapshot(value)).toEqual({ kept: 1, inner: { b: 2 }, half: { d: 3 } });
  });

  it('asks toJSON once, as JSON does', () => {
    const endless = { toJSON: () => ({ ...endless, n: 1 }) };
    expect(snapshot({ endless })).toEqual(JSON.parse(JSON.stringify({ endless })));
  });

  it('drops __proto__ and leaves prototypes alone', () => {
    const copy = snapshot(JSON.parse('{"__proto__":{"userId":"x"},"a":1}')) as { userId?: string };
    expect(copy).toEqual({ a: 1 });
    expect(copy.userId).toBeUndefined();
  });

  it('refuses what is too deep or fans out without end', () => {
    const deep: Record<string, unknown> = {};
    let at = deep;
    for (let i = 0; i < 100_000; i++) {
      at.in = {};
      at = at.in as Record<string, unknown>;
    }
    expect(() => snapshot(deep)).toThrow(new SnapshotFault('invalid_field', 'nested deeper than 200 levels'));
    let wide: unknown = 'x';
    for (let i = 0; i < 60; i++) wide = [wide, wide];
    expect(() => snapshot(wide)).toThrow(SnapshotFault);
  });

  it('equals what JSON makes of any JSON value, and shares nothing with it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        // That key is dropped on purpose, here and by the collector.
        fc.pre(!JSON.stringify(value).includes('__proto__'));
        const copy = snapshot(value);
        expect(JSON.stringify(copy)).toBe(JSON.stringify(value));
        if (typeof value === 'object' && value !== null) expect(copy).not.toBe(value);
      }),
    );
  });

  it('always answers something JSON can write, or a SnapshotFault', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      withBoxedValues: true,
      withNullPrototype: true,
      withObjectString: true,
    });
    fc.assert(
      fc.property(anything, (value) => {
        const copy = snapshot(value);
        const text = JSON.stringify(copy) as string | undefined;
        if (text !== undefined) expect(snapshot(JSON.parse(text))).toEqual(JSON.parse(text));
      }),
      { numRuns: 500 },
    );
  });
});
