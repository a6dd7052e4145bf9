// Texts of other tools as texts of ours: plain, short enough, by language.
// Invariant: a text given here holds no markup and at most as many characters as a definition takes.
import type { LocalText } from '../../../wire/survey.ts';
import type { ImportNote } from './imported.ts';

/** What a definition takes. */
const MAX_TEXT_CHARS = 1_024;

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
};

/** What one question is read with. */
export interface Reading {
  texts: Texts;
  notes: ImportNote[];
  /** The question's id here. */
  id: string;
}

export interface Texts {
  /** BCP 47; the first is the default. */
  readonly languages: readonly string[];
  /**
   * Text by language, the default one's as plain text where there is no other; undefined where there is none.
   * @param of text, or text by language with `default` for the first
   */
  local(of: unknown, pointer: string, isMarkup?: boolean): LocalText | undefined;
  /** Only the default language's. */
  plain(of: unknown, pointer: string): string | undefined;
}

export interface TextOptions {
  languages: readonly string[];
  notes: ImportNote[];
  /** Changes a text before its markup goes: places to fill in, for one. */
  prepare?: (text: string, pointer: string) => string;
}

export function createTexts({ languages, notes, prepare = (text) => text }: TextOptions): Texts {
  const clean = (text: string, pointer: string, isMarkup: boolean): string => {
    const prepared = prepare(text, pointer);
    const plain = (isMarkup ? withoutMarkup(prepared) : prepared).trim();
    if (isMarkup && /<[a-z!/]/i.test(prepared))
      notes.push({ pointer, message: 'its markup was taken out: texts are plain here. Read it once over' });
    if (plain.length <= MAX_TEXT_CHARS) return plain;
    notes.push({
      pointer,
      message: `was cut to ${MAX_TEXT_CHARS} characters, the most a text may have. Shorten it`,
    });
    return `${plain.slice(0, MAX_TEXT_CHARS - 1).trimEnd()}…`;
  };
  const [first = 'en'] = languages;

  const local = (of: unknown, pointer: string, isMarkup = true): LocalText | undefined => {
    if (typeof of === 'string') return clean(of, pointer, isMarkup) || undefined;
    if (typeof of !== 'object' || of === null || Array.isArray(of)) return undefined;
    const found: [string, string][] = [];
    for (const [name, text] of Object.entries(of)) {
      if (typeof text !== 'string') continue;
      const language = name === 'default' ? first : name;
      const cleaned = clean(text, `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, isMarkup);
      if (cleaned === '') continue;
      if (languages.includes(language)) found.push([language, cleaned]);
      else
        notes.push({
          pointer,
          message: `its text in "${language.slice(0, 40)}" was left out: the survey does not offer that language`,
        });
    }
    const texts = Object.fromEntries(found) as Record<string, string>; // names are languages, checked
    if (found.length === 0) return undefined;
    if (texts[first] === undefined) {
      const [[other, text]] = found as [[string, string]]; // has one
      notes.push({ pointer, message: `has no text in "${first}", the default: that in "${other}" is used` });
      texts[first] = text;
    }
    return Object.keys(texts).length === 1 ? texts[first] : texts;
  };
  return {
    languages,
    local,
    plain(of, pointer) {
      const found = local(of, pointer);
      return typeof found === 'object' ? found[first] : found;
    },
  };
}

/** Tags become spaces where they part lines, and go elsewhere; entities become their characters. */
export function withoutMarkup(text: string): string {
  return text
    .replace(/<(?:br|\/p|\/div|\/li|\/h[1-6])\b[^<>]*>/gi, '\n')
    .replace(/<[a-z!/][^<>]*>/gi, '')
    .replace(/&(#x?[0-9a-f]{1,6}|[a-z]{1,8});/gi, (whole, name: string) => entity(name) ?? whole)
    .replace(/[ \t]+/g, ' ')
    .replace(/ ?\n ?/g, '\n')
    .replace(/\n{2,}/g, '\n');
}

function entity(name: string): string | undefined {
  if (!name.startsWith('#')) return Object.hasOwn(ENTITIES, name) ? ENTITIES[name] : undefined;
  const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  // Not a lone surrogate, and nothing past Unicode's end.
  const isCharacter = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
  return isCharacter ? String.fromCodePoint(code) : undefined;
}
