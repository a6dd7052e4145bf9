// The end of the process: what waits is sent before it if there is time, and told as lost if there is not.
// Invariant: one listener an event however many clients there are, and none while no client needs it.

/** A client that holds messages. */
export interface Holder {
  /** The process has nothing else to do: work started here keeps it. */
  beforeExit(): void;
  /** The process ends now: nothing asynchronous runs any more. */
  exit(): void;
}

const holders = new Set<Holder>();
const onBeforeExit = (): void => {
  for (const holder of holders) holder.beforeExit();
};
const onExit = (): void => {
  for (const holder of holders) holder.exit();
};

export function watchExit(holder: Holder): void {
  if (holders.size === 0) {
    process.on('beforeExit', onBeforeExit);
    process.on('exit', onExit);
  }
  holders.add(holder);
}

export function unwatchExit(holder: Holder): void {
  if (!holders.delete(holder) || holders.size > 0) return;
  process.off('beforeExit', onBeforeExit);
  process.off('exit', onExit);
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
const closers = new Set<() => Promise<unknown>>();

function onSignal(signal: NodeJS.Signals): void {
  // From here on a second signal has its usual effect: it ends the process at once.
  for (const name of SIGNALS) process.off(name, onSignal);
  const closing = [...closers].map((close) => close());
  closers.clear();
  void Promise.allSettled(closing).then(() => {
    // A host with a listener of its own decides itself when to end.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  });
}

/** Calls `close` on SIGTERM and SIGINT, then ends as the signal would have. */
export function watchSignals(close: () => Promise<unknown>): void {
  if (closers.size === 0) for (const name of SIGNALS) process.on(name, onSignal);
  closers.add(close);
}

export function unwatchSignals(close: () => Promise<unknown>): void {
  if (!closers.delete(close) || closers.size > 0) return;
  for (const name of SIGNALS) process.off(name, onSignal);
}
