// Runs what a browser or a host may refuse.
// Invariant: never throws; what could not be done answers undefined.

/** The result of `run`, or undefined if it threw: blocked storage, a listener of the host, a missing API. */
export function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    // Losses are reported where they happen; nothing else may reach the page.
    return undefined;
  }
}
