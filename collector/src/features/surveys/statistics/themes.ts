// Themes of open answers: groups of words that occur together, with how many people and in whose words.
// Invariant: deterministic, and bounded by the constants below however much was written.
import { checkLevel, DEFAULT_LEVEL, type Estimate } from './estimate.ts';
import { compareTerms, keyTerms, tfIdf, type Words } from './key-terms.ts';
import { proportion } from './proportion.ts';
import { MAX_ANSWER_CHARS, wordsOf } from './words.ts';

export interface OpenAnswer {
  text: string;
  /** BCP 47; default: told from the text. */
  language?: string;
}

export interface Theme {
  /** The word that the theme is about, then those that go with it. */
  terms: { term: string; answers: number /** Log-odds z, theme against rest. */; z: number | null }[];
  answers: number;
  /** Of all answers read, with Wilson's interval. */
  share: Estimate | null;
  /** `answer` is the place in the list given. */
  quotes: { answer: number; text: string }[];
}

export interface Themes {
  /** Answers read that are not empty. */
  n: number;
  /** Answers that are not empty; more than `n` when there was more text than is read. */
  total: number;
  /** Answers read that are in no theme. */
  other: number;
  /** Most answers first. An answer may be in several. */
  themes: Theme[];
}

/** Text that is read, UTF-16 units: about a second of segmentation in Chinese (188,000 a second, measured). */
const MAX_CHARS = 200_000;
/** Words that are looked at: pairs of them are counted. */
const MAX_TERMS = 150;
const MAX_THEMES = 12;
const MAX_TERMS_A_THEME = 6;
const MAX_QUOTES = 3;
const MAX_QUOTE_CHARS = 240;
/** What one person says is no theme. */
const MIN_ANSWERS = 2;
/** Two words belong together from this normalised pointwise mutual information on: 0 is chance, 1 always together. */
const MIN_ASSOCIATION = 0.25;

/**
 * Key words by TF-IDF; each in its turn, unless already taken, becomes the centre of a theme with the words
 * most associated with it (normalised pointwise mutual information, G. Bouma 2009; star-shaped clusters, J.
 * Aslam et al., J. Graph Algorithms 8, 2004). An answer has a theme when it has its central word or two of the
 * others. Of more text than is read every second answer counts, or every third, and so on. Null without text.
 */
export function themes(answers: readonly OpenAnswer[], level = DEFAULT_LEVEL): Themes | null {
  checkLevel(level);
  const written = answers.flatMap(({ text, language }, answer) =>
    text.trim() === '' ? [] : [{ answer, text: text.trim().slice(0, MAX_ANSWER_CHARS), language }],
  );
  const read = evenChoice(written);
  if (read.length === 0) return null;
  const words = read.map(({ text, language }) => wordsOf(text, language));
  const found = groupsOf(words)
    .map((terms) => ({ terms, members: membersOf(terms, words) }))
    .filter(({ members }) => members.length >= MIN_ANSWERS)
    .sort((a, b) => b.members.length - a.members.length || compareTerms(a.terms[0] ?? '', b.terms[0] ?? ''))
    .slice(0, MAX_THEMES);
  const covered = new Set(found.flatMap(({ members }) => members));
  return {
    n: read.length,
    total: written.length,
    other: read.length - covered.size,
    themes: found.map(({ terms, members }) => ({
      terms: describe(terms, members, words),
      answers: members.length,
      share: proportion(members.length, read.length, level),
      quotes: quotesOf(terms, members, words, read),
    })),
  };
}

/** All answers, or every k-th of them with the first k that keeps the text within its limit. */
function evenChoice<T extends { text: string }>(answers: readonly T[]): T[] {
  const chars = (chosen: readonly T[]) => chosen.reduce((sum, { text }) => sum + text.length, 0);
  // Below this no k can do but by luck.
  for (let stride = Math.max(1, Math.ceil(chars(answers) / MAX_CHARS)); ; stride++) {
    const chosen = answers.filter((_, i) => i % stride === 0);
    if (chosen.length <= 1 || chars(chosen) <= MAX_CHARS) return chosen;
  }
}

/** Disjoint groups of words, the central one first. */
function groupsOf(answers: readonly Words[]): string[][] {
  const candidates = tfIdf(answers)
    .filter((term) => term.answers >= MIN_ANSWERS)
    .slice(0, MAX_TERMS);
  const together = countPairs(
    answers,
    candidates.map(({ term }) => term),
  );
  const taken = new Set<number>();
  const groups: string[][] = [];
  candidates.forEach((centre, i) => {
    if (taken.has(i)) return;
    const near = candidates
      .map((other, j) => ({
        j,
        strength:
          j === i || taken.has(j)
            ? 0
            : association(together[i]?.[j] ?? 0, centre.answers, other.answers, answers.length),
      }))
      .filter(({ strength }) => strength >= MIN_ASSOCIATION)
      .sort((a, b) => b.strength - a.strength || a.j - b.j)
      .slice(0, MAX_TERMS_A_THEME - 1);
    for (const j of [i, ...near.map((n) => n.j)]) taken.add(j);
    groups.push([centre.term, ...near.map(({ j }) => (candidates[j] as { term: string }).term)]);
  });
  return groups;
}

/** How many answers have both words, by the words' places. */
function countPairs(answers: readonly Words[], terms: readonly string[]): number[][] {
  const places = new Map(terms.map((term, i) => [term, i]));
  const counts = terms.map(() => new Array<number>(terms.length).fill(0));
  for (const words of answers) {
    const present = [...new Set(words)].flatMap((word) => places.get(word) ?? []);
    for (const i of present) {
      const row = counts[i] as number[];
      for (const j of present) row[j] = (row[j] as number) + 1;
    }
  }
  return counts;
}

/** Normalised pointwise mutual information, -1 to 1; 0 for words that met but once, or are everywhere. */
function association(both: number, one: number, other: number, n: number): number {
  if (both < MIN_ANSWERS || both === n) return 0;
  return Math.log((both * n) / (one * other)) / Math.log(n / both);
}

/** Places of the answers with the central word or two of the others. */
function membersOf([centre, ...others]: readonly string[], answers: readonly Words[]): number[] {
  return answers.flatMap((words, i) => {
    const has = new Set(words);
    const holds = has.has(centre as string) || others.filter((term) => has.has(term)).length >= 2;
    return holds ? [i] : [];
  });
}

function describe(terms: readonly string[], members: readonly number[], answers: readonly Words[]) {
  const inside = new Set(members);
  const typical = keyTerms(
    members.map((i) => answers[i] as Words),
    answers.filter((_, i) => !inside.has(i)),
  );
  return terms.map((term) => ({
    term,
    answers: members.filter((i) => answers[i]?.includes(term)).length,
    z: typical.find((key) => key.term === term)?.z ?? null,
  }));
}

/** Answers with most of the theme's words; of equal ones the shorter, then the earlier. The same words once. */
function quotesOf(
  terms: readonly string[],
  members: readonly number[],
  answers: readonly Words[],
  read: readonly { answer: number; text: string }[],
): Theme['quotes'] {
  const ranked = members
    .map((i) => ({
      ...(read[i] as { answer: number; text: string }),
      has: terms.filter((term) => answers[i]?.includes(term)).length,
    }))
    .sort((a, b) => b.has - a.has || a.text.length - b.text.length || a.answer - b.answer);
  const quotes = new Map<string, Theme['quotes'][number]>();
  for (const { answer, text } of ranked) {
    if (quotes.size === MAX_QUOTES) break;
    const quote = cut(text);
    if (!quotes.has(quote)) quotes.set(quote, { answer, text: quote });
  }
  return [...quotes.values()];
}

/** At most `MAX_QUOTE_CHARS`, never through the middle of a character as people see it. */
function cut(text: string): string {
  if (text.length <= MAX_QUOTE_CHARS) return text;
  let end = 0;
  for (const { index, segment } of new Intl.Segmenter().segment(text)) {
    if (index + segment.length >= MAX_QUOTE_CHARS) break;
    end = index + segment.length;
  }
  return `${text.slice(0, end).trimEnd()}…`;
}
