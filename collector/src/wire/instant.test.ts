import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { durationMs, MAX_DURATION_MS, readDuration } from './duration.ts';
import { LAST_INSTANT, readInstant, readTime } from './instant.ts';

describe('readInstant', () => {
  it('reads what Date reads, for every millisecond of the years 1970 to 9999', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: LAST_INSTANT }), (ms) => {
        expect(readInstant(new Date(ms).toISOString())).toBe(ms);
      }),
    );
  });

  it.each([
    ['2026-06-10', '2026-06-10T00:00:00.000Z'],
    ['2026-06-10T12:30', '2026-06-10T12:30:00.000Z'],
    ['2026-06-10T12:30:15', '2026-06-10T12:30:15.000Z'],
    ['2026-06-10T12:30:15.5Z', '2026-06-10T12:30:15.500Z'],
    ['2026-06-10T12:30:15.123999999Z', '2026-06-10T12:30:15.123Z'],
    ['2026-06-10T12:30:15,25Z', '2026-06-10T12:30:15.250Z'],
    ['2026-06-10T12:30:15+02:00', '2026-06-10T10:30:15.000Z'],
    ['2026-06-10T12:30:15-0530', '2026-06-10T18:00:15.000Z'],
    ['2026-06-10T12:30:15+02', '2026-06-10T10:30:15.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['2026-06-10 12:30:15z', '2026-06-10T12:30:15.000Z'],
  ])('%s is %s', (text, iso) => {
    expect(readInstant(text)).toBe(Date.parse(iso));
  });

  it.each([
    '',
    'yesterday',
    '2026',
    '2026-06',
    '2026-02-29',
    '2026-13-01',
    '2026-00-10',
    '2026-06-31',
    '2026-06-10T24:00',
    '2026-06-10T12:60',
    '2026-06-10T12:30:60Z',
    '2026-06-10T12:30:15.Z',
    '2026-06-10T12:30:15Zjunk',
    '2026-06-10T12:30:15+2:00',
    '2026-06-10T12:30:15+02:0',
    '2026-06-10T12:30:15+25:00',
    '2026-06-10T12',
    '2026-06-10X12:30',
    '1795324670028',
  ])('%j names no instant', (text) => {
    expect(readInstant(text)).toBeUndefined();
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => void readInstant(text)));
  });
});

describe('readTime', () => {
  it('takes epoch milliseconds of the years 1970 to 9999 and nothing else', () => {
    expect(readTime(0)).toBe(0);
    expect(readTime(1_795_324_670_028.9)).toBe(1_795_324_670_028);
    expect(readTime(LAST_INSTANT)).toBe(LAST_INSTANT);
    for (const value of [-1, LAST_INSTANT + 1, '1969-12-31T23:59:59.999Z', true, {}, null]) {
      expect(readTime(value)).toBeUndefined();
    }
  });
});

describe('durations', () => {
  it('reads whole numbers of s m h d w', () => {
    expect([
      durationMs('90s'),
      durationMs('5m'),
      durationMs('2h'),
      durationMs('30d'),
      durationMs('1w'),
    ]).toEqual([90_000, 300_000, 7_200_000, 2_592_000_000, 604_800_000]);
  });

  it('refuses everything else', () => {
    for (const text of ['', '0d', '1.5d', '-1d', '1y', 'd', '30', ' 30d', '9999999999w']) {
      expect(readDuration(text)).toBeUndefined();
    }
    expect(readDuration(`${MAX_DURATION_MS / 86_400_000}d`)).toBe(MAX_DURATION_MS);
    expect(() => durationMs('soon')).toThrow(RangeError);
  });
});
