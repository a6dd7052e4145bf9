// The log while nothing can be stored: one line when that begins, one with a count when it is over.
// Invariant: however many requests are refused, an outage is two lines (three where the process stops in it).
import type { RequestTold } from '../app.ts';
import { isOurs } from './known-errors.ts';
import type { Log } from './log.ts';

/**
 * Looks, four a second, that find all well before an outage counts as over. On a disk that is nearly full small
 * changes still find room between two refusals, and each of those is not the end of it.
 */
export const QUIET_LOOKS = 20;

export interface Outage {
  /** Logs a request, unless it is one more that could not be stored. */
  request(told: RequestTold): void;
  /** Logs that time cannot be written down, unless that is known. */
  tickFailed(error: unknown): void;
  /** To be told regularly whether what was stored last was stored. */
  look(writable: boolean): void;
  /** Nothing more will come. */
  end(): void;
}

export function createOutage(log: Log): Outage {
  let isOn = false;
  let refused = 0;
  let quiet = 0;

  const isPartOf = (error: unknown): boolean => error instanceof Error && isOurs(error);
  const requests = (): string => `${refused} ${refused === 1 ? 'request was' : 'requests were'} refused`;

  /** Whether it is news. */
  function begin(): boolean {
    const isNew = !isOn;
    isOn = true;
    quiet = 0;
    return isNew;
  }

  function over(): void {
    isOn = false;
    refused = 0;
  }

  return {
    request(told) {
      if (told.status < 500 || !isPartOf(told.error)) {
        log.request(told);
        return;
      }
      refused++;
      log.request(told, begin() ? 'news' : 'known');
    },
    tickFailed(error) {
      if (!isPartOf(error) || begin()) log.error('time cannot be written down', error);
    },
    look(writable) {
      if (!isOn) return;
      quiet = writable ? quiet + 1 : 0;
      if (quiet < QUIET_LOOKS) return;
      log.info(`messages are stored again; ${requests()} meanwhile`);
      over();
    },
    end() {
      if (isOn) log.warn(`stopped while nothing could be stored; ${requests()}`);
      over();
    },
  };
}
