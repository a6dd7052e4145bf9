// Text of others (names of keys, of surveys, of files) made safe to print.
// Invariant: nothing that is printed moves a terminal's cursor, colours it, retitles its window or turns the order
// of its letters; what JSON holds stays the same JSON.

/**
 * What a terminal may obey instead of showing: control characters of both sets (those from U+0080 on are obeyed in
 * UTF-8 too) but for tab and line feed, and characters that turn the order of text or end a line.
 */
const OBEYED = /(?![\t\n])\p{Cc}|[\u2028-\u202e\u2066-\u2069]/gu;

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** As it is printed: `\u001b` stands for the character that begins an escape sequence. */
export const legible = (text: string): string => text.replace(OBEYED, escaped);

/** The same for what must stay on its line, such as a name in a table. */
export const legibleInLine = (text: string): string => legible(text.replace(/[\t\n]/g, escaped));
