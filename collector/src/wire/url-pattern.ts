// Patterns of addresses, in which * stands for any text: what is wrong with one, and which addresses fit.
// Invariant: pattern and address are brought to one spelling first; matching is linear, whatever an address holds.

/** Scheme and authority of a pattern that is held against whole addresses. */
const WHOLE = /^([^/?]*):\/\/([^/?]*)/;
/** Of a scheme's text, that which such a pattern may begin with. */
const SCHEME = /^(?:\*.*|https?\*?)$/is;
/** Ports that an address leaves out (WHATWG URL, special schemes). */
const DEFAULT_PORT: Readonly<Record<string, string>> = { http: ':80', https: ':443' };
/** A step that every address has resolved: `.` or `..`. */
const DOT_STEP = /(?:^|\/)\.{1,2}(?:\/|$)/;

/** Why no address can ever fit the pattern, and what to write instead; or null. */
export function patternFault(pattern: string): string | null {
  if (/^\s|\s$|[\t\r\n]/.test(pattern)) return 'must hold no line breaks, and no blanks at its ends';
  if (pattern.includes('#')) return 'must end before the "#": the part from there on is not compared';
  if (pattern.endsWith('?')) return 'must say what follows the "?": * for anything';
  const whole = WHOLE.exec(pattern);
  const [, scheme = '', authority = ''] = whole ?? [];
  const isBegun = whole ? SCHEME.test(scheme) : /^[/*]/.test(pattern);
  if (!isBegun) return 'must begin with "/" (a path), "*", "https://" or "http://"';
  if (DOT_STEP.test(pattern.slice(whole?.[0].length ?? 0).split('?')[0] as string))
    return 'must hold no "." or ".." as a step: an address has none';
  if (!whole || authority.includes('*')) return null;
  if (authority.includes('@')) return 'must not hold a user name: it is not compared';
  return URL.canParse(`http://${authority}`) ? null : `holds "${authority}", which is no host`;
}

/** Addresses of pages are looked at up to this length, in characters; a longer one counts as unknown. */
export const MAX_URL_CHARS = 8_192;

/**
 * Makes the test of whether an address fits. A pattern with `://` is held against the address without its fragment,
 * any other against its path; the query counts where the pattern has a `?`. Scheme and host are compared without
 * regard to case, default ports are left out, and characters are the same with or without percent-encoding.
 */
export function urlTest(pattern: string): (url: string) => boolean {
  const known = tests.get(pattern);
  if (known) return known;
  if (tests.size >= MAX_KNOWN) tests.clear();
  const test = compiled(pattern);
  tests.set(pattern, test);
  return test;
}

/** An address may be held against many patterns, in any order. */
const MAX_KNOWN = 1_000;
const tests = new Map<string, (url: string) => boolean>();

interface Comparable {
  origin: string;
  path: string;
  query: string;
}

let last: { url: string; parts: Comparable | null } = { url: '', parts: null };

/** The parts of an address as patterns are spelt, worked out once for one after the other; null: it is none. */
function partsOf(url: string): Comparable | null {
  if (last.url === url) return last.parts;
  let parts: Comparable | null = null;
  if (url.length <= MAX_URL_CHARS && URL.canParse(url)) {
    const { origin, pathname, search } = new URL(url);
    const [path, query] = [pathname, search].map((part) => encoded(part).replaceAll('*', '%2A'));
    parts = { origin: encoded(origin).replaceAll('*', '%2A'), path: path ?? '', query: query ?? '' };
  }
  last = { url, parts };
  return parts;
}

function compiled(pattern: string): (url: string) => boolean {
  const isWhole = WHOLE.test(pattern);
  const hasQuery = pattern.includes('?');
  const ways = spellings(pattern).map((way) => way.split('*').map((piece) => encoded(piece)));
  return (url) => {
    const parts = partsOf(url);
    if (!parts) return false;
    const comparable = (isWhole ? parts.origin : '') + parts.path + (hasQuery ? parts.query : '');
    return ways.some((pieces) => fits(pieces, comparable));
  };
}

/** The ways in which a pattern may be meant: a star in the host may reach into the path. */
function spellings(pattern: string): string[] {
  const whole = WHOLE.exec(pattern);
  if (!whole) return [pattern];
  const [head, scheme = '', authority = ''] = whole;
  const rest = pattern.slice(head.length);
  const begin = `${scheme.toLowerCase()}://`;
  const host = hostOf(authority, scheme.toLowerCase());
  const hosts = authority.includes('*') ? [authority, host] : [host];
  // Without a path it is that of the host itself, as in an address; a star may hold the slash as well.
  return hosts
    .flatMap((one) => (rest.startsWith('/') ? [one + rest] : [`${one}/${rest}`, one + rest]))
    .map((one) => begin + one);
}

/** As an address has it: in lower case, in ASCII, and without the port that goes without saying. */
function hostOf(authority: string, scheme: string): string {
  const port = Object.entries(DEFAULT_PORT).find(
    ([name, text]) => (scheme === name || scheme === `*${name}`) && authority.endsWith(text),
  );
  const [, name = '', kept = ''] =
    /^(.*?)(:\d+)?$/s.exec(port ? authority.slice(0, -port[1].length) : authority) ?? [];
  return name.split('.').map(labelOf).join('.') + kept;
}

function labelOf(label: string): string {
  const url = `http://${label}`;
  const isForeign = /[^\x20-\x7e]/.test(label) && !label.includes('*') && URL.canParse(url);
  return isForeign ? new URL(url).hostname : label.toLowerCase();
}

/** One spelling of what may be written with percent signs or without (RFC 3986, 6.2.2). */
function encoded(text: string): string {
  return text
    .replace(/%[0-9a-f]{2}/gi, (triplet) => {
      const character = String.fromCharCode(Number.parseInt(triplet.slice(1), 16));
      return /[\w.~-]/.test(character) ? character : triplet.toUpperCase();
    })
    .replace(/[^\x21-\x7e]+|["'<>\\^`{|}]/g, (characters) =>
      [...Buffer.from(characters)]
        .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
        .join(''),
    );
}

/** Goes through the pieces from left to right, each at the first place there is. */
function fits(pieces: readonly string[], text: string): boolean {
  const first = pieces[0] as string; // a split gives at least one
  const last = pieces[pieces.length - 1] as string;
  if (pieces.length === 1) return text === first;
  if (!text.startsWith(first) || text.length < first.length + last.length) return false;
  let at = first.length;
  const end = text.length - last.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return text.endsWith(last);
}
