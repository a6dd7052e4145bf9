// A look at many people and submissions as of one clock, in slices between which messages go on.
// Invariant: a message counts when it was stored before the look began and its time has come by its clock.
import { compileWhere, type EngineMessage, selects } from '../engine/filter.ts';
import { type SubmissionView, viewSubmission } from '../engine/submission.ts';
import type { Probe, Report } from './core.ts';
import { engineMessage } from './stored-message.ts';
import { createSubmissionReader } from './submission-reader.ts';
import { ownerOfSubmission } from './survey-reads.ts';
import type { WorkingSet } from './working-set.ts';

/** Work between two looks at what else waits, ms: live messages wait behind it. */
const SLICE_MS = 4;
/** Ids of people read at a time: some 2 ms. */
const PEOPLE_PAGE = 2_000;

export interface ReportMeans {
  /** A working set of its own, so that a hundred thousand people push nobody out of the lane's. */
  copy(): WorkingSet;
  /** Runs work alone in the lane. */
  read<T>(work: (clock: number) => Promise<T>): Promise<T>;
  signal?: AbortSignal | undefined;
}

/**
 * Who is in the segment of that version is read at once, some 2 ms for 2,000; whoever enters or leaves it
 * while later pages are read may be counted either way.
 */
export async function openReport(
  { copy, read: inLane, signal }: ReportMeans,
  version: number | null,
): Promise<Report> {
  const { clock, set } = await inLane(async (at) => ({ clock: at, set: copy() }));
  const lastSeq = set.lastSeq();
  const read: Means['read'] = (work) =>
    inLane(async () => {
      const result = await work();
      set.forget();
      return result;
    });
  const means = { set, read, signal };
  const people = new Set<number>();
  for (let after = 0; !signal?.aborted; ) {
    const ids = await read(() => peoplePage(set, { version, after, clock }));
    for (const { id, isIn } of ids) if (isIn) people.add(id);
    const last = ids[ids.length - 1];
    if (ids.length < PEOPLE_PAGE || !last) break;
    after = last.id;
  }
  return {
    clock,
    people,
    activity: (probes, tell) => readActivity(means, { people, clock, lastSeq }, probes, tell),
    submissions: (survey, tell) => readSubmissions(means, { survey, clock, lastSeq }, tell),
  };
}

interface Means {
  set: WorkingSet;
  /** One slice; what it read is forgotten. */
  read<T>(work: () => Promise<T>): Promise<T>;
  signal: AbortSignal | undefined;
}

async function peoplePage(
  { store }: WorkingSet,
  { version, after, clock }: { version: number | null; after: number; clock: number },
): Promise<{ id: number; isIn: boolean }[]> {
  if (version === null) {
    const rows = await store.query({ ask: 'people', after, limit: PEOPLE_PAGE });
    return rows.map(({ id }) => ({ id, isIn: true }));
  }
  const rows = await store.query({ ask: 'members', version, after, limit: PEOPLE_PAGE });
  return rows.map(({ person, since }) => ({ id: person, isIn: since <= clock }));
}

async function readSubmissions(
  { set, read, signal }: Means,
  { survey, clock, lastSeq }: Omit<View, 'people'> & { survey: string },
  tell: (person: number, submission: SubmissionView) => void,
): Promise<void> {
  const reader = createSubmissionReader(set, { survey, lastSeq });
  const page = async (): Promise<boolean> => {
    const { sent, isDone } = await reader.next(clock);
    for (const { place, state } of sent)
      tell(await ownerOfSubmission(set, place, state), viewSubmission(state));
    return !isDone;
  };
  while (!signal?.aborted && (await read(page)));
}

interface View {
  people: ReadonlySet<number>;
  clock: number;
  lastSeq: number;
}

async function readActivity(
  { set, read, signal }: Means,
  view: View,
  probes: readonly Probe[],
  tell: (did: readonly boolean[]) => void,
): Promise<void> {
  const probing = compileProbes(probes, view.clock);
  const ids = [...view.people];
  for (let next = 0; next < ids.length && !signal?.aborted; ) {
    next = await read(async () => {
      const end = performance.now() + SLICE_MS;
      let at = next;
      while (at < ids.length && performance.now() < end) {
        const did = await probe(set, ids[at++] as number, view, probing);
        if (did) tell(did);
      }
      return at;
    });
  }
}

interface Probing {
  tests: ((message: EngineMessage) => boolean)[];
  /** Where the earliest span begins. */
  since: number;
}

function compileProbes(probes: readonly Probe[], clock: number): Probing {
  const tests = probes.map(({ event, where, from, to }) => {
    const filter = compileWhere(where);
    return (message: EngineMessage): boolean => {
      const [time] = message.stamp;
      if (time <= clock - from || time > clock - to || !picks(event, message)) return false;
      return filter === null || filter.test(message.body(), clock);
    };
  });
  const since = clock - Math.max(0, ...probes.map(({ from }) => from));
  return { tests, since };
}

/** As `selects`, which looks into Segment's own survey event whatever is asked for, without looking into bodies. */
function picks(event: string, message: EngineMessage): boolean {
  if (event === '$survey' || event.endsWith('*')) return selects(event, message);
  return message.type === 'track'
    ? message.event === event && !event.startsWith('$')
    : selects(event, message);
}

/** Null for whoever is no person any more, or has no message that counts. */
async function probe(
  set: WorkingSet,
  id: number,
  { clock, lastSeq }: View,
  { tests, since }: Probing,
): Promise<boolean[] | null> {
  const node = await set.nodeById(id);
  if (node?.root !== id) return null;
  const did = tests.map(() => false);
  const between = { from: [Math.max(0, since + 1), '', 0] as const, to: null };
  for await (const rows of set.historyPages(id, clock, { between }))
    for (const row of rows) {
      // What features are is said now: they see what is stored.
      if (row.seq > lastSeq || row.expired > 0) continue;
      const message = engineMessage(row);
      tests.forEach((test, i) => {
        did[i] ||= test(message);
      });
    }
  return did;
}
