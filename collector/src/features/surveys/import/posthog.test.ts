// PostHog surveys as definitions: types, branching by place, conditions, colours, and what could not be carried over.
// Invariant: fixtures are our own, written after the published types.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type ImportedSurvey, importSurveys } from './index.ts';

const file: unknown = JSON.parse(
  readFileSync(new URL('./fixtures/posthog.json', import.meta.url).pathname, 'utf8'),
);

function imported(json: unknown): ImportedSurvey[] {
  const result = importSurveys(json, 'posthog');
  if (!result.ok) throw new Error('no surveys were found');
  return result.surveys;
}
const [checkout, widget] = imported(file) as [ImportedSurvey, ImportedSurvey];
const noteAt = (of: ImportedSurvey, pointer: string): string =>
  of.notes
    .filter((note) => note.pointer === pointer)
    .map(({ message }) => message)
    .join('; ');
const nextOf = (place: number) => checkout.definition?.questions[place]?.next;

const ONE = [{ type: 'open', question: 'What?' }];
const launched = (more: object): ImportedSurvey =>
  imported({ name: 'x', start_date: '2025-01-01', questions: ONE, ...more })[0] as ImportedSurvey;

describe('a PostHog survey', () => {
  it('keeps its questions by type, a rating of ten as nps', () => {
    expect(checkout.faults).toEqual([]);
    expect(checkout.definition?.questions.map(({ type, required = false }) => [type, required])).toEqual([
      ['nps', true],
      ['open_text', false],
      ['single_choice', true],
      ['rating', true],
      ['multiple_choice', false],
      ['info', false],
    ]);
    expect(checkout.definition?.questions[0]?.title).toEqual({
      en: 'How likely are you to recommend us?',
      es: '¿Nos recomendarías?',
    });
    expect(checkout.definition?.questions[2]).toMatchObject({ options: ['Work', 'Home'], other: true });
    expect(checkout.definition?.questions[3]).toMatchObject({
      scale: 5,
      labels: [
        { id: 'lowest', label: '1' },
        { id: 'highest', label: 'Great' },
      ],
    });
    expect(checkout.definition?.questions[4]?.options).toEqual(['Cart', 'Payment']);
  });

  it('branches by bucket, by choice, to a place and to the end', () => {
    expect(nextOf(0)).toEqual([
      { when: { op: 'in', value: [0, 1, 2, 3, 4, 5, 6] }, go: 'q2' },
      { when: { op: 'in', value: [7, 8] }, go: 'q3' },
      { when: { op: 'in', value: [9, 10] }, go: 'end' },
    ]);
    expect(nextOf(1)).toEqual([{ go: 'q4' }]);
    expect(nextOf(2)).toEqual([
      { when: { op: 'eq', value: 'Work' }, go: 'q5' },
      { when: { op: 'eq', value: 'Home' }, go: 'end' },
      { when: { op: 'not_in', value: ['Work', 'Home'] }, go: 'q4' },
    ]);
    expect(nextOf(3)).toEqual([
      { when: { op: 'in', value: [1, 2] }, go: 'q5' },
      { when: { op: 'in', value: [4, 5] }, go: 'end' },
    ]);
    expect(nextOf(5)).toBeUndefined();
    expect(noteAt(checkout, '/results/0/questions/5/branching')).toContain('only goes forward');
  });

  it.each([
    [3, { negative: [1], neutral: [2], positive: [3] }],
    [5, { negative: [1, 2], neutral: [3], positive: [4, 5] }],
    [7, { negative: [1, 2, 3], neutral: [4], positive: [5, 6, 7] }],
  ])('puts the answers of a rating of %i together as PostHog does', (scale, buckets) => {
    for (const [name, value] of Object.entries(buckets)) {
      const branching = { type: 'response_based', responseValues: { [name]: 'end' } };
      const questions = [{ type: 'rating', question: 'How?', scale, branching }, ...ONE];
      const [first] = launched({ questions }).definition?.questions ?? [];
      expect(first?.next).toEqual([{ when: { op: 'in', value }, go: 'end' }]);
    }
  });

  it('keeps where, when, how often, how many and how it looks', () => {
    expect(checkout.definition).toMatchObject({
      target: {
        url: '*://*shop.example/checkout*',
        event: {
          event: 'order_completed',
          where: { path: 'properties.plan', op: 'in', value: ['pro', 'team'] },
        },
        delay: '5s',
      },
      frequency: { times: 1, every: '90d', coolDown: '30d' },
      startAt: '2025-03-01T12:00:00Z',
      limit: 1_000,
      languages: ['en', 'es'],
      theme: { accent: 'black', background: '#eeeded', border: '#c9c6c6', radius: '10px', font: 'inherit' },
      thanks: { en: 'Thank you!', es: '¡Gracias!' },
    });
    expect(checkout.definition?.expose).toBeUndefined();
  });

  it.each([
    ['/results/0', 'description'],
    ['/results/0/translations', 'taken for "en"'],
    ['/results/0/questions', 'buttonText'],
    ['/results/0/questions/2/choices/2', 'label was left out'],
    ['/results/0/questions/2/shuffleOptions', 'order'],
    ['/results/0/questions/2/branching/responseValues/9', 'no such answer'],
    ['/results/0/questions/3/display', 'emoji'],
    ['/results/0/questions/4/choices/1', 'there already'],
    ['/results/0/questions/5/link', 'left out'],
    ['/results/0/conditions/events/values/1', '"order_paid" was left out'],
    ['/results/0/iteration_count', 'endAt'],
    ['/results/0/appearance', 'ratingButtonColor'],
  ])('says at %s that %s', (pointer, words) => {
    expect(noteAt(checkout, pointer)).toContain(words);
  });

  it('asks nobody whom it did not ask', () => {
    expect([widget.key, widget.definition?.expose]).toEqual(['checkout-nps-2', 'none']);
    for (const field of [
      'conditions/url',
      'conditions/selector',
      'linked_flag_id',
      'start_date',
      'archived',
      'type',
    ])
      expect(noteAt(widget, `/results/1/${field}`)).toContain('exposed to nobody');
    const held = (more: object) => launched(more).definition?.expose;
    expect(held({})).toBeUndefined();
    expect(held({ conditions: { actions: { values: [{ id: 1, name: 'Click' }] } } })).toBe('none');
    expect(held({ conditions: { deviceTypes: ['Mobile'] } })).toBe('none');
    expect(held({ targeting_flag_filters: { groups: [{}] } })).toBe('none');
    const filter = (operator: string) => ({
      events: { values: [{ name: 'e', propertyFilters: { p: { values: ['x'], operator } } }] },
    });
    expect(held({ conditions: filter('regex') })).toBe('none');
    expect(held({ conditions: filter('is_not') })).toBeUndefined();
  });

  it('asks as often as its schedule says', () => {
    expect(launched({}).definition?.frequency).toEqual({ times: 1, every: '36500d' });
    const always = launched({ schedule: 'always' });
    expect(always.definition?.frequency).toBeUndefined();
    expect(noteAt(always, '/schedule')).toContain('frequency.times');
  });
});
