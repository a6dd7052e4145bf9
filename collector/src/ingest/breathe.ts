// A pause in long work.
// Invariant: whatever waits for the event loop (a request, a timer) has had its turn when it is over.

/** Lets the process answer others between two pieces of long work. */
export const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Text of messages, in characters, after which others have their turn: to parse so much takes some milliseconds. */
const MAX_CHARS = 256 * 1024;

/** Breathes whenever that much of the messages handed to it has gone by; undefined: there is nothing to wait for. */
export function createPace(): (message: { readonly text?: string }) => Promise<void> | undefined {
  let chars = 0;
  return ({ text = '' }) => {
    chars += text.length;
    if (chars < MAX_CHARS) return undefined;
    chars = 0;
    return breathe();
  };
}
