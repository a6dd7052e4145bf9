// Formulas, days, surveys, buckets and groups in the model, against cases worked out by hand.
// Invariant: every expectation here is read off the contract, never off the collector.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Condition } from '../../collector/src/wire/definitions.ts';
import type { JsonObject, JsonValue } from '../../collector/src/wire/message.ts';
import { formula, inputsOf } from './formula.ts';
import type { ModelMessage } from './history.ts';
import { shareOf } from './membership.ts';
import { world } from './model.ts';
import { computed, group, inside, message, on, T0, told, track } from './tell.ts';

const HOUR = 3_600_000;

describe('active_days', () => {
  it('counts days of the time zone given', () => {
    // 2026-06-10T12:00Z is midnight in Auckland: one millisecond before is the day before.
    const sent = told(
      track('u', 'e', -1),
      track('u', 'e', 0),
      track('u', 'e', HOUR),
      track('u', 'f', 20 * HOUR),
    );
    const days = { days: { type: 'active_days', event: 'e' } as const };
    expect(computed(sent, days, HOUR)).toEqual({ days: 1 });
    expect(computed(sent, days, HOUR, 'Pacific/Auckland')).toEqual({ days: 2 });
  });

  it('follows the clocks of a place through a change of summer time', () => {
    // New York leaves summer time on 2026-11-01, a day of 25 hours from 04:00Z to 05:00Z of the next day.
    const at = (iso: string) => track('u', 'e', Date.parse(iso) - T0);
    const sent = told(at('2026-11-01T04:00:00Z'), at('2026-11-02T04:59:59.999Z'), at('2026-11-02T05:00:00Z'));
    const days = { days: { type: 'active_days', event: 'e' } as const };
    expect(computed(sent, days, 200 * 24 * HOUR, 'America/New_York')).toEqual({ days: 2 });
  });
});

describe('formula', () => {
  const inputs: Record<string, number | null> = { a: 6, b: 4, zero: 0, none: null, 'x.y-1': 7 };
  const cases: [string, number | null][] = [
    ['a + b * 2', 14],
    ['(a + b) * 2', 20],
    ['a - b - 1', 1],
    ['a / b / 3', 0.5],
    ['-a + 1', -5],
    ['2 - -b', 6],
    ['[x.y-1] - [a]', 1],
    ['1.5e2', 150],
    ['a / zero', null],
    ['zero / a - 1', -1],
    ['zero * -a', 0],
    ['none + 1', null],
    ['min(a, b, 5)', 4],
    ['max(a, none)', null],
    ['coalesce(none, b)', 4],
    ['coalesce(a / zero, none, 3)', 3],
    ['coalesce(none, none)', null],
    ['round(2.5)', 3],
    ['round(-2.5)', -2],
    ['round(-0.4)', 0],
    ['round(a / b * 100) / 100', 1.5],
  ];
  it.each(cases)('%s is %d', (text, value) => {
    expect(formula(text, (key) => inputs[key] ?? null)).toBe(value);
  });

  it('knows its inputs, and functions from keys', () => {
    expect(inputsOf('round(a) + [min] * max(b, a)')).toEqual(['a', 'min', 'b']);
  });

  it('reads numeric texts and nothing else, through other formulas too', () => {
    const sent = told(track('u', 'e', 0, { v: '2.50' }), track('u', 'e', 1, { v: 'ten' }));
    const traits = {
      first: { type: 'first', event: 'e', property: 'v' },
      last: { type: 'last', event: 'e', property: 'v' },
      twice: { type: 'formula', expression: 'first * 2' },
      more: { type: 'formula', expression: 'twice + 1' },
      never: { type: 'formula', expression: 'last + 1' },
      rescued: { type: 'formula', expression: 'coalesce(last, -1)' },
    } as const;
    const { first: _first, last: _last, ...formulas } = computed(sent, traits, 1);
    expect(formulas).toEqual({ twice: 5, more: 6, never: null, rescued: -1 });
  });
});

describe('survey', () => {
  const answered = (at: number, answers: JsonObject, more: JsonObject = {}, userId = 'u') =>
    message({
      type: 'survey',
      userId,
      time: T0 + at,
      body: { type: 'survey', surveyId: 'nps', answers, ...more },
    });
  const score = (value: JsonValue): Condition => ({
    survey: 'nps',
    question: 'score',
    op: 'eq',
    value: value as number,
  });
  const says = (value: number, ...sent: ModelMessage[]) =>
    inside(told(...sent), score(value), HOUR).length === 1;

  it('takes the latest answer by message order', () => {
    const [late, early] = [answered(5, { score: 2 }), answered(1, { score: 9 })];
    expect(says(2, late, early)).toBe(true);
    expect(says(2, late, answered(9, { why: 'x' }))).toBe(true);
  });

  it('lets null clear a question within one submission only', () => {
    const same = { submissionId: 's1' };
    const cleared = [answered(1, { score: 9 }, same), answered(2, { score: null }, same)];
    expect(says(9, ...cleared)).toBe(false);
    expect(says(9, answered(1, { score: 9 }), answered(2, { score: null }))).toBe(true);
    expect(says(4, answered(0, { score: 4 }), ...cleared)).toBe(true);
    const unset: Condition = { survey: 'nps', question: 'score', op: 'not_exists' };
    expect(inside(told(...cleared), unset, HOUR)).toEqual(['user:u']);
  });

  it('keeps submissions of one name apart by sender, also after a merge', () => {
    const same = { submissionId: 's1' };
    const [mine, theirs] = [answered(1, { score: 9 }, same), answered(2, { score: null }, same, 'v')];
    const sent = { ...told(mine, theirs), merges: [{ from: 'v', into: 'u', time: T0 + 3 }] };
    expect(inside(sent, score(9), HOUR)).toEqual(['user:u']);
  });

  it('counts a track event that says the same, under both names', () => {
    const sent = told(track('u', 'Survey Responded', 0, { surveyId: 'nps', answers: { score: 7 } }));
    expect(inside(sent, score(7), 0)).toEqual(['user:u']);
    for (const event of ['$survey', 'Survey Responded', 'Survey*', '*'])
      expect(inside(sent, { event }, 0)).toEqual(['user:u']);
    expect(inside(told(answered(0, {})), { event: '$survey' }, 0)).toEqual(['user:u']);
  });
});

describe('bucket', () => {
  it('places an id by the first six bytes of its hash', () => {
    const hex = createHash('sha256').update('exp:u').digest('hex').slice(0, 12);
    const share = (Number.parseInt(hex, 16) / 2 ** 48) * 100;
    expect(shareOf('exp', 'u')).toBe(share);
    const sent = told(track('u', 'e'));
    expect(inside(sent, { bucket: { salt: 'exp', from: share, to: 100 } }, 0)).toEqual(['user:u']);
    expect(inside(sent, { bucket: { salt: 'exp', from: 0, to: share } }, 0)).toEqual([]);
  });

  it('goes by the userId, of a device by the anonymousId', () => {
    const everybody: Condition = { bucket: { salt: 'x', from: 0, to: 100 } };
    expect(inside(told(on('d', 0), on('e', 1, 'u')), everybody, 1)).toEqual(['anon:d', 'user:u']);
    const only = (id: string): Condition => {
      const share = shareOf('x', id);
      return { bucket: { salt: 'x', from: share, to: share + 1e-9 } };
    };
    expect(inside(told(on('d', 0)), only('d'), 0)).toEqual(['anon:d']);
    expect(inside(told(on('d', 0), on('d', 1, 'u')), only('u'), 1)).toEqual(['user:u']);
  });
});

describe('group', () => {
  it('asks that one group satisfies the whole tree', () => {
    const tree: Condition = {
      group: {
        all: [
          { trait: 'size', op: 'gt', value: 5 },
          { trait: 'city', op: 'eq', value: 'Oslo' },
        ],
      },
    };
    const apart = [group('u', 'g1', 0, { size: 9 }), group('u', 'g2', 0, { city: 'Oslo' })];
    expect(inside(told(...apart), tree, 0)).toEqual([]);
    // The traits are those of all members' calls.
    expect(inside(told(...apart, group('v', 'g1', 1, { city: 'Oslo' })), tree, 1)).toEqual([
      'user:u',
      'user:v',
    ]);
  });

  it('needs a group, also for what is not', () => {
    const not: Condition = { group: { not: { trait: 'size', op: 'exists' } } };
    expect(inside(told(track('u', 'e'), group('v', 'g', 0, {})), not, 0)).toEqual(['user:v']);
  });

  it('shows traits and members of a group', () => {
    const sent = told(group('u', 'g', 0, { a: 1 }), group('v', 'g', 1, { a: null, b: 2 }));
    const { group: find } = world(sent, { traits: {}, segments: {} }, T0 + 1);
    expect(find('g')).toEqual({ id: 'g', traits: { b: 2 }, members: 2 });
    expect(find('h')).toBeUndefined();
  });
});
