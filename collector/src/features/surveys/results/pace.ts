// Long computing in pieces: whoever computes asks now and then whether to let others in.
// Invariant: changes when something is computed, never what.

/** Computed in one go, ms: about what storing a slice of messages takes. */
const GO_MS = 5;

/** Lets the process answer others if it has been computing for a while. */
export type Pace = () => Promise<void> | undefined;

export function createPace(): Pace {
  let since = performance.now();
  return () => {
    if (performance.now() - since < GO_MS) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        since = performance.now();
        resolve();
      });
    });
  };
}

/** Runs steps to their end with a look at the pace between two of them. */
export async function runPaced<T>(steps: Generator<void, T>, pace: Pace): Promise<T> {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    await pace();
  }
}
