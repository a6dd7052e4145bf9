// Open text as words, also in languages that write no spaces.
// Invariant: deterministic for one version of ICU; a text of any size costs a bounded amount of work.
import { STOP_WORDS } from './stop-words.ts';

/** What is read of one answer, UTF-16 units; past two pages there is little that is new. */
export const MAX_ANSWER_CHARS = 2_000;
/** Longer ones are addresses and keyboards being leant on. */
const MAX_WORD_CHARS = 40;
/** A Korean word keeps at least two syllables when its particle goes; one is as often part of the word. */
const MIN_STEM_CHARS = 2;

/** Languages known by their script; the first that occurs decides, so kana before the Han that it is mixed with. */
const SCRIPTS: readonly (readonly [RegExp, string])[] = [
  [/[\p{Script=Hiragana}\p{Script=Katakana}]/u, 'ja'],
  [/\p{Script=Hangul}/u, 'ko'],
  [/\p{Script=Thai}/u, 'th'],
  [/\p{Script=Han}/u, 'zh'],
];
const LATIN_LANGUAGES = Object.keys(STOP_WORDS).filter((language) => !/^(zh|ja|ko|th)$/.test(language));

/** Commonest Korean particles, longer ones first. */
const KOREAN_PARTICLES =
  /(?:에서는|에서|에게|으로|까지|부터|처럼|보다|한테|이나|은|는|이|가|을|를|에|의|와|과|도|만|로)$/u;

const segmenters = new Map<string, Intl.Segmenter>();

function segmenterFor(language: string): Intl.Segmenter {
  const known = segmenters.get(language) ?? new Intl.Segmenter(language, { granularity: 'word' });
  segmenters.set(language, known);
  return known;
}

/**
 * The language of a text, by its script, or among those of Latin script by which list of small words it
 * uses most; `en` when none does.
 */
export function languageOf(text: string): string {
  const start = text.slice(0, MAX_ANSWER_CHARS);
  const script = SCRIPTS.find(([letters]) => letters.test(start));
  if (script) return script[1];
  const words = start
    .normalize('NFKC')
    .toLowerCase()
    .split(/[^\p{L}\p{M}'’]+/u);
  const hits = LATIN_LANGUAGES.map(
    (language) => words.filter((word) => STOP_WORDS[language]?.has(word)).length,
  );
  return LATIN_LANGUAGES[hits.indexOf(Math.max(...hits))] as string;
}

/**
 * The words of a text that may carry a theme, in order: segmented by Unicode's rules and ICU's dictionaries
 * (`Intl.Segmenter`, UAX 29), in lower case and normal form, without stop words, numbers and single letters.
 * `language` is a BCP 47 tag; one without a list of its own counts as not given.
 */
export function wordsOf(text: string, language?: string): string[] {
  const given = language?.toLowerCase().split(/[-_]/)[0] ?? '';
  const known = Object.hasOwn(STOP_WORDS, given) ? given : languageOf(text);
  const stopWords = STOP_WORDS[known] as ReadonlySet<string>;
  const start = text.slice(0, MAX_ANSWER_CHARS).normalize('NFKC').toLowerCase().replaceAll('’', "'");
  const words: string[] = [];
  for (const { segment, isWordLike } of segmenterFor(known).segment(start)) {
    if (!isWordLike || segment.length > MAX_WORD_CHARS || stopWords.has(segment)) continue;
    const word = known === 'ko' ? withoutParticle(segment) : segment;
    if (carriesMeaning(word) && !stopWords.has(word)) words.push(word);
  }
  return words;
}

function withoutParticle(word: string): string {
  const stem = word.replace(KOREAN_PARTICLES, '');
  return stem.length >= MIN_STEM_CHARS ? stem : word;
}

/** A single character is a word only where characters stand for words. */
function carriesMeaning(word: string): boolean {
  return /\p{L}/u.test(word) && (word.length > 1 || /\p{Script=Han}/u.test(word));
}
