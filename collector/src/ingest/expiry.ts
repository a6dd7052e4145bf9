// Lets messages go that are kept no longer, and keeps of each what traits and segments were computed from.
// Invariant: no state changes by it: every definition in force or being built folds what is left to the same as
// the whole message, and those made later do not see it at all.
import { type Path, pathsOf, pick } from '../engine/skim.ts';
import type { HistoryRow } from '../storage/port.ts';
import type { JsonValue } from '../wire/message.ts';
import type { DefinitionBook } from './definition-book.ts';
import type { Lane } from './lane.ts';
import { horizonsAt } from './retention.ts';
import { engineMessage } from './stored-message.ts';
import type { WorkingSet } from './working-set.ts';

/** All messages are looked through so often: what is kept for so many days is kept a quarter of a day more at most. */
const EVERY_MS = 6 * 3_600_000;
/** Messages looked at in one go: some 2 ms where none of them expires. */
const SLICE = 2_000;
/** Slices of one step, so that a tick stays short: 80,000 messages a second where there are four ticks. */
const STEP_SLICES = 10;
/** Fact: how many expiries there were; see `DefinitionBook.expiries`. */
export const EXPIRIES = 'expiries';
/** Fact: when all messages were last looked through, and for which retention. */
export const LAST_PASS = 'expiry pass';

/** The SDKs' numbering: that a message is kept no longer must not look like a loss. */
const LEDGER: Path = ['context', 'tm'];

export interface Expiry {
  /** Goes on with what is due, some slices of it. @throws NotStored */
  step(): Promise<void>;
  /** Messages that were let go of since the start. */
  count(): number;
}

interface Pass {
  /** Epoch ms. */
  at: number;
  /** The retention it was for, as JSON. */
  retention: string;
}

/** `last` is what the fact `LAST_PASS` says. */
export function createExpiry(
  { lane, book, tell }: { lane: Lane; book: DefinitionBook; tell: () => number },
  last: JsonValue | undefined,
): Expiry {
  let done = passOf(last);
  /** The pass under way, and the last message it looked at. */
  let under: { retention: string; after: number } | null = null;
  let count = 0;

  /** Whether messages are to be looked at: nothing is asked for, and no turn taken, where none are. */
  function isDue(): boolean {
    if (under !== null) return true;
    // The pass there was is forgotten when nothing expires any more.
    if (Object.keys(book.retention).length === 0) return done !== null;
    return done === null || done.retention !== retentionOf(book) || tell() >= done.at + EVERY_MS;
  }

  /** Looks at the next messages. False: nothing is left to do. */
  const look = (): Promise<boolean> =>
    lane.task(async (set, clock) => {
      // The definitions may have been put back while this waited for its turn.
      if (!isDue()) return { result: false, changed: false };
      const horizons = horizonsAt(set.retention, clock);
      const retention = retentionOf(book);
      if (under?.retention !== retention) under = { retention, after: 0 };
      const { after } = under;
      const { rows, next } =
        horizons.length === 0
          ? { rows: [], next: null }
          : await set.store.query({ ask: 'expiring', after, limit: SLICE, horizons });
      const pass = next === null && horizons.length > 0 ? { at: clock, retention } : null;
      if (next === null) set.record({ facts: [{ name: LAST_PASS, value: pass && { ...pass } }] });
      await letGo(set, book, rows, clock);
      count += rows.length;
      if (next === null) done = pass;
      under = next === null ? null : { retention, after: next };
      return { result: next !== null, changed: false };
    });

  return {
    async step() {
      for (let i = 0; i < STEP_SLICES; i++) {
        const started = performance.now();
        if (!isDue() || !(await look())) return;
        await lane.giveWay(performance.now() - started);
      }
    },
    count: () => count,
  };
}

const retentionOf = ({ retention }: DefinitionBook): string => JSON.stringify(retention);

function passOf(fact: JsonValue | undefined): Pass | null {
  if (typeof fact !== 'object' || fact === null || Array.isArray(fact)) return null;
  const { at, retention } = fact;
  return typeof at === 'number' && typeof retention === 'string' ? { at, retention } : null;
}

/** Commits what is recorded with what is left of these messages. */
async function letGo(
  set: WorkingSet,
  book: DefinitionBook,
  rows: readonly HistoryRow[],
  clock: number,
): Promise<void> {
  const number = book.expiries + 1;
  if (rows.length > 0)
    set.record({
      expired: rows.map((row) => ({ seq: row.seq, number, text: remainsOf(row, set) })),
      facts: [{ name: EXPIRIES, value: number }],
    });
  await set.commit(clock);
  // Only what is stored is counted: a definition must never be numbered after an expiry that comes again.
  if (rows.length > 0) book.expiries = number;
}

/** What is left of a message: what the leaves that see it look at. */
function remainsOf(row: HistoryRow, { program }: WorkingSet): string {
  const message = engineMessage(row);
  const paths = program.match(message).flatMap(pathsOf);
  return JSON.stringify(pick(message.body(), [LEDGER, ...paths]));
}
