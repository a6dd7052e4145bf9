// Which features a text speaks of, by the words that their definitions name.
// Invariant: deterministic; a text of any size costs a bounded amount of work.

/** What is read of one text, UTF-16 units; past two pages there is little that is new. */
const MAX_TEXT_CHARS = 4_000;

/** Scripts written without spaces: there a word is found inside others. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Hangul}]/u;

const normal = (text: string): string => text.normalize('NFKC').toLowerCase().replaceAll('’', "'");

/**
 * A test for texts: whole words or phrases, in any case; `export*` also takes "exporting". In Chinese, Japanese,
 * Korean and Thai a word counts wherever it stands.
 */
export function mentionsAny(terms: readonly string[]): (text: string) => boolean {
  const patterns = terms.map((term) => new RegExp(patternOf(normal(term).trim()), 'u'));
  return (text) => {
    const read = normal(text.slice(0, MAX_TEXT_CHARS));
    return patterns.some((pattern) => pattern.test(read));
  };
}

function patternOf(term: string): string {
  const isOpen = term.endsWith('*');
  const word = isOpen ? term.slice(0, -1).trimEnd() : term;
  const [first = ''] = word;
  const last = [...word].at(-1) ?? '';
  const words = word.split(/\s+/).map((part) => part.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
  const before = UNSPACED.test(first) ? '' : '(?<![\\p{L}\\p{M}\\p{N}])';
  const after = isOpen || UNSPACED.test(last) ? '' : '(?![\\p{L}\\p{M}\\p{N}])';
  return before + words.join('\\s+') + after;
}
