// How much of bodies may be in memory while they are being read: what is read waits in bounded queues.
// Invariant: bounded in all and for each address, so that slow senders of one address take no room from others.
import { isLoopback, networkOf } from './caller.ts';
import { overloaded } from './errors.ts';

/** Sixteen bodies of the largest size, or some ten thousand ordinary ones, at once. */
export const MAX_READING_BYTES = 64 * 1024 * 1024;
/** The same from one address: four of the largest size. Loopback is a proxy's, and so everybody's. */
export const MAX_READING_BYTES_OF_ADDRESS = 16 * 1024 * 1024;

/**
 * Bodies inflated at once, as many as there are threads for it: what they become is not known before, and thousands
 * of small bombs together would be gigabytes.
 */
const MAX_INFLATING = 4;

/** What one body takes up while it is read. */
export interface Place {
  /** @throws ApiError 429 when there is no room for so many bytes more */
  take(bytes: number): void;
  leave(): void;
}
export interface BodyRoom {
  enter(address: string | null): Place;
  /** Runs what makes a body larger, a few at a time and the others after them. */
  inflate<T>(work: () => Promise<T>): Promise<T>;
  /** Bytes of bodies being read. */
  taken(): number;
}

export function createBodyRoom(
  bounds: { total: number; address: number } = {
    total: MAX_READING_BYTES,
    address: MAX_READING_BYTES_OF_ADDRESS,
  },
): BodyRoom {
  const byAddress = new Map<string, number>();
  let total = 0;
  let inflating = 0;
  const turns: (() => void)[] = [];

  function add(name: string | null, bytes: number): void {
    total += bytes;
    if (name === null) return;
    const sum = (byAddress.get(name) ?? 0) + bytes;
    // Only addresses that are sending now are known.
    if (sum === 0) byAddress.delete(name);
    else byAddress.set(name, sum);
  }

  return {
    enter(address) {
      const name = address === null || isLoopback(address) ? null : networkOf(address);
      let own = 0;
      return {
        take(bytes) {
          const isPastShare = name !== null && (byAddress.get(name) ?? 0) + bytes > bounds.address;
          if (isPastShare || total + bytes > bounds.total) throw overloaded();
          own += bytes;
          add(name, bytes);
        },
        leave() {
          add(name, -own);
          own = 0;
        },
      };
    },
    async inflate(work) {
      // Whoever ends hands its turn on.
      if (inflating === MAX_INFLATING) await new Promise<void>((resolve) => turns.push(resolve));
      else inflating++;
      try {
        return await work();
      } finally {
        const next = turns.shift();
        if (next) next();
        else inflating--;
      }
    },
    taken: () => total,
  };
}
