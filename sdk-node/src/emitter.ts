// The listeners of one client.
// Invariant: a listener that throws stops nothing and nobody; the host is warned.

type Arguments<M> = { [E in keyof M]: unknown[] };
type Listener<A extends unknown[]> = (...args: A) => void;

export interface Emitter<M extends Arguments<M>> {
  on<E extends keyof M>(event: E, listener: Listener<M[E]>): void;
  once<E extends keyof M>(event: E, listener: Listener<M[E]>): void;
  off<E extends keyof M>(event: E, listener: Listener<M[E]>): void;
  emit<E extends keyof M>(event: E, ...args: M[E]): void;
  /** Whether anybody listens: what is costly to tell is made only then. */
  isHeard(event: keyof M): boolean;
}

export function createEmitter<M extends Arguments<M>>(quietly: (run: () => unknown) => void): Emitter<M> {
  const listeners: { [E in keyof M]?: Set<Listener<M[E]>> } = {};

  function on<E extends keyof M>(event: E, listener: Listener<M[E]>): void {
    const set = listeners[event] ?? new Set<Listener<M[E]>>();
    listeners[event] = set;
    set.add(listener);
  }
  function off<E extends keyof M>(event: E, listener: Listener<M[E]>): void {
    listeners[event]?.delete(listener);
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
      for (const listener of listeners[event] ?? []) quietly(() => listener(...args));
    },
    isHeard: (event) => (listeners[event]?.size ?? 0) > 0,
  };
}
