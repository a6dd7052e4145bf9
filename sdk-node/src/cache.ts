// Answers used again for a short while, and shared by those who ask at once.
// Invariant: never more than `size` entries; a failure is not kept.

export interface Cache {
  /** What `load` answered under this key at most `ttlMs` ago, or answers now. */
  read<T>(key: string, load: () => Promise<T>): Promise<T>;
  /** Forgets what is kept under this key. */
  forget(key: string): void;
}

/** @param elapsed ms that are never set back */
export function createCache(size: number, ttlMs: number, elapsed: () => number): Cache {
  const entries = new Map<string, { value: Promise<unknown>; until: number }>();

  return {
    read<T>(key: string, load: () => Promise<T>): Promise<T> {
      const entry = entries.get(key);
      if (entry && elapsed() < entry.until) return entry.value as Promise<T>; // kept under a key of its kind
      const value = load();
      entries.delete(key);
      if (size < 1 || ttlMs === 0) return value;
      entries.set(key, { value, until: elapsed() + ttlMs });
      value.catch(() => {
        if (entries.get(key)?.value === value) entries.delete(key);
      });
      // The oldest goes: a Map keeps the order in which keys were set.
      for (const oldest of entries.keys()) {
        if (entries.size <= size) break;
        entries.delete(oldest);
      }
      return value;
    },
    forget: (key) => void entries.delete(key),
  };
}
