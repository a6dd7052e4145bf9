// Segments tried out on people without saving anything: for previews and explanations.
// Invariant: works on a copy of what the lane holds; nothing it computes is ever committed.
import type { PersonState } from '../engine/person-state.ts';
import type { PreviewView } from './core.ts';
import type { Lane } from './lane.ts';
import { idsOf } from './profile-reads.ts';
import { buildPerson } from './refold-person.ts';
import type { WorkingSet } from './working-set.ts';

const SLICE = 200;
/** As for builds: a slice is cut after so much work, so that live messages hardly wait. */
const SLICE_MS = 8;

/** The person as the copy's program says, segments under trial included. */
export async function tryPerson(copy: WorkingSet, id: number, clock: number): Promise<PersonState | null> {
  return buildPerson(copy, id, { clock, cause: { operation: 'trial' } });
}

/** Counts and samples the people who satisfy the segment of that key in the copy's program. */
export async function previewSegment(
  lane: Lane,
  copy: WorkingSet,
  key: string,
  { sample: wanted, signal }: { sample: number; signal?: AbortSignal | undefined },
): Promise<PreviewView> {
  const version = copy.program.wanted.get(key)?.version ?? -1;
  const view: PreviewView = { size: 0, total: 0, sample: [] };
  for (let after = 0; !signal?.aborted; ) {
    const last = await lane.task(async (_, clock) => {
      const result = await previewSlice(copy, { after, version, wanted, clock }, view);
      copy.forget();
      return { result, changed: false };
    });
    if (last === null) break;
    after = last;
  }
  return view;
}

async function previewSlice(
  copy: WorkingSet,
  { after, version, wanted, clock }: { after: number; version: number; wanted: number; clock: number },
  view: PreviewView,
): Promise<number | null> {
  const people = await copy.store.query({ ask: 'people', after, limit: SLICE, listed: true });
  const end = performance.now() + SLICE_MS;
  let last: number | null = null;
  for (const { id } of people) {
    last = id;
    const person = await tryPerson(copy, id, clock);
    view.total++;
    if (person?.members.has(version)) {
      view.size++;
      if (view.sample.length < wanted) {
        const { publicId, userId, anonymousIds } = await idsOf(copy, id);
        view.sample.push({ id: publicId, userId, anonymousIds });
      }
    }
    if (performance.now() > end) break;
  }
  return last;
}
