// Stored messages of many stretches, in order and some at a time.
// Invariant: no message and no stretch is read twice, however they lie among each other; others have their turn
// every few milliseconds, however many ids and stretches there are.
import { covers, type Range, type Stretch } from '../engine/identity.ts';
import { compareStamps, type Stamp } from '../engine/stamp.ts';
import type { HistoryRange, HistoryRow, MessageFilter, Store } from '../storage/port.ts';
import { breathe, createPace } from './breathe.ts';

/** Messages read at a time, some 0.5 MB: folding them takes a few milliseconds, then others have a turn of the loop. */
export const HISTORY_PAGE = 500;
/** Of each id where there are many, so that a page of a person of 1,000 ids is not 1,000 pages. */
const LEAST_OF_ONE = 20;

/**
 * Looking a stretch up costs as much as reading so many messages: where fewer lie between two stretches of an id,
 * these are read as well and passed over. A device that two people share has a stretch for each of its links.
 */
const GAP_MESSAGES = 8;

/** Messages that are filed under one id. */
interface Reader {
  node: number;
  /** What was not read yet, in order. */
  stretches: Stretch[];
  /** Read and not handed out yet, in order. */
  rows: HistoryRow[];
  /** What lies between stretches is read too. */
  isDense: boolean;
}

export const byStamp = (a: { stamp: Stamp }, b: { stamp: Stamp }): number => compareStamps(a.stamp, b.stamp);

/** The place just behind a message's. */
export const behind = ([time, messageId, kind]: Stamp): Stamp =>
  kind === 0 ? [time, messageId, 1] : [time, `${messageId}\u0000`, 0];

/** What there is in these ranges, page by page; `upTo` is where the page ends (not included), null the end of all. */
export async function* pagesOf(
  read: Store['read'],
  ranges: readonly Range[],
  { until, only }: { until: number; only?: MessageFilter | undefined },
): AsyncGenerator<{ rows: HistoryRow[]; upTo: Stamp | null }> {
  let readers = readersOf(ranges);
  const pace = createPace();
  /** Messages and stretches read since others had their turn. */
  let done = 0;

  async function fill(reader: Reader, most: number): Promise<void> {
    while (reader.stretches.length > 0 && reader.rows.length < most) {
      if (done < HISTORY_PAGE) await pace();
      else {
        await breathe();
        done = 0;
      }
      const { node, stretches, isDense } = reader;
      const [{ from }] = stretches as [Stretch]; // there is one
      const { to } = stretches[isDense ? stretches.length - 1 : 0] as Stretch; // likewise
      const limit = most - reader.rows.length;
      const asked = { node, until, from, to, limit, ...(only ? { only } : {}) };
      const [found = []] = (await read({ history: [asked] })).history;
      done += 1 + found.length;
      const last = found.at(-1);
      take(reader, found, last && found.length === limit ? behind(last.stamp) : to);
    }
  }

  while (readers.length > 0) {
    const most = Math.max(LEAST_OF_ONE, Math.ceil(HISTORY_PAGE / readers.length));
    let upTo: Stamp | null = null;
    for (const reader of readers) {
      await pace();
      if (reader.rows.length === 0) await fill(reader, most);
      // Read further, there may be more from here on.
      const end = reader.stretches[0]?.from ?? null;
      if (end && (upTo === null || compareStamps(end, upTo) < 0)) upTo = end;
    }
    yield { rows: readers.flatMap((reader) => handOut(reader, upTo)).sort(byStamp), upTo };
    readers = readers.filter(({ rows, stretches }) => rows.length + stretches.length > 0);
  }
}

/** Those among which the newest `limit` of all are; in no order. */
export async function newestOf(
  read: Store['read'],
  ranges: readonly Range[],
  { until, limit, kept }: { until: number; limit: number; kept?: HistoryRange['kept'] },
): Promise<HistoryRow[]> {
  const newest: HistoryRow[] = [];
  const pace = createPace();
  /** So many are at this instant or later: what comes before is none of the newest. */
  let floor: Stamp | null = null;
  for (const { node, stretches } of readersOf(ranges)) {
    let left = limit;
    for (const { from, to } of stretches.reverse()) {
      if (left <= 0 || (floor && to && compareStamps(to, floor) <= 0)) break;
      await pace();
      const after: Stamp | null = floor && (from === null || compareStamps(from, floor) < 0) ? floor : from;
      const order = 'descending' as const;
      const range = { node, until, from: after, to, order, limit: left, ...(kept ? { kept } : {}) };
      const [found = []] = (await read({ history: [range] })).history;
      for (const row of found) newest.push(row);
      left -= found.length;
    }
    if (newest.length < 2 * limit) continue;
    newest.sort((a, b) => compareStamps(b.stamp, a.stamp)).splice(limit);
    floor = [newest[limit - 1]?.stamp[0] ?? 0, '', 0];
  }
  return newest;
}

function readersOf(ranges: readonly Range[]): Reader[] {
  const readers = new Map<number, Reader>();
  for (const { node, stretch } of ranges) {
    const reader = readers.get(node) ?? { node, stretches: [], rows: [], isDense: true };
    readers.set(node, reader);
    reader.stretches.push(stretch);
  }
  return [...readers.values()];
}

/** Takes over what was read, up to there: null is the end of all. */
function take(reader: Reader, found: readonly HistoryRow[], upTo: Stamp | null): void {
  const { stretches, rows } = reader;
  const before = { stretches: stretches.length, rows: rows.length };
  let at = 0;
  for (const row of found) {
    while (isPast(stretches[at], row.stamp)) at++;
    const stretch = stretches[at];
    if (stretch && covers(stretch, row.stamp)) rows.push(row);
  }
  while (at < stretches.length && (upTo === null || isPast(stretches[at], upTo))) at++;
  stretches.splice(0, at);
  const [next] = stretches;
  if (next && upTo && covers(next, upTo)) stretches[0] = { from: upTo, to: next.to };
  const passedOver = found.length - (rows.length - before.rows);
  reader.isDense &&= passedOver <= GAP_MESSAGES * (before.stretches - stretches.length + 1);
}

const isPast = (stretch: Stretch | undefined, stamp: Stamp): boolean =>
  stretch !== undefined && stretch.to !== null && compareStamps(stretch.to, stamp) <= 0;

/** Takes out what lies before `upTo`. */
function handOut(reader: Reader, upTo: Stamp | null): HistoryRow[] {
  const count = upTo ? reader.rows.findIndex(({ stamp }) => compareStamps(stamp, upTo) >= 0) : -1;
  return reader.rows.splice(0, count < 0 ? reader.rows.length : count);
}
