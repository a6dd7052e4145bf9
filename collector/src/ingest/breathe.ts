// A pause in long work.
// Invariant: whatever waits for the event loop (a request, a timer) has had its turn when it is over.

/** Lets the process answer others between two pieces of long work. */
export const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Worked in one go, ms: about what putting through a slice of messages takes. */
const GO_MS = 5;

/** Breathes if there was none for a while; undefined: there is nothing to wait for. */
export type Pace = () => Promise<void> | undefined;

/** For a loop over what may be any number: asked after each step, it costs a look at the clock. */
export function createPace(): Pace {
  let since = performance.now();
  return () => {
    if (performance.now() - since < GO_MS) return undefined;
    return breathe().then(() => {
      since = performance.now();
    });
  };
}
