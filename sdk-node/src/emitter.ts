// The listeners of one client.
// Invariant: a listener that throws stops nothing and nobody; the host is warned.

type Arguments<M> = { [E in keyof M]: unknown[] };
type Listener<A extends unknown[]> = (...args: A) => void;

/** What is added under a name takes what is told under it. */
interface Listeners<M extends Arguments<M>> {
  get<E extends keyof M>(event: E): Set<Listener<M[E]>> | undefined;
  set<E extends keyof M>(event: E, listeners: Set<Listener<M[E]>>): unknown;
}

export interface Emitter<M extends Arguments<M>> {
  on<E extends keyof M>(event: E, listener: Listener<M[E]>): void;
  once<E extends keyof M>(event: E, listener: Listener<M[E]>): void;
  off<E extends keyof M>(event: E, listener: Listener<M[E]>): void;
  emit<E extends keyof M>(event: E, ...args: M[E]): void;
  /** Whether anybody listens: what is costly to tell is made only then. */
  isHeard(event: keyof M): boolean;
}

export function createEmitter<M extends Arguments<M>>(quietly: (run: () => unknown) => void): Emitter<M> {
  // Not an object: a host's own object as an event would be asked for its text, which may throw.
  const listeners: Listeners<M> = new Map();

  function on<E extends keyof M>(event: E, listener: Listener<M[E]>): void {
    const set = listeners.get(event) ?? new Set<Listener<M[E]>>();
    listeners.set(event, set);
    set.add(listener);
  }
  function off<E extends keyof M>(event: E, listener: Listener<M[E]>): void {
    listeners.get(event)?.delete(listener);
  }
  return {
    on,
    off,
    once(event, listener) {
      const once: typeof listener = (...args) => {
        off(event, once);
        listener(...args);
      };
      on(event, once);
    },
    emit(event, ...args) {
      for (const listener of listeners.get(event) ?? []) quietly(() => listener(...args));
    },
    isHeard: (event) => (listeners.get(event)?.size ?? 0) > 0,
  };
}
