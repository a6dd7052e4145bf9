// What was thrown, in words.
// Invariant: never throws: anything can be thrown, also what has no text.

/** The text of whatever was thrown. */
export function wordsOf(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return 'something that has no text was thrown';
  }
}
