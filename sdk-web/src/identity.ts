// Who this browser is: the device's id, the user and their traits, across pages.
// Invariant: storage is a copy; without it the identity lives as long as the page.
import { attempt } from './attempt.ts';

const KEY = 'tm.id';
/** The device's id outlives localStorage in a cookie for a year, seconds. */
const COOKIE_SECONDS = 31_536_000;

export interface Identity {
  userId: string | null;
  anonymousId: string;
  traits: Record<string, unknown>;
}

export interface IdentityStore {
  read(): Identity;
  write(change: Partial<Identity>): void;
  /** Forgets the user and makes a new device id. */
  renew(): void;
}

export function createIdentityStore(newId: () => string): IdentityStore {
  let identity: Identity | undefined;

  function read(): Identity {
    if (!identity) {
      const stored = attempt(() => JSON.parse(localStorage[KEY]) as Identity | null); // written by save
      const cookie = attempt(() => /(?:^|; )tm\.id=([^;]+)/.exec(document.cookie)?.[1]);
      save({
        userId: stored?.userId ?? null,
        anonymousId: stored?.anonymousId ?? cookie ?? newId(),
        traits: stored?.traits ?? {},
      });
    }
    return identity as Identity;
  }

  function save(next: Identity): void {
    identity = next;
    attempt(() => {
      localStorage[KEY] = JSON.stringify(next);
    });
    attempt(() => {
      // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing in Firefox and over http.
      document.cookie = `${KEY}=${next.anonymousId};path=/;max-age=${COOKIE_SECONDS};samesite=lax`;
    });
  }

  return {
    read,
    write: (change) => save({ ...read(), ...change }),
    renew: () => save({ userId: null, anonymousId: newId(), traits: {} }),
  };
}
