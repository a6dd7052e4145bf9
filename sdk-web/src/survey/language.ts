// Which language a survey speaks here, and which way it is written.
// Invariant: always one that the survey has.

const base = (language: string): string => language.toLowerCase().split('-')[0] as string;

/** The survey's languages, best first: as wished, as the page says, as the browser does, then its own order. */
export function languagesOf(languages: readonly string[], wished: string | undefined): string[] {
  const wanted = [wished, document.documentElement.lang, ...navigator.languages].filter(Boolean) as string[];
  const found = wanted
    .map(
      (name) =>
        languages.find((one) => one.toLowerCase() === name.toLowerCase()) ??
        languages.find((one) => base(one) === base(name)),
    )
    .find(Boolean);
  // Its first has every text.
  return [found ?? (languages[0] as string), languages[0] as string];
}

/** Scripts written from right to left, by language. */
export const directionOf = (language: string): 'rtl' | 'ltr' =>
  /^(ar|he|iw|fa|ur|yi|ji|ps|sd|ug|dv|ckb|ku-arab)\b/i.test(language) ? 'rtl' : 'ltr';

/** The language file that serves a language, of those there are. */
export const fileOf = (language: string, files: readonly string[]): string | undefined =>
  files.find((name) => name === base(language));
