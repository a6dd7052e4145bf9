// What the widget works out by itself: amounts, colours, languages, texts.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { luminance, readableOn } from './colour.ts';
import { readAmount } from './fields/price.ts';
import { localText, pipe } from './flow.ts';
import { directionOf, fileOf } from './language.ts';
import ar from './languages/ar.ts';
import de from './languages/de.ts';
import es from './languages/es.ts';
import fr from './languages/fr.ts';
import he from './languages/he.ts';
import ja from './languages/ja.ts';
import pt from './languages/pt.ts';
import zh from './languages/zh.ts';
import { english, LANGUAGES } from './words.ts';

it.each([
  ['12', 'en', '12'],
  [' 12.50 ', 'en', '12.50'],
  ['12,50', 'en', '12.50'],
  ['12.50', 'de', '12.50'],
  ['1,234', 'en', '1234'],
  ['1,234', 'de', '1.234'],
  ['1.234', 'de', '1234'],
  ['1.234', 'en', '1.234'],
  ['1,234.50', 'de', '1234.50'],
  ['1.234,50', 'en', '1234.50'],
  ['1,234,567', 'de', '1234567'],
  ['1 234,5', 'fr', '1234.5'],
  ['1’234.50', 'de', '1234.50'],
  ['١٢٫٥', 'ar', '12.5'],
  ['۱۲', 'fa', '12'],
  ['.5', 'en', '0.5'],
  ['', 'en', undefined],
  ['-5', 'en', undefined],
  ['5 €', 'en', undefined],
  ['1e5', 'en', undefined],
  ['5.', 'en', undefined],
])('reads the amount %j in %s as %j', (written, language, amount) => {
  expect(readAmount(written, language)).toBe(amount);
});

it('writes amounts that read as themselves', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e9 }), fc.integer({ min: 0, max: 99 }), (whole, cents) => {
      const amount = `${whole}.${String(cents).padStart(2, '0')}`;
      expect(readAmount(amount, 'en')).toBe(amount);
      expect(readAmount(amount.replace('.', ','), 'de')).toBe(amount);
    }),
  );
});

it('chooses a text colour that can be read on every colour: at least 4.5 to 1', () => {
  const channel = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(channel, channel, channel, (red, green, blue) => {
      const light = luminance([red, green, blue]);
      const ink = readableOn(light) === '#fff' ? 1 : 0;
      const ratio = (Math.max(light, ink) + 0.05) / (Math.min(light, ink) + 0.05);
      expect(ratio).toBeGreaterThanOrEqual(4.5);
    }),
  );
  expect(luminance([1, 1, 1])).toBeCloseTo(1);
});

it('puts answers and traits into texts, or what stands for them', () => {
  const describe = (id: string): string => ({ score: '9', none: '' })[id] ?? '';
  const traits = { name: 'Ada', 'a.b': 'exact', address: { city: 'Lund' }, list: [1], count: 0, no: false };
  const piped = (text: string): string => pipe(text, describe, traits);
  expect(piped('{{answer.score}} {{ trait.name }} {{trait.a.b}} {{trait.address.city}}')).toBe(
    '9 Ada exact Lund',
  );
  expect(piped('{{answer.none|nothing}} {{trait.missing | you}} {{trait.list|-}}')).toBe('nothing you -');
  expect(piped('{{trait.count}} {{trait.no}} {{trait.constructor|-}} {{trait.name.length|-}}')).toBe(
    '0 false - -',
  );
  expect(piped('{{other.x}} {{answer.none}}!')).toBe('{{other.x}} !');
});

it('takes the language there is', () => {
  expect(localText({ en: 'Hi', zh: '你好' }, ['zh', 'en'])).toBe('你好');
  expect(localText({ en: 'Hi' }, ['zh', 'en'])).toBe('Hi');
  expect(localText('Hi', ['zh'])).toBe('Hi');
  expect(fileOf('zh-Hant-TW', LANGUAGES)).toBe('zh');
  expect(fileOf('tr', LANGUAGES)).toBeUndefined();
  expect(['ar', 'he-IL', 'fa', 'ur-PK'].map(directionOf)).toEqual(['rtl', 'rtl', 'rtl', 'rtl']);
  expect(['en', 'zh', 'arn', 'her'].map(directionOf)).toEqual(['ltr', 'ltr', 'ltr', 'ltr']);
});

it('has every word in every language, with the marks where numbers go', () => {
  const all = { ar, de, es, fr, he, ja, pt, zh };
  expect(Object.keys(all)).toEqual(LANGUAGES);
  const places = (text: string): string[] => [...text.matchAll(/\{\w\}/g)].map(([place]) => place).sort();
  for (const words of Object.values(all)) {
    expect(Object.keys(words)).toEqual(Object.keys(english));
    for (const [key, text] of Object.entries(words)) {
      expect(text.trim()).not.toBe('');
      expect(places(text)).toEqual(places(english[key as keyof typeof english]));
    }
  }
});
