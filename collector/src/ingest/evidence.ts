// Messages that a person's answers rest on: whatever is asked after is looked for in one pass.
// Invariant: what is held does not grow with the history: a count, the first and the newest of each.
import { type EngineMessage, selects } from '../engine/filter.ts';
import type { Range } from '../engine/identity.ts';
import type { Stamp } from '../engine/stamp.ts';
import { reachFor } from '../engine/traits.ts';
import type { HistoryRow, Store } from '../storage/port.ts';
import type { Within } from '../wire/definitions.ts';
import type { JsonObject } from '../wire/message.ts';
import { pagesOf } from './history-pages.ts';
import { filterOf } from './leaf-history.ts';
import { iso } from './profile-reads.ts';
import { engineMessage } from './stored-message.ts';

/** Messages shown for one part; `total` says how many count. */
const MAX_SHOWN = 20;

export interface Wanted {
  /** Event selectors, of which one must match. */
  events: readonly string[];
  /** What else must hold; null: nothing that is inside a message. */
  test: ((message: EngineMessage) => boolean) | null;
  within?: Within | undefined;
  /** Messages that had expired by this number of expiries are not seen. */
  since: number;
}

type Row = Pick<HistoryRow, 'stamp' | 'type' | 'event' | 'expired'>;

/** What was found once the search has run, nothing before. */
export interface Found {
  total: number;
  first: Row | null;
  /** At least as many of the newest as are shown, in order. */
  newest: Row[];
}

export interface Search {
  find(wanted: Wanted): Found;
  /** The place from which on messages may matter to what was asked after; null: from the first. */
  start(): Stamp | null;
  /**
   * Looks through the messages filed in `ranges`, page by page. It may run beside the lane: what came after `lastSeq`
   * is passed over.
   */
  run(read: Store['read'], ranges: readonly Range[], lastSeq: number): Promise<void>;
}

interface Look extends Pick<Wanted, 'events' | 'test' | 'since'> {
  /** Times of events, epoch ms, both included. */
  from: number;
  to: number;
  found: Found;
}

export function createSearch(clock: number): Search {
  const looks: Look[] = [];
  return {
    find({ events, test, within, since }) {
      const found: Found = { total: 0, first: null, newest: [] };
      looks.push({ events, test, since, ...boundsOf(within, clock), found });
      return found;
    },
    start() {
      const from = Math.min(...looks.map((look) => look.from));
      return Number.isFinite(from) ? [from, '', 0] : null;
    },
    async run(read, ranges, lastSeq) {
      if (looks.length === 0) return;
      const only = filterOf(
        looks.flatMap(({ events }) => events),
        looks.some(({ test }) => test !== null),
      );
      for await (const { rows } of pagesOf(read, ranges, { until: clock, only }))
        for (const row of rows)
          if (row.seq <= lastSeq) for (const look of matching(looks, row)) note(look, row);
    },
  };
}

function boundsOf(within: Within | undefined, clock: number): Pick<Look, 'from' | 'to'> {
  const { reach, span } = reachFor(within);
  if (typeof reach === 'object') return reach;
  return { from: span === null ? Number.NEGATIVE_INFINITY : clock - span + 1, to: Number.POSITIVE_INFINITY };
}

function matching(looks: readonly Look[], row: HistoryRow): Look[] {
  const message = engineMessage(row);
  const [time] = row.stamp;
  return looks.filter(
    ({ events, test, since, from, to }) =>
      from <= time &&
      time <= to &&
      (row.expired === 0 || since < row.expired) &&
      events.some((event) => selects(event, message)) &&
      (test === null || test(message)),
  );
}

function note({ found }: Look, { stamp, type, event, expired }: HistoryRow): void {
  const row = { stamp, type, event, expired };
  found.total++;
  found.first ??= row;
  found.newest.push(row);
  if (found.newest.length >= 2 * MAX_SHOWN) found.newest.splice(0, MAX_SHOWN);
}

/** How many there are, and the newest of them, newest first. */
export const listed = ({ total, newest }: Pick<Found, 'total' | 'newest'>): JsonObject => ({
  total,
  newest: newest
    .slice(-MAX_SHOWN)
    .reverse()
    .map(({ stamp, type, event, expired }) => ({
      messageId: stamp[1],
      timestamp: iso(stamp[0]),
      type,
      ...(event === null ? {} : { event }),
      // It counts, and is kept no longer.
      ...(expired > 0 ? { expired: true } : {}),
    })),
});
