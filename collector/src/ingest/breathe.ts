// A pause in long work.
// Invariant: whatever waits for the event loop (a request, a timer) has had its turn when it is over.

/** Lets the process answer others between two pieces of long work. */
export const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
