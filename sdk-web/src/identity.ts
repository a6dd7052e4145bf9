// Who this browser is: the device's id, the user and their traits, across pages.
// Invariant: storage is a copy; without it the identity lives as long as the page.
import { storageOf } from './store.ts';

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
  /** Removes every trace from storage and cookies. */
  erase(): void;
}

export function createIdentityStore(newId: () => string): IdentityStore {
  const local = storageOf();
  let identity: Identity | null = null;

  function load(): Identity {
    let stored: Partial<Identity> = {};
    try {
      stored = JSON.parse(local?.getItem(KEY) ?? '{}') ?? {};
    } catch {
      // Unreadable: start anew.
    }
    const cookie = /(?:^|; )tm\.id=([^;]+)/.exec(readCookie())?.[1];
    return { userId: stored.userId ?? null, anonymousId: stored.anonymousId ?? cookie ?? newId(), traits: stored.traits ?? {} };
  }

  function save(): void {
    try {
      local?.setItem(KEY, JSON.stringify(identity));
    } catch {
      // Full or blocked.
    }
    writeCookie(identity?.anonymousId ?? '', COOKIE_SECONDS);
  }

  return {
    read() {
      if (!identity) {
        identity = load();
        save();
      }
      return identity;
    },
    write(change) {
      identity = { ...this.read(), ...change };
      save();
    },
    erase() {
      identity = null;
      try {
        local?.removeItem(KEY);
      } catch {
        // Nothing of ours is there.
      }
      writeCookie('', 0);
    },
  };
}

function readCookie(): string {
  try {
    return document.cookie;
  } catch {
    return '';
  }
}

function writeCookie(value: string, seconds: number): void {
  try {
    document.cookie = `${KEY}=${value};path=/;max-age=${seconds};samesite=lax`;
  } catch {
    // Cookies are forbidden here (a sandboxed frame).
  }
}
