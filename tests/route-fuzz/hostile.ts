// Values that break programs: texts, numbers and shapes, each of which broke some server once.
// Invariant: none of them holds a key of the collector under test, so that one in an answer is a leak.
import type { Random } from '../random.ts';
import { type Drawable, Raw } from './json-text.ts';

/** Past what ids, words of definitions and texts may have, and past one message. */
const LONG = [511, 512, 513, 1_025, 5_000, 40_000];

const TEXTS = [
  ...['', ' ', '\u0000', 'a\u0000b', '\u001f', '\u007f', '\u0085', '\u2028', '\ufeff', '\u202eabc'],
  ...['\ud800', 'x\udfff', '\udc00\ud800', '\u{1f600}', 'e\u0301', '\u00e9', '\uffff', '\u{10ffff}'],
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__'],
  ...['null', 'undefined', '0', '-1', 'NaN', '[object Object]', '0-0', 'true', 'Infinity'],
  ...[
    '1e400',
    '-0',
    '0x10',
    '1_000',
    `${'9'.repeat(400)}`,
    `0.${'0'.repeat(400)}1`,
    '1e-400',
    '+1',
    '.5',
    '1e5',
  ],
  ...['2026-06-10', '2026-02-30', '9999-12-31T23:59:59.999Z', '0000-01-01', '1969-12-31', '10000-01-01'],
  ...[
    '2026-06-10T12:00:00+25:00',
    '2026-06-10T24:00',
    '2026-06-10T12:00:00.1234567Z',
    '-1',
    '8640000000000001',
  ],
  ...['../../etc/passwd', '%00', '%zz', '%c0%af', '..%2f', '//', '\\', '?', '#', '/', 'a/b', '*', '%', '+'],
  ...["' OR 1=1 --", '"; DROP TABLE people; --', "x'); --", '%_', '$1', '?1', ':a', '@x', 'a%', '_'],
  ...['<script>alert(1)</script>', '=1+1', '#{7*7}', '{{7*7}}', '(a+)+$', `${'a'.repeat(60)}!`, '.*', '['],
  ...[
    'user:',
    'user:u1',
    'anon:d1',
    'anon:',
    'user:user:u1',
    'p_x',
    '$page',
    '$survey',
    '$',
    '*',
    'a*',
    '**',
  ],
  ...['0d', '1s', '30d', '999999999999w', '1.5d', '-1d', '5', 'properties.v', 'properties..v', '.', 'a.0.b'],
] as const;

const NUMBERS: readonly Drawable[] = [
  ...[0, -1, 1, 0.1, 1e21, 5e-324, 1.7976931348623157e308, -1e308, 1e-7],
  ...[
    2 ** 31,
    2 ** 32,
    2 ** 53,
    2 ** 53 + 2,
    -(2 ** 53),
    2 ** 63,
    8_640_000_000_000_001,
    253_402_300_800_000,
  ],
  ...[
    '-0',
    '1e400',
    '-1e400',
    '1e-400',
    '123456789012345678901234567890',
    '0.1e1',
    '1E+2',
    '9'.repeat(400),
  ].map((text) => new Raw(text)),
];

export function hostileText(dice: Random): string {
  if (dice.chance(0.04)) return dice.pick(['a', 'é', '\u{1f600}', '"', '\\']).repeat(dice.pick(LONG));
  if (dice.chance(0.1)) return dice.pick(TEXTS) + dice.pick(TEXTS);
  return dice.pick(TEXTS);
}

const deep = (levels: number, open: string, close: string): Raw =>
  new Raw(open.repeat(levels) + (open === '[' ? '' : '1') + close.repeat(levels));

function hostileShape(dice: Random): Drawable {
  const levels = dice.pick([3, 63, 64, 65, 99, 100, 101, 102, 500, 5_000]);
  switch (dice.below(8)) {
    case 0:
      return deep(levels, '[', ']');
    case 1:
      return deep(levels, '{"a":', '}');
    case 2:
      return new Raw('{"a":1,"a":2,"a":{"b":3}}');
    case 3:
      return new Raw(`{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}`);
    case 4:
      return Object.fromEntries(
        Array.from({ length: dice.pick([1, 10, 201, 1_500]) }, (_, i) => [`k${i}`, i]),
      );
    case 5:
      return Array.from({ length: dice.pick([0, 1, 10, 1_001]) }, (_, i) => i);
    case 6:
      return { [hostileText(dice)]: hostileText(dice) };
    default:
      return deep(dice.pick([10, 64, 100, 101]), dice.pick(['{"all":[', '{"not":', '{"__proto__":']), '');
  }
}

/** Any value but what was asked for. */
export function hostileValue(dice: Random): Drawable {
  switch (dice.below(8)) {
    case 0:
    case 1:
      return dice.pick(NUMBERS);
    case 2:
      return dice.pick<Drawable>([null, true, false, [], {}, [null], [[]], '']);
    case 3:
      return hostileShape(dice);
    default:
      return hostileText(dice);
  }
}
