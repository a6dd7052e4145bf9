// Who this browser is, the device's id, the user, their traits and the session, across pages.
// Invariant: storage is a copy, written only while `isLasting` allows; without it all lives as long as the page.
import { attempt } from './attempt.ts';
import type { User } from './types.ts';

const KEY = 'tm.id';
/** The device's id outlives localStorage in a cookie for a year, seconds. */
const COOKIE_SECONDS = 31_536_000;
/** Silence that ends a session, ms. */
const SESSION_MS = 30 * 60_000;
/** A session's time is written this often at most, ms. */
const TOUCH_MS = 1_000;

export interface Session {
  id: string;
  /** The address it began at, and the page that led there. */
  landing: string;
  referrer: string;
}

export interface Person extends User {
  session?: Session;
  /** The session's last sign of life, epoch ms. */
  seen?: number;
}

export interface Identity {
  read(): Person;
  /** From here on it is this person, whole. */
  write(next: Person): void;
  /** Keeps the session alive, or begins a new one. */
  touch(): Session;
  /** Forgets what is in memory: it is read anew. */
  forget(): void;
  /** Removes what is stored. */
  wipe(): void;
}

/** @param cookieDomain where the cookie goes; without it the widest domain that the browser allows. */
export function createIdentity(
  newId: () => string,
  now: () => number,
  isLasting: () => boolean,
  cookieDomain?: string,
): Identity {
  let person: Person | undefined;
  /** What is stored is not what was written last. */
  let isStale = false;

  const readCookie = (): string | undefined =>
    attempt(() => {
      // No match is null, which throws here as `attempt` wants it.
      const [, id] = /(?:^|; )tm\.id=([^;]+)/.exec(document.cookie) as unknown as [string, string];
      return decodeURIComponent(id);
    });

  /** Tries one domain after the other, from the widest, until one takes it. */
  function writeCookie(id: string, seconds: number): void {
    attempt(() => {
      const labels = cookieDomain ? [cookieDomain] : location.hostname.split('.');
      for (let i = labels.length; i-- && readCookie() !== id; )
        // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing over http.
        document.cookie = `${KEY}=${encodeURIComponent(id)};domain=${labels.slice(i).join('.')};path=/;max-age=${seconds};samesite=lax`;
    });
  }

  function read(): Person {
    const isFirst = !person;
    if (isLasting()) {
      // Read again each time: another tab may have changed it.
      if (!isStale) person = attempt(() => JSON.parse(localStorage[KEY]) as Person | null) || person;
      // The cookie is shared with other subdomains: who signed out there is signed out here.
      const cookie = isFirst && readCookie();
      if (cookie && cookie !== person?.anonymousId) write(newcomer(cookie));
    }
    if (!person) write(newcomer(newId()));
    return person as Person; // `write` sets it
  }

  function write(next: Person): void {
    person = next;
    if (!isLasting()) return;
    isStale = !attempt(() => (localStorage[KEY] = JSON.stringify(person)));
    // Whoever it was before must not come back on the next page.
    if (isStale) attempt(() => delete localStorage[KEY]);
    writeCookie(person.anonymousId, COOKIE_SECONDS);
  }

  return {
    read,
    write,
    touch() {
      const current = read();
      const { session, seen = 0 } = current;
      const time = now();
      if (session && time - seen < TOUCH_MS) return session;
      const next =
        session && time - seen < SESSION_MS
          ? session
          : { id: newId(), landing: location.href, referrer: document.referrer };
      write({ ...current, session: next, seen: time });
      return next;
    },
    forget() {
      person = undefined;
    },
    wipe() {
      attempt(() => delete localStorage[KEY]);
      writeCookie('', 0);
    },
  };
}

/** Also without the session: what a newcomer does is not to be told together with what was before. */
export function newcomer(anonymousId: string): Person {
  return { userId: null, anonymousId, traits: {} };
}
