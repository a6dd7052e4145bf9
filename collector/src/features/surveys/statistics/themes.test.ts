// Themes of open answers: who said what is known, since the answers are made here.
// Invariant: nothing depends on the time, the machine's locale or the order of object keys.
import { describe, expect, it } from 'vitest';
import { themes } from './themes.ts';

const say = (...texts: string[]) => texts.map((text) => ({ text }));

const ANSWERS = say(
  'The export is slow',
  'Slow export, please fix',
  'CSV export takes ages and is slow',
  'Your prices are too expensive for students',
  'Expensive! Lower prices for students',
  'Prices went up, too expensive',
  'Love the dark mode',
  'Dark mode is lovely',
  'Nothing to add',
  '   ',
);

describe('themes', () => {
  const found = themes(ANSWERS);
  const about = (word: string) => found?.themes.find(({ terms }) => terms.some(({ term }) => term === word));

  it('gather words that people use together', () => {
    expect(found).toMatchObject({ n: 9, total: 9, other: 1 });
    const sets = found?.themes.map(({ terms }) =>
      terms
        .map(({ term }) => term)
        .sort()
        .join(' '),
    );
    expect(sets).toEqual(['expensive prices students', 'export slow', 'dark mode']);
  });

  it("count people, with Wilson's interval", () => {
    expect(about('export')).toMatchObject({ answers: 3, share: { value: 3 / 9, n: 9 } });
    expect(about('dark')?.answers).toBe(2);
    expect(about('prices')?.terms.find(({ term }) => term === 'students')?.answers).toBe(2);
  });

  it('say how typical each word is', () => {
    for (const { terms } of found?.themes ?? []) for (const { z } of terms) expect(z).toBeGreaterThan(0);
  });

  it('quote people, those first who say most of it in fewest words', () => {
    expect(about('export')?.quotes.map(({ answer }) => answer)).toEqual([0, 1, 2]);
    expect(about('prices')?.quotes[0]).toEqual({ answer: 4, text: 'Expensive! Lower prices for students' });
  });

  it('hold an answer that has two of the words but not the central one', () => {
    const exports = ['Export export csv file', 'Export csv file export', 'Csv file export export'];
    const others = ['banana', 'lemon', 'cherry', 'apple', 'melon'];
    const theme = themes(say(...exports, 'My csv file broke', 'Just a csv', ...others))?.themes[0];
    expect(theme?.terms[0]).toMatchObject({ term: 'export', answers: 3 });
    expect(theme?.terms.map(({ term }) => term)).toEqual(['export', 'file', 'csv']);
    expect(theme?.answers).toBe(4);
  });

  it('are the same each time', () => {
    expect(themes(structuredClone(ANSWERS))).toEqual(found);
  });

  it('are null without text, and none where nobody agrees', () => {
    expect(themes([])).toBeNull();
    expect(themes(say('', ' \n'))).toBeNull();
    expect(themes(say('one banana', 'two lemons'))).toEqual({
      n: 2,
      total: 2,
      other: 2,
      read: [0, 1],
      unthemed: [0, 1],
      themes: [],
    });
  });
});

describe('languages without spaces', () => {
  it('have themes too', () => {
    const chinese = say(
      '导出功能太慢了',
      '希望支持批量导出',
      '导出很慢',
      '价格太贵了',
      '价格有点贵',
      '界面很好看',
    );
    const found = themes(chinese);
    const labels = found?.themes.map(({ terms }) => terms[0]?.term);
    expect(labels).toContain('导出');
    expect(found?.themes.find(({ terms }) => terms[0]?.term === '导出')?.answers).toBe(3);
    expect(found?.themes.some(({ terms }) => terms.some(({ term }) => term === '价格'))).toBe(true);
  });

  it('stand side by side in one survey', () => {
    const mixed = [
      ...say('検索が遅い', '検索を直して'),
      ...say('검색이 느려요', '검색을 고쳐'),
      ...say('slow search', 'search again'),
    ];
    const terms = themes(mixed)?.themes.flatMap((theme) => theme.terms.map(({ term }) => term));
    expect(terms).toEqual(expect.arrayContaining(['検索', '검색', 'search']));
  });
});

describe('bounds', () => {
  it('hold for a flood: an even choice is read, and said to be one', () => {
    const text = 'the export is slow and the price is high '.repeat(40);
    const found = themes(Array.from({ length: 1000 }, () => ({ text })));
    expect(found?.total).toBe(1000);
    expect(found?.n).toBeGreaterThan(50);
    expect(found?.n).toBeLessThanOrEqual(125);
  });

  it('hold for quotes, which are cut between characters and never twice the same', () => {
    const family = '👨‍👩‍👧‍👦';
    const long = `export slow ${family.repeat(40)}`;
    const found = themes(say(long, long, `${long} more`, 'nothing'));
    const quotes = found?.themes[0]?.quotes ?? [];
    expect(quotes).toHaveLength(1);
    const text = quotes[0]?.text ?? '';
    expect(text.length).toBeLessThanOrEqual(240);
    expect(text.endsWith(`${family}…`)).toBe(true);
  });

  it('hold for themes and their words', () => {
    const pairs = Array.from({ length: 40 }, (_, i) =>
      Array.from({ length: 9 }, (_, j) => `w${'abcdefghi'[j]}x${'q'.repeat(i + 1)}`).join(' '),
    );
    const found = themes(say(...pairs, ...pairs));
    expect(found?.themes).toHaveLength(12);
    for (const { terms, quotes } of found?.themes ?? []) {
      expect(terms.length).toBeLessThanOrEqual(6);
      expect(quotes.length).toBeLessThanOrEqual(3);
    }
  });
});
