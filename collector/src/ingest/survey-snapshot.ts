// Everything that a survey's results rest on, as of one instant, without holding up messages while it is read.
// Invariant: read in slices between which messages go on; every commit meanwhile is heard of and caught up with
// in the last slice, whose clock is the instant.
import type { SubmissionView } from '../engine/submission.ts';
import type { CompiledTrait } from '../engine/traits.ts';
import type { SurveyDefinition } from '../wire/definitions.ts';
import { breathe } from './breathe.ts';
import { NotStored, type Split, type SurveySnapshot } from './core.ts';
import { settleDue } from './due.ts';
import type { Lane } from './lane.ts';
import { createFrame } from './survey-frame.ts';
import { createSplit } from './survey-split.ts';
import { createSubmissions } from './survey-submissions.ts';
import type { WorkingSet } from './working-set.ts';

/** Work between two looks at what else waits, ms. Speed only: no result depends on it. */
const SLICE_MS = 4;
/**
 * Beginnings in slices, before everything is read in one go for which messages wait: so often in a row somebody
 * was erased, or definitions changed, while it was read.
 */
const MAX_BEGINNINGS = 4;
/** Slices of catching up likewise: it goes faster than messages come in. */
const MAX_CATCH_UPS = 5_000;
/** More people due than this are settled in slices of their own, not within the last one. */
const FEW_DUE = 50;

/** What is asked for, with all names resolved. */
export interface SnapshotPlan<D> {
  survey: string;
  definition: SurveyDefinition;
  /** Versions of segments: whom the survey is for (absent: everybody; null: nobody yet), and who is filtered for. */
  frame?: number | null;
  filter?: number | null;
  split: (Split & { version?: number | null; trait?: CompiledTrait }) | null;
  digest: (view: SubmissionView) => D;
}

type Run = <T>(work: (clock: number) => Promise<T>) => Promise<T>;

interface Means {
  lane: Lane;
  set: WorkingSet;
  /** Settles everybody who is due, in slices of its own. */
  settle: () => Promise<void>;
}

/** `plan` is asked in the lane at every beginning, since definitions may have changed; a text is why there is none. */
export async function takeSnapshot<D, E extends string>(
  { lane, set, settle }: Means,
  plan: () => SnapshotPlan<D> | E,
): Promise<SurveySnapshot<D> | E> {
  const inSlices: Run = (work) =>
    lane.task(async (_, clock) => {
      const result = await work(clock);
      await write(set, clock);
      return { result, changed: false };
    });
  for (let i = 0; i < MAX_BEGINNINGS; i++) {
    await settle();
    const snapshot = await attempt(set, plan, inSlices, settle);
    if (snapshot !== null) return snapshot;
  }
  const snapshot = await lane.task(async (_, clock) => {
    const inOneGo: Run = async (work) => {
      const done = await work(clock);
      await write(set, clock);
      await breathe();
      return done;
    };
    const settleHere = () => settleWithin(set, clock);
    return { result: await attempt(set, plan, inOneGo, settleHere), changed: false };
  });
  if (snapshot === null) throw new Error('a snapshot read in one go was overtaken');
  return snapshot;
}

/** Null when it must begin anew. */
async function attempt<D, E extends string>(
  set: WorkingSet,
  plan: () => SnapshotPlan<D> | E,
  run: Run,
  settle: () => Promise<void>,
): Promise<SurveySnapshot<D> | E | null> {
  const asked = await run(async () => {
    const found = plan();
    return typeof found === 'string' ? found : open(set, found);
  });
  if (typeof asked === 'string') return asked;
  const { reading, close } = asked;
  try {
    while (await run((clock) => reading.slice(() => reading.read(clock))));
    for (let i = 0; ; i++) {
      const isLast = i === MAX_CATCH_UPS;
      const found = await run((clock) => reading.finish(clock, isLast));
      if (found === 'overtaken') return null;
      if (found === 'many due') await settle();
      else if (found !== 'more') return found;
    }
  } finally {
    close();
  }
}

function open<D>(set: WorkingSet, plan: SnapshotPlan<D>) {
  const { program } = set;
  const split = createSplit(set, plan.split);
  const submissions = createSubmissions(set, plan.survey, plan.digest, split.meet);
  const frame = createFrame(set, { frame: plan.frame, filter: plan.filter, split: plan.split?.version });
  let isOvertaken = false;
  const hear: Parameters<WorkingSet['watchers']['add']>[0] = (changes) => {
    if (changes.swaps || !submissions.hear(changes)) isOvertaken = true;
    frame.hear(changes);
    split.hear(changes);
  };
  set.watchers.add(hear);
  const isStale = () => isOvertaken || set.program !== program;

  async function slice(step: () => Promise<boolean>, isWhole = false): Promise<boolean> {
    const end = performance.now() + SLICE_MS;
    while (!isStale()) {
      if (!(await step())) return false;
      if (isWhole) await breathe();
      else if (performance.now() > end) return true;
    }
    return false;
  }

  const reading = {
    slice,
    read: async (clock: number) => (await submissions.read(clock)) || (await frame.read()),
    /** The snapshot, if all that was heard of can be caught up with within this slice (or `isLast`). */
    async finish(
      clock: number,
      isLast: boolean,
    ): Promise<SurveySnapshot<D> | 'overtaken' | 'many due' | 'more'> {
      if (!isLast && (await set.store.query({ ask: 'due-count', until: clock })) > FEW_DUE) return 'many due';
      await settleWithin(set, clock);
      const catchUp = async () => (await submissions.catchUp(clock)) || (await split.catchUp(clock));
      if (await slice(catchUp, isLast)) return 'more';
      if (isStale()) return 'overtaken';
      const { definition } = plan;
      return {
        at: clock,
        definition,
        records: [...submissions.records()],
        ...frame.found(),
        split: plan.split && { kind: plan.split.kind, key: plan.split.key, values: split.values() },
      };
    },
  };
  return { reading, close: () => set.watchers.delete(hear) };
}

async function settleWithin(set: WorkingSet, clock: number): Promise<void> {
  while ((await settleDue(set, clock)) && (await write(set, clock))) await breathe();
}

/** Writes down what time changed; false where nothing can be stored, which keeps nobody from reading. */
async function write(set: WorkingSet, clock: number): Promise<boolean> {
  try {
    await set.commit(clock);
    return true;
  } catch (error) {
    if (error instanceof NotStored) return false;
    throw error;
  }
}
