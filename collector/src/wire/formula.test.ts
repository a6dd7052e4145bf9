// Formulas: what they mean, and what is said about broken ones.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluateFormula, parseFormula } from './formula.ts';

function value(text: string, inputs: Record<string, number | null> = {}): number | null {
  const parsed = parseFormula(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return evaluateFormula(parsed.expression, (key) => inputs[key] ?? null);
}

function fault(text: string): string {
  const parsed = parseFormula(text);
  return parsed.ok ? 'no fault' : parsed.message;
}

describe('a formula', () => {
  it('keeps the order of operations', () => {
    expect(value('1 + 2 * 3')).toBe(7);
    expect(value('(1 + 2) * 3')).toBe(9);
    expect(value('10 - 4 - 3')).toBe(3);
    expect(value('100 / 10 / 5')).toBe(2);
    expect(value('-2 * -3 - -1')).toBe(7);
    expect(value('- - 2')).toBe(2);
    expect(value('1.5e2 + .5')).toBe(150.5);
  });

  it('reads keys bare or in brackets', () => {
    expect(value('revenue / orders', { revenue: 90, orders: 4 })).toBe(22.5);
    expect(value('[revenue.total] - [7-day] + [min]', { 'revenue.total': 9, '7-day': 2, min: 1 })).toBe(8);
    const parsed = parseFormula('a + [b.c] * a - max([max], 1)');
    expect(parsed.ok && parsed.keys).toEqual(['a', 'b.c', 'max']);
  });

  it('is null with a missing input, except inside coalesce', () => {
    expect(value('a + 1', { a: null })).toBeNull();
    expect(value('min(a, 1)', { a: null })).toBeNull();
    expect(value('round(a)', { a: null })).toBeNull();
    expect(value('-a', { a: null })).toBeNull();
    expect(value('coalesce(a, b, 3)', { a: null, b: 2 })).toBe(2);
    expect(value('coalesce(a, b)', { a: null, b: null })).toBeNull();
    expect(value('coalesce(a / b, 5)', { a: 1, b: 0 })).toBe(5);
  });

  it('is null on division by zero and past the range of numbers', () => {
    expect(value('1 / 0')).toBeNull();
    expect(value('0 / 0')).toBeNull();
    expect(value('1e308 * 10')).toBeNull();
    expect(value('1 / (1e308 * 10)')).toBeNull();
  });

  it('rounds half up', () => {
    expect(
      ['2.5', '-2.5', '2.4999', '-2.51', '0.49999999999999994'].map((x) => value(`round(${x})`)),
    ).toEqual([3, -2, 2, -3, 0]);
    expect(Object.is(value('round(-0.4)'), 0)).toBe(true);
    expect(Object.is(value('0 * -1'), 0)).toBe(true);
  });

  it('knows min and max of any number of values', () => {
    expect(value('min(3, 1, 2)')).toBe(1);
    expect(value('max(3)')).toBe(3);
  });

  it.each([
    ['', 'the formula is empty (at character 1)'],
    ['  ', 'the formula is empty (at character 1)'],
    ['a b', 'expected an operator or the end, found "b" (at character 3)'],
    ['(a', 'expected ")", found the end (at character 3)'],
    ['a +* b', 'expected a number, a key or "(", found "*" (at character 4)'],
    ['min + 1', 'min is a function and needs "("; a trait of that name is written [min] (at character 1)'],
    ['avg(a)', 'there is no function "avg": use min, max, round, coalesce (at character 1)'],
    ['min()', 'expected a number, a key or "(", found ")" (at character 5)'],
    ['min(a', 'expected "," or ")", found the end (at character 6)'],
    ['round(a, 2)', 'round takes one value; for two decimals write round(x * 100) / 100 (at character 1)'],
    ['[a', 'this "[" is not closed (at character 1)'],
    ['[A b]', '[A b] is no key: a-z, 0-9, then also _ . -, at most 64 characters (at character 1)'],
    ['1e999', '1e999 is too large a number (at character 1)'],
  ])('says what is wrong with %j', (text, message) => {
    expect(fault(text)).toBe(message);
  });

  it('names the sign it does not know', () => {
    expect(fault('a ^ 2')).toContain('"^" is not part of a formula');
    expect(fault('a.b')).toContain('"." is not part of a formula');
    expect(fault('Revenue')).toContain('"R" is not part of a formula');
  });

  it('refuses nesting that nobody can read, without overflowing', () => {
    expect(fault(`${'('.repeat(60)}1${')'.repeat(60)}`)).toContain('nested more than 50 levels deep');
    expect(fault('-'.repeat(4_000))).toContain('nested more than 50 levels deep');
    expect(value(`${'1+'.repeat(2_000)}1`)).toBe(2_001);
  });

  it('never throws, whatever the text', () => {
    const pieces = fc.constantFrom(
      'a',
      'min',
      '(',
      ')',
      '+',
      '-',
      '*',
      '/',
      ',',
      '[a]',
      '[',
      ']',
      '1',
      '.5',
      ' ',
      '1e5',
      'é',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 20 }), (parts) => {
        const parsed = parseFormula(parts.join(''));
        if (parsed.ok) {
          const result = evaluateFormula(parsed.expression, () => 2);
          expect(result === null || Number.isFinite(result)).toBe(true);
        } else expect(parsed.message).toMatch(/\(at character \d+\)$/);
      }),
    );
  });
});
