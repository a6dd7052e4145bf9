// Words of open text. ICU's dictionaries change from version to version, so only what any of them finds is held.
// Invariant: no test here names a complete segmentation of a language without spaces.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { languageOf, wordsOf } from './words.ts';

describe('the words of a text', () => {
  it.each([
    ['zh', '导出功能太慢了,希望支持批量导出', ['导出', '功能', '批量'], ['了', ',', '太']],
    ['ja', '検索が遅くて使いにくい', ['検索'], ['が', 'て']],
    ['ko', '검색이 느려요. 검색을 고쳐 주세요', ['검색', '느려요'], ['검색이', '검색을', '주세요', '.']],
    ['th', 'ใช้งานยากมาก', ['ยาก'], ['มาก']],
    [
      'en',
      "The export's too slow, and I don't like it!",
      ["export's", 'slow'],
      ['the', 'too', "don't", 'it'],
    ],
    ['de', 'Der Export ist für uns viel zu langsam', ['export', 'langsam'], ['der', 'für', 'zu']],
    ['fr', "L'export est très lent pour nous", ['lent'], ['est', 'très', 'pour']],
    ['es', 'La exportación es muy lenta para nosotros', ['exportación', 'lenta'], ['la', 'muy', 'para']],
    [
      'pt',
      'A exportação não está boa para mim, é muito lenta',
      ['exportação', 'lenta'],
      ['não', 'é', 'muito'],
    ],
    ['it', "L'esportazione non è veloce come nella mia app", ['veloce', 'app'], ['non', 'è', 'nella']],
  ])('%s: %s', (language, text, has, lacks) => {
    expect(languageOf(text)).toBe(language);
    for (const words of [wordsOf(text), wordsOf(text, language), wordsOf(text, `${language}-XX`)]) {
      expect(words).toEqual(expect.arrayContaining(has));
      for (const word of lacks) expect(words).not.toContain(word);
    }
  });

  it('are in one form, whatever the keyboard', () => {
    expect(wordsOf('ＥＸＰＯＲＴ Export export')).toEqual(['export', 'export', 'export']);
    expect(wordsOf('cafe\u0301')).toEqual(['café']);
    expect(wordsOf('app’s', 'en')).toEqual(["app's"]);
  });

  it('leave out numbers, single letters and what no one types', () => {
    expect(wordsOf('12 3.5 x q ok 👍 🙏🏽 --')).toEqual(['ok']);
    expect(wordsOf('a'.repeat(500))).toEqual([]);
    expect(wordsOf('慢')).toEqual(['慢']);
    expect(wordsOf('')).toEqual([]);
  });

  it('read the beginning of a very long text', () => {
    expect(wordsOf('slow '.repeat(100_000)).length).toBe(400);
  });

  it('are told in English where nothing says otherwise, and for tags that are none', () => {
    expect([languageOf(''), languageOf('xyz')]).toEqual(['en', 'en']);
    for (const tag of ['', 'xx', '!!', 'constructor', '__proto__', 'zh_Hans_CN'])
      expect(wordsOf('slow export', tag)).toEqual(['slow', 'export']);
  });

  it('are lower-case words of any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        for (const word of wordsOf(text)) {
          expect(word.length).toBeGreaterThan(0);
          expect(word.length).toBeLessThanOrEqual(40);
          expect(word).toMatch(/\p{L}/u);
        }
      }),
    );
  });
});
