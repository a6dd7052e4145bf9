// Formbricks surveys as definitions: types, languages, logic, targeting, and what could not be carried over.
// Invariant: fixtures are our own, written after the published types.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type ImportedSurvey, importSurveys } from './index.ts';

const file: unknown = JSON.parse(
  readFileSync(new URL('./fixtures/formbricks.json', import.meta.url).pathname, 'utf8'),
);

function imported(json: unknown): ImportedSurvey[] {
  const result = importSurveys(json, 'formbricks');
  if (!result.ok) throw new Error('no surveys were found');
  return result.surveys;
}
const only = (json: unknown): ImportedSurvey => imported(json)[0] as ImportedSurvey;
const [shop, blocks] = imported(file) as [ImportedSurvey, ImportedSurvey];

const question = (of: ImportedSurvey, id: string) =>
  of.definition?.questions.find((asked) => asked.id === id);
const noteAt = (of: ImportedSurvey, pointer: string): string =>
  of.notes
    .filter((note) => note.pointer === pointer)
    .map(({ message }) => message)
    .join('; ');

/** A survey of one nps question with rules, and two texts behind it. */
const withRule = (conditions: unknown, more: object = {}, asked: object = {}): ImportedSurvey =>
  only({
    name: 'Rules',
    status: 'inProgress',
    questions: [
      {
        id: 'score',
        type: 'nps',
        headline: { default: 'How likely?' },
        ...asked,
        logic: [{ conditions, actions: [{ objective: 'jumpToQuestion', target: 'last' }] }],
        ...more,
      },
      { id: 'middle', type: 'openText', headline: { default: 'Why?' } },
      { id: 'last', type: 'openText', headline: { default: 'What else?' } },
    ],
  });
const rule = (operator: string, value?: unknown, of: object = { type: 'question', value: 'score' }) => ({
  leftOperand: of,
  operator,
  ...(value === undefined ? {} : { rightOperand: { type: 'static', value } }),
});
const all = (...conditions: unknown[]) => ({ connector: 'and', conditions });
const any = (...conditions: unknown[]) => ({ connector: 'or', conditions });
const nextOf = (of: ImportedSurvey) => question(of, 'score')?.next;

describe('a Formbricks survey', () => {
  it('keeps its questions by type, under their ids', () => {
    expect(shop.faults).toEqual([]);
    expect(shop.definition?.questions.map(({ id, type }) => `${id} ${type}`)).toEqual([
      'welcome info',
      'recommend nps',
      'why open_text',
      'choose single_choice',
      'many multiple_choice',
      'grid matrix',
      'order ranking',
      'stars rating',
      'effort ces',
      'happy csat',
      'terms consent',
      'when date',
      'who open_text',
      'go info',
    ]);
    expect(question(shop, 'stars')).toMatchObject({ scale: 7, required: true });
    expect(question(shop, 'why')).toMatchObject({ maxLength: 400 });
    expect(question(shop, 'choose')?.options).toEqual([
      { id: 'work', label: { en: 'Work', de: 'Arbeit' } },
      { id: 'home', label: { en: 'Home', de: 'Zuhause' } },
    ]);
    expect(question(shop, 'choose')?.other).toBe(true);
    expect(question(shop, 'grid')).toMatchObject({
      options: [
        { id: 'Speed', label: { en: 'Speed', de: 'Tempo' } },
        { id: 'Help', label: { en: 'Help', de: 'Hilfe' } },
      ],
      labels: [
        { id: 'bad', label: 'Bad' },
        { id: 'good', label: 'Good' },
      ],
    });
  });

  it('speaks the languages that were enabled, and says which text went', () => {
    expect(shop.definition?.languages).toEqual(['en', 'de']);
    expect(noteAt(shop, '/data/0/languages/2')).toContain('"fr" was left out');
    expect(noteAt(shop, '/data/0/questions/0/headline')).toContain('"fr" was left out');
    expect(shop.definition?.thanks).toEqual({ en: 'Thank you!', de: 'Danke!' });
  });

  it('takes markup out of texts and fills in answers', () => {
    expect(question(shop, 'welcome')?.description).toBe('Two short questions & out.');
    expect(question(shop, 'why')?.title).toEqual({
      en: 'You gave {{answer.recommend|a low score}}. Why?',
      de: 'Warum {{answer.recommend|das}}?',
    });
    expect(noteAt(shop, '/data/0/questions/1/headline/default')).toContain('markup');
  });

  it('keeps when, how often, how many and how it looks', () => {
    expect(shop.definition).toMatchObject({
      target: { event: { event: 'order_completed' }, delay: '3s', sample: 25 },
      frequency: { times: 1, every: '36500d', coolDown: '14d' },
      startAt: '2025-06-01T00:00:00.000Z',
      endAt: '2025-12-31T00:00:00.000Z',
      limit: 500,
      theme: { accent: '#0a7d5a', radius: '12px' },
      presentation: 'dialog',
    });
    expect(shop.definition?.expose).toBeUndefined();
  });

  it.each([
    ['/data/0', 'variables, pin'],
    ['/data/0', 'buttonLabel'],
    ['/data/0/endings/1', 'one ending'],
    ['/data/0/questions/0/logic/1/actions/0', 'calculation'],
    ['/data/0/questions/0/logic/2', 'looks at another question'],
    ['/data/0/questions/1', 'longAnswer'],
    ['/data/0/questions/1/charLimit/min', 'as short'],
    ['/data/0/questions/4/type', '"pictureSelection" has no counterpart'],
    ['/data/0/questions/12/type', 'one open text'],
    ['/data/0/questions/13/buttonUrl', 'left out'],
    ['/data/0/triggers/1', '"Left" was left out'],
    ['/data/0/styling/brandColor/dark', 'one set of colours'],
    ['/data/0/styling/cardBackgroundColor', 'no colour'],
    ['/data/0/hiddenFields/fieldIds', '`hidden`'],
  ])('says at %s that %s', (pointer, words) => {
    expect(noteAt(shop, pointer)).toContain(words);
  });

  it('asks blocks one question after the other, and jumps to a block by its first', () => {
    expect(blocks.definition?.questions.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd']);
    expect(question(blocks, 'b')?.next).toEqual([{ when: { op: 'eq', value: 'accepted' }, go: 'd' }]);
    expect(noteAt(blocks, '/data/1/blocks/2/elements/0/id')).toBe('became "d"');
  });

  it('asks nobody whom it did not ask: drafts, links, filters and strange triggers are held back', () => {
    expect(blocks.definition?.expose).toBe('none');
    for (const pointer of ['/data/1/status', '/data/1/type', '/data/1/segment/filters'])
      expect(noteAt(blocks, pointer)).toContain('exposed to nobody');
    const click = { actionClass: { name: 'Click', type: 'noCode', noCodeConfig: { type: 'click' } } };
    const survey = withRule(all(rule('isSubmitted')));
    expect(survey.definition?.expose).toBeUndefined();
    const held = only({ name: 'x', status: 'inProgress', questions: simple, triggers: [click] });
    expect([held.definition?.expose, noteAt(held, '/triggers/0').includes('exposed to nobody')]).toEqual([
      'none',
      true,
    ]);
  });

  it('reads moments in a page, with addresses as patterns', () => {
    const target = (noCodeConfig: object) =>
      only({
        name: 'x',
        status: 'inProgress',
        questions: simple,
        triggers: [{ actionClass: { name: 'n', type: 'noCode', noCodeConfig } }],
      }).definition?.target;
    const filtered = (rule: string, value: string) =>
      target({ type: 'pageView', urlFilters: [{ rule, value }] });
    expect(target({ type: 'fiftyPercentScroll', urlFilters: [] })).toEqual({ scroll: 50 });
    expect(target({ type: 'exitIntent', urlFilters: [] })).toEqual({ exitIntent: true });
    expect(target({ type: 'pageDwell', timeInSeconds: 30, urlFilters: [] })).toEqual({ delay: '30s' });
    expect(filtered('exactMatch', '/cart')).toEqual({ url: '/cart' });
    expect(filtered('startsWith', 'https://a.example/b')).toEqual({ url: 'https://a.example/b*' });
    expect(filtered('endsWith', '.pdf')).toEqual({ url: '*://*.pdf' });
    expect(filtered('contains', 'cart')).toEqual({ url: '*://*cart*' });
    expect(filtered('matchesRegex', '.*')).toBeUndefined();
  });
});

const simple = [{ id: 'q', type: 'openText', headline: { default: 'What?' } }];

describe('conditional logic', () => {
  it('becomes the list of answers that satisfy it, where there are few', () => {
    expect(nextOf(withRule(all(rule('isLessThan', 3))))).toEqual([
      { when: { op: 'in', value: [0, 1, 2] }, go: 'last' },
    ]);
    expect(
      nextOf(withRule(any(rule('equals', 10), all(rule('isGreaterThan', 1), rule('isLessThan', 3))))),
    ).toEqual([{ when: { op: 'in', value: [2, 10] }, go: 'last' }]);
    expect(nextOf(withRule(all(rule('isSubmitted'))))).toEqual([{ when: { op: 'exists' }, go: 'last' }]);
    expect(nextOf(withRule(all(rule('isSkipped'))))).toEqual([{ when: { op: 'not_exists' }, go: 'last' }]);
    expect(nextOf(withRule(any(rule('isSkipped'), rule('equals', 0))))).toEqual([
      { when: { op: 'eq', value: 0 }, go: 'last' },
      { when: { op: 'not_exists' }, go: 'last' },
    ]);
    expect(nextOf(withRule(any(rule('isSkipped'), rule('isSubmitted'))))).toEqual([{ go: 'last' }]);
  });

  it('compares texts, dates and several choices with one comparison each', () => {
    const ask = (asked: object, conditions: unknown) => nextOf(withRule(conditions, {}, asked));
    expect(ask({ type: 'openText' }, all(rule('contains', 'slow')))).toEqual([
      { when: { op: 'contains', value: 'slow' }, go: 'last' },
    ]);
    expect(ask({ type: 'date' }, all(rule('isBefore', '2025-01-01')))).toEqual([
      { when: { op: 'before', value: '2025-01-01' }, go: 'last' },
    ]);
    const choices = ['a', 'b', 'c'].map((id) => ({ id, label: { default: id } }));
    expect(ask({ type: 'multipleChoiceMulti', choices }, all(rule('includesOneOf', ['a', 'b'])))).toEqual([
      { when: { op: 'includes', value: 'a' }, go: 'last' },
      { when: { op: 'includes', value: 'b' }, go: 'last' },
    ]);
  });

  it.each([
    ['another question', all(rule('equals', 1, { type: 'question', value: 'middle' }))],
    ['a variable', all(rule('equals', 1), rule('equals', 1, { type: 'variable', value: 'v' }))],
    ['an unknown comparison', all(rule('rhymesWith', 'x'))],
    [
      'another value than a fixed one',
      all({ ...rule('equals'), rightOperand: { type: 'question', value: 'x' } }),
    ],
    ['nothing', all()],
  ])('is left out and noted when it looks at %s', (_, conditions) => {
    const survey = withRule(conditions);
    expect(nextOf(survey)).toBeUndefined();
    expect(noteAt(survey, '/questions/0/logic/0')).toContain('this rule was left out');
  });

  it('leaves out a comparison with a value that ours does not take, and keeps the survey', () => {
    const survey = withRule(all(rule('isBefore', 'soon')), {}, { type: 'date' });
    expect([survey.faults, nextOf(survey)]).toEqual([[], undefined]);
    expect(noteAt(survey, '/questions/0/logic/0')).toContain('takes no such value');
  });

  it('goes to the end by an ending, on to what is left, and never back', () => {
    const jump = (target: string) => ({ logicFallback: target });
    const survey = (fallback: string) =>
      only({
        name: 'x',
        endings: [{ id: 'bye', type: 'endScreen' }],
        questions: [
          { id: 'one', type: 'openText', headline: { default: '1' }, ...jump(fallback) },
          { id: 'two', type: 'openText', headline: { default: '2' }, logicFallback: 'one' },
          { id: 'file', type: 'fileUpload', headline: { default: '3' } },
          { id: 'four', type: 'openText', headline: { default: '4' } },
        ],
      });
    expect(question(survey('bye'), 'one')?.next).toEqual([{ go: 'end' }]);
    expect(question(survey('file'), 'one')?.next).toEqual([{ go: 'four' }]);
    expect(question(survey('two'), 'one')?.next).toBeUndefined();
    expect(noteAt(survey('two'), '/questions/1/logicFallback')).toContain('only goes forward');
  });
});

describe('what is no survey', () => {
  it('has faults that name the place', () => {
    expect(only({ name: 'x', questions: [] }).faults).toEqual([
      { pointer: '/questions', message: 'must hold a question' },
    ]);
    expect(
      only({ name: 'x', questions: [{ id: 'a', type: 'openText', headline: { default: ' ' } }] }).faults,
    ).toEqual([{ pointer: '/questions/0/headline', message: 'is required' }]);
    expect(
      only({ name: 'x', questions: [{ id: 'a', type: 'cal', headline: { default: 'x' } }] }).faults,
    ).toEqual([{ pointer: '/questions', message: 'holds no question of a type that can be asked here' }]);
    expect(importSurveys(7, 'formbricks')).toEqual({
      ok: false,
      faults: [{ pointer: '', message: 'must be a survey, or a list of surveys' }],
    });
  });

  it('gives the faults of the definition where something is missing in it', () => {
    const { definition, faults } = only({
      name: 'x',
      closeOnDate: 'tomorrow',
      questions: [{ id: 'a', type: 'ranking', headline: { default: 'x' }, choices: [] }],
    });
    expect(definition).toBeNull();
    expect(faults.map(({ pointer }) => pointer)).toContain('/endAt');
  });
});
