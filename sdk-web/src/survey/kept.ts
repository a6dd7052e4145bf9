// Unfinished submissions in localStorage, so that the next page goes on with them.
// Invariant: written only where the client itself may store; goes with the client's journals, whose prefix it
// bears, when consent is taken back.
import { attempt } from '../attempt.ts';
import type { User } from '../types.ts';
import type { Kept } from './types.ts';

/** Under the journals' prefix, but of no client: they remove it and never send it. */
const KEY = 'tm.j.surveys';
/** An unfinished survey is taken up again within a day, ms. */
const RESUME_MS = 864e5;
/** A finished one that the collector still offers: it has not heard yet, ms. */
const DONE_MS = 6e5;
/** The queue's messages need the room more, characters. */
const MAX_CHARS = 100_000;

const readAll = (): Kept[] => attempt(() => JSON.parse(localStorage[KEY]) as Kept[]) ?? [];

/** Those of this person that may still go on, or still must not be shown again. */
export function readKept({ userId, anonymousId }: User): Kept[] {
  return readAll().filter(
    (kept) =>
      attempt(
        () =>
          kept.anonymousId === anonymousId &&
          (kept.userId ?? userId) === userId &&
          Date.now() - kept.time < (kept.status === 'done' ? DONE_MS : RESUME_MS),
      ) ?? false,
  );
}

/** Puts one in place of what there is of its survey; `null` removes that. */
export function keep(key: string, kept: Kept | null): void {
  const all = readAll().filter(({ survey, time }) => survey.key !== key && Date.now() - time < RESUME_MS);
  const text = JSON.stringify(kept ? [kept, ...all] : all);
  attempt(() => {
    // The client stores who this is exactly where it may store anything.
    if (localStorage['tm.id'] && text.length < MAX_CHARS && text !== '[]') localStorage[KEY] = text;
    else delete localStorage[KEY];
  });
}
