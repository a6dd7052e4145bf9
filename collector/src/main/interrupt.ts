// Long work that Ctrl-C stops in an orderly way.
// Invariant: after the first signal the work is told to stop and cleans up; a second one ends the process.

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** @throws what `work` throws; after a signal it should throw the signal's reason */
export async function untilSignal<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const listeners = SIGNALS.map((name) => {
    const stopped = (): void => {
      if (stop.signal.aborted) process.exit(1);
      stop.abort(new Error(`${name}: stopped; nothing was left behind`));
    };
    process.on(name, stopped);
    return () => process.off(name, stopped);
  });
  try {
    return await work(stop.signal);
  } finally {
    for (const off of listeners) off();
  }
}
