import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  type DefinitionKind,
  OPS,
  parseDefinition,
  parseDefinitionFile,
  segmentSchema,
} from './definitions.ts';

/** `pointer message` of every fault; empty when the definition is right. */
function faults(kind: DefinitionKind, json: unknown): string[] {
  const result = parseDefinition(kind, json);
  return result.ok ? [] : result.faults.map((fault) => `${fault.pointer} ${fault.message}`);
}

const A_DATE = 'an ISO 8601 date (YYYY-MM-DD, optionally Thh:mm[:ss[.fff]] and Z or an offset)';

const leaf = (op: string, value?: unknown) => ({
  where: { trait: 'plan', op, ...(value === undefined ? {} : { value }) },
});

describe('right definitions', () => {
  it.each([
    { type: 'count', event: 'Order Completed', within: '30d' },
    {
      type: 'sum',
      event: '*',
      property: 'cart.total',
      where: { path: 'properties.currency', op: 'eq', value: 'EUR' },
    },
    {
      type: 'most_frequent',
      event: '$page',
      property: 'path',
      minCount: 2,
      expose: 'public',
      name: 'Favourite',
    },
    { type: 'last_seen', event: 'Order*', within: { from: '2026-01-01', to: '2026-01-01' } },
  ])('trait %j', (definition) => {
    expect(parseDefinition('traits', definition)).toEqual({ ok: true, value: definition });
  });

  it('a segment with every leaf of this version', () => {
    const definition = {
      name: 'All leaves',
      expose: 'verified',
      where: {
        all: [
          {
            any: [
              { trait: 'email', op: 'exists' },
              { trait: 'age', op: 'gte', value: '18' },
            ],
          },
          { not: { computed: 'orders', op: 'in', value: [1, 'two', true] } },
          { event: 'Order Completed', count: { op: 'eq', value: 0 }, within: '7d' },
          { event: '$page', where: { not: { all: [{ path: 'name', op: 'starts_with', value: 'H' }] } } },
          { segment: 'buyers' },
          { trait: 'seen', op: 'within_last', value: '5d' },
          { trait: 'born', op: 'before', value: '2000-01-01' },
        ],
      },
    };
    expect(parseDefinition('segments', definition)).toEqual({ ok: true, value: definition });
  });
});

describe('faults', () => {
  it('point at the place, deep in the tree', () => {
    expect(
      faults('segments', {
        where: {
          all: [
            { trait: 'a', op: 'eq', value: 1 },
            { trait: 'b', op: 'is', value: 2 },
          ],
        },
      }),
    ).toEqual([`/where/all/1/op op must be one of ${OPS.join(', ')}`]);
  });

  it('name a missing field by its own pointer', () => {
    expect(faults('segments', {})).toEqual(['/where is required']);
    expect(faults('segments', leaf('eq'))).toEqual(['/where/value value is required']);
    expect(faults('segments', { where: { trait: 'plan' } })).toEqual([
      `/where/op is required: one of ${OPS.join(', ')}`,
    ]);
    expect(faults('traits', { event: 'x' })).toEqual(['/type is required']);
    expect(faults('traits', { type: 'count' })).toEqual(['/event is required']);
    expect(faults('traits', { type: 'sum', event: 'x' })).toEqual(['/property is required']);
    expect(faults('traits', { type: 'count', event: 'x', within: { from: '2026-01-01' } })).toEqual([
      '/within/to is required',
    ]);
  });

  it('name the limit of a list of values', () => {
    const value = Array.from({ length: 1_001 }, (_, i) => i);
    expect(faults('segments', { where: { trait: 'n', op: 'in', value } })).toEqual([
      '/where/value value must be text, a number, true/false or a list of at most 1,000 of them',
    ]);
  });

  it('name unknown fields, one fault each', () => {
    expect(faults('traits', { type: 'count', event: 'x', property: 'y', 'a/b~c': 1 })).toEqual([
      '/property unknown field',
      '/a~1b~0c unknown field',
    ]);
    expect(faults('segments', { where: { event: 'x', cuont: 1 } })).toEqual(['/where/cuont unknown field']);
  });

  it('say what an unknown shape could have been', () => {
    const message =
      'must have exactly one of all, any, not, trait, computed, event, sequence, first, segment, bucket, survey, group';
    expect(faults('segments', { where: { all: [{}, 5, { op: 'eq', value: 1 }] } })).toEqual(
      [0, 1, 2].map((i) => `/where/all/${i} ${message}`),
    );
    expect(faults('segments', null)).toEqual([' must be an object']);
    expect(faults('traits', [])).toEqual([' must be an object']);
  });

  it.each([
    ['eq', [1], 'must be text, a number or true/false for eq'],
    ['eq', null, 'is required'],
    ['eq', {}, 'must be text, a number or true/false'],
    ['gt', 'soon', `must be a number, a numeric text or ${A_DATE} for gt`],
    ['lte', true, `must be a number, a numeric text or ${A_DATE} for lte`],
    ['contains', 5, 'must be text for contains'],
    ['in', 'a', 'must be a list for in'],
    ['not_in', 3, 'must be a list for not_in'],
    ['exists', 1, 'is not used by exists'],
    ['before', 5, `must be ${A_DATE} for before`],
    ['after', '2026-02-30', `must be ${A_DATE} for after`],
    // Dates that messages may have, but that no comparison reads.
    ['before', '2026-06-01 00:00', `must be ${A_DATE} for before`],
    ['after', '2026-06-01t00:00z', `must be ${A_DATE} for after`],
    ['gte', '2026-06-01 00:00', `must be a number, a numeric text or ${A_DATE} for gte`],
    ['within_last', '30', 'must be a duration such as "30d" for within_last'],
    ['includes', [1], 'must be text, a number or true/false for includes'],
  ])('%s refuses %j', (op, value, message) => {
    expect(faults('segments', leaf(op, value))).toEqual([`/where/value value ${message}`]);
  });

  it.each([
    ['gt', 5],
    ['gt', '-1.5e3'],
    ['lt', '2026-06-10T12:00Z'],
    ['not_in', []],
    ['not_exists', null],
    ['within_next', '2w'],
    ['neq', false],
  ])('%s takes %j', (op, value) => {
    expect(faults('segments', leaf(op, value))).toEqual([]);
  });

  it('check counts and ranges', () => {
    expect(faults('segments', { where: { event: 'x', count: { op: 'in', value: -1 } } })).toEqual([
      '/where/count/op op must be one of eq, neq, gt, gte, lt, lte',
      '/where/count/value value must be at least 0',
    ]);
    expect(
      faults('traits', { type: 'count', event: 'x', within: { from: '2026-02-01', to: '2026-01-01' } }),
    ).toEqual(['/within/to to must not be before from']);
    // A message may be dated so; a range read by another reader than the engine's would match nothing.
    const loose = { from: '2026-06-01 00:00', to: '2026-07-01' };
    expect(faults('traits', { type: 'count', event: 'x', within: loose })).toEqual([
      `/within/from from must be ${A_DATE}`,
    ]);
    expect(faults('traits', { type: 'count', event: 'x', within: '1 month' })).toEqual([
      '/within within must be a duration such as "30d" (s m h d w)',
    ]);
  });

  it('check sequences step by step', () => {
    const sequence = (...steps: unknown[]) => faults('segments', { where: { sequence: steps } });
    const a = { event: 'a' };
    expect(sequence(a)).toEqual(['/where/sequence sequence must have at least 2 values']);
    expect(sequence({ ...a, within: '1d' }, a)).toEqual([
      '/where/sequence/0/within within is not used by the first step: it has none before it',
    ]);
    const absent = { absent: a, within: '1d' };
    expect(sequence(a, absent, a)).toEqual(['/where/sequence/1 an absent step must come last']);
    expect(sequence(absent, a)).toEqual(['/where/sequence/0 an absent step must come last']);
    expect(sequence(a, { absent: a })).toEqual(['/where/sequence/1/within is required']);
    expect(sequence(a, { ...a, within: { from: '2026-01-01', to: '2026-01-02' } })).toEqual([
      '/where/sequence/1/within within must be text',
    ]);
    expect(sequence(a, a, absent)).toEqual([]);
  });

  it('check the other leaves', () => {
    const where = (leaf: unknown) => faults('segments', { where: leaf });
    expect(where({ first: 'a' })).toEqual(['/where/within is required']);
    expect(where({ bucket: { salt: 's', from: 50, to: 50 } })).toEqual([
      '/where/bucket/to to must be greater than from',
    ]);
    expect(where({ bucket: { salt: 's', from: 0, to: 101 } })).toEqual([
      '/where/bucket/to to must be at most 100',
    ]);
    expect(where({ survey: 'nps', op: 'eq', value: 1 })).toEqual(['/where/question is required']);
    expect(where({ group: { any: [{ trait: 'plan', op: 'is', value: 1 }] } })).toEqual([
      `/where/group/any/0/op op must be one of ${OPS.join(', ')}`,
    ]);
    expect(where({ trait: 'a', op: 'eq', value: 1, for: 'a week' })).toEqual([
      '/where/for for must be a duration such as "30d" (s m h d w)',
    ]);
    expect(where({ group: { not: { trait: 'plan', op: 'exists' } } })).toEqual([]);
  });

  it('tell lists from conditions', () => {
    expect(faults('segments', { static: true, name: 'Friends' })).toEqual([]);
    expect(faults('segments', { where: { all: [] }, static: true })).toEqual(['/where unknown field']);
    expect(faults('segments', { static: false })).toEqual(['/static static must be one of true']);
  });

  it('hand on what is wrong with a formula', () => {
    expect(faults('traits', { type: 'formula', expression: 'a + ' })).toEqual([
      '/expression expected a number, a key or "(", found the end (at character 4)',
    ]);
    expect(faults('traits', { type: 'formula' })).toEqual(['/expression is required']);
    expect(faults('traits', { type: 'formula', expression: 'a', event: 'x' })).toEqual([
      '/event unknown field',
    ]);
  });
});

describe('bounds', () => {
  it('refuses nesting, size and text without walking on', () => {
    let deep: unknown = { trait: 'a', op: 'exists' };
    for (let i = 0; i < 100_000; i++) deep = { not: deep };
    expect(faults('segments', { where: deep })).toEqual([' must not be nested more than 64 levels deep']);
    const wide = { where: { all: Array.from({ length: 10_000 }, () => ({ segment: 'a' })) } };
    expect(faults('segments', wide)).toEqual([' must not hold more than 10000 values']);
    expect(faults('segments', leaf('eq', 'x'.repeat(5_000)))).toEqual([
      ' must not hold a text over 4096 characters',
    ]);
    expect(faults('segments', { where: { ...leaf('eq', 1).where, ['x'.repeat(1_025)]: 1 } })).toEqual([
      ' must not hold a name over 1024 characters',
    ]);
  });

  it('never throws, and every pointer leads into the definition or to a field it lacks', () => {
    const json = fc.oneof(
      fc.jsonValue(),
      fc.record({ where: fc.jsonValue() }),
      fc.record({ type: fc.jsonValue() }),
    );
    fc.assert(
      fc.property(fc.constantFrom<DefinitionKind>('traits', 'segments', 'surveys'), json, (kind, value) => {
        const result = parseDefinition(kind, value);
        if (!result.ok) {
          expect(result.faults.length).toBeGreaterThan(0);
          for (const { pointer } of result.faults)
            expect(pointer === '' || pointer.startsWith('/')).toBe(true);
        }
      }),
    );
  });
});

describe('parseDefinitionFile', () => {
  it('takes any order and either section alone', () => {
    const file = {
      segments: { buyers: { where: { computed: 'orders', op: 'gte', value: 1 } } },
      traits: { orders: { type: 'count', event: 'Order Completed' } },
    };
    expect(parseDefinitionFile(file)).toEqual({ ok: true, value: file });
    expect(parseDefinitionFile({})).toEqual({ ok: true, value: {} });
  });

  it('points from its own top', () => {
    const result = parseDefinitionFile({
      traits: { Loud: {}, ok: { type: 'x' } },
      segments: [],
      surveys: { Loud: {} },
      triats: {},
    });
    expect(result.ok ? [] : result.faults.map((fault) => fault.pointer)).toEqual([
      '/triats',
      '/traits/Loud',
      '/traits/ok/type',
      '/segments',
      '/surveys/Loud',
    ]);
  });
});

it('the schema describes itself for OpenAPI, recursion included', () => {
  const schema = JSON.stringify(z.toJSONSchema(segmentSchema));
  expect(schema).toContain('"$ref":"#/$defs/Condition"');
  expect(schema).toContain('within_next');
});
