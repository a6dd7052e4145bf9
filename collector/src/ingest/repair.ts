// Computes everything anew from messages, operations and lists, and writes it down.
// Invariant: afterwards `verify` finds no difference; segments lose and gain nobody without a transition. After
// each commit what was right before is right, and the file says that it is not finished until it is.
import { resolveIdentities } from '../engine/identity.ts';
import { emitDifference } from '../engine/person.ts';
import type { GroupChange, NodeRow } from '../storage/port.ts';
import { occasionOf } from './fold-person.ts';
import { collectGroups, collectLinks, timelinesOf } from './from-messages.ts';
import type { Lane } from './lane.ts';
import { keepRowSmall } from './outside-values.ts';
import { foldedPerson } from './refold-person.ts';
import { type Gathered, keepGathered } from './shed-matches.ts';
import { responsesOf } from './verify-responses.ts';
import type { WorkingSet } from './working-set.ts';

/** People computed in one commit at most. */
const SLICE = 100;
/** A commit is cut after so much work, so that live messages hardly wait. Speed only: no result depends on it. */
const SLICE_MS = 4;

/** The fact that a repair was begun and is not finished: opening the file finishes it first. */
export const UNFINISHED = 'rebuild';

/** The fact that an erasure left room for merges that a cap kept out, and these are not made: opening makes them. */
export const ROOM_LEFT = 'room';

export interface RepairOptions {
  /** Hears of ids done, of all. */
  onProgress?: ((done: number, total: number) => void) | undefined;
  /** Whether who is who, what waits and what groups say is worked out anew too, in one piece. Default true. */
  links?: boolean;
  /** Stops it between two commits; the file remembers that it is not finished. */
  signal?: AbortSignal;
}

/** Repairs in slices, between which messages go on. */
export async function repairAll(
  lane: Lane,
  { onProgress, links = true, signal }: RepairOptions = {},
): Promise<void> {
  const total = await lane.task(async (set, clock) => {
    if (links) await repairIdentities(set, clock);
    else set.record({ facts: [{ name: UNFINISHED, value: true }] });
    const nodes = await set.store.query({ ask: 'start' });
    return { result: nodes.lastNode, changed: !links };
  });
  for (let after = 0; ; ) {
    signal?.throwIfAborted();
    const from = performance.now();
    const last = await lane.task((set, clock) => repairSlice(set, after, clock));
    if (last === null) break;
    after = last;
    onProgress?.(after, total);
    await lane.giveWay(performance.now() - from);
  }
  for (let after: number | null = 0; after !== null; ) {
    signal?.throwIfAborted();
    const done: number = after;
    after = await lane.task((set, clock) => repairResponses(set, done, clock));
  }
  await lane.task(async (set) => {
    set.record({ facts: [{ name: UNFINISHED, value: false }] });
    return { result: undefined, changed: true };
  });
}

async function repairSlice(
  set: WorkingSet,
  after: number,
  clock: number,
): Promise<{ result: number | null; changed: boolean }> {
  const nodes = await set.store.query({ ask: 'nodes', after, limit: SLICE });
  const end = performance.now() + SLICE_MS;
  let last: number | null = null;
  for (const node of nodes) {
    await repairPerson(set, node, clock);
    last = node.id;
    if (performance.now() > end) break;
  }
  return { result: last, changed: last !== null };
}

/** Who is who, which messages are due later, and what groups say. */
async function repairIdentities(set: WorkingSet, clock: number): Promise<void> {
  const links = await collectLinks(set, clock);
  const pairs = [...links.pairs.values()];
  const resolution = resolveIdentities(links.users.keys(), links.merges, pairs, set.caps);
  const groups = await freshGroups(set, clock);
  set.forget();
  set.record({
    facts: [
      { name: UNFINISHED, value: true },
      { name: ROOM_LEFT, value: false },
    ],
    groupLog: groups.filter(({ isChanged }) => isChanged).map((group) => changeOf(group, clock)),
    rebuilt: {
      pendingAfter: clock,
      roots: [...links.users.keys()].map((user) => ({ node: user, root: resolution.root.get(user) ?? user })),
      pairs,
      timelines: [...timelinesOf(links, resolution)]
        .filter(([, runs]) => runs.length > 0)
        .map(([device, runs]) => ({ device, runs })),
      aliases: links.aliases,
      groups: groups.map(({ id, text, revision }) => ({ id, text, revision })),
    },
  });
  await set.commit(clock);
  set.forget();
  for (const { id, isChanged } of groups) {
    if (!isChanged) continue;
    set.waiting.add(id);
    set.passes.delete(id);
  }
}

interface FreshGroup {
  id: string;
  text: string;
  revision: number;
  /** Members must be brought up to it, like to any other change. */
  isChanged: boolean;
}

/** Every group's traits; revisions go on, since members say up to which one they were brought. */
async function freshGroups(set: WorkingSet, clock: number): Promise<FreshGroup[]> {
  const fresh = await collectGroups(set, clock);
  const stored = new Map<string, { text: string; revision: number }>();
  for (let after = ''; ; ) {
    const rows = await set.store.query({ ask: 'groups', after, limit: 1_000 });
    for (const { id, ...row } of rows) stored.set(id, row);
    const last = rows[rows.length - 1];
    if (!last) break;
    after = last.id;
  }
  return [...fresh].map(([id, bag]) => {
    const text = JSON.stringify(bag);
    const before = stored.get(id);
    const isChanged = set.program.usesGroups && before !== undefined && before.text !== text;
    return { id, text, revision: (before?.revision ?? 0) + (isChanged ? 1 : 0), isChanged };
  });
}

const changeOf = (
  { id: group, text, revision }: FreshGroup,
  at: number,
): { group: string; change: GroupChange } => ({ group, change: { revision, at, text } });

/** Which messages are of which survey submission, for some messages; null after the last. */
async function repairResponses(
  set: WorkingSet,
  after: number,
  clock: number,
): Promise<{ result: number | null; changed: boolean }> {
  const { rows, next } = await responsesOf(set, after);
  const to = next ?? Number.MAX_SAFE_INTEGER;
  set.record({ responses: { after, to, rows } });
  await set.commit(clock);
  // What was counted before may be wrong.
  set.forget();
  return { result: next, changed: false };
}

/** The row, the memberships and the transitions of whoever this id stands for. */
async function repairPerson(set: WorkingSet, node: NodeRow, clock: number): Promise<void> {
  const stored = await set.memberships(node.id);
  const held = new Set([...stored.keys()].filter((version) => set.program.indexOf(version) !== undefined));
  // How the row was written down does not matter: it is not read, only replaced.
  await set.disown(node.id);
  // What is kept beside the row goes with it, so that the two never disagree.
  set.clearOutside(node.id);
  set.record({ clearedMembers: [node.id] });
  const gathered: Gathered = new Map();
  const person = await foldedPerson(set, node.id, clock, gathered);
  const cause = person ? { operation: 'repair' } : { operation: 'merged' };
  emitDifference(set.program, held, person?.members ?? new Set(), occasionOf(set, node.id, { clock, cause }));
  if (person) {
    keepRowSmall(set, person, clock);
    keepGathered(set, person, gathered);
    set.putPerson(person);
  }
  if (!person) set.dropPerson(node.id);
}
