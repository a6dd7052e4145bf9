// All submissions of a survey, held in memory while messages go on: read once, then kept up with what changes.
// Invariant: once caught up with every commit heard of, the same as if all were read at that instant; what one
// person began under one of their ids and went on with under another is one submission.
import type { Stamp } from '../engine/stamp.ts';
import {
  joinSubmissions,
  type SubmissionState,
  type SubmissionView,
  viewSubmission,
} from '../engine/submission.ts';
import type { Changes, ResponsePlace } from '../storage/port.ts';
import type { SurveyRecord } from './core.ts';
import { filedUnder, profileOf } from './owner.ts';
import { createSubmissionReader, readSubmission } from './submission-reader.ts';
import type { WorkingSet } from './working-set.ts';

/** Messages read at a time: some 4 ms with their folding. */
const PAGE = 150;
/** Submissions caught up with between two looks at the time. */
const STEP = 5;

/** What was sent under one id. */
interface Part<D> extends SurveyRecord<D> {
  node: number;
  /** The user the first message belongs to, or the device itself. */
  owner: number;
}

type Address = Pick<ResponsePlace, 'node' | 'submission'>;

/** The parts of one person's submission, and their sum once it is known. */
interface Group<D> {
  parts: Part<D>[];
  record: SurveyRecord<D> | null;
}

export interface Submissions<D> {
  /** Reads on; false at the end. */
  read(clock: number): Promise<boolean>;
  /** Notes what a commit changed. False: too much, begin anew. */
  hear(changes: Changes): boolean;
  /** Does some of what is left to do after reading; false when nothing is. */
  catchUp(clock: number): Promise<boolean>;
  records(): Iterable<SurveyRecord<D>>;
}

export function createSubmissions<D>(
  set: WorkingSet,
  survey: string,
  digest: (view: SubmissionView) => D,
  /** Hears of everybody who sent something. */
  meet: (person: number) => void,
): Submissions<D> {
  const parts = new Map<string, Part<D>>();
  const groups = new Map<string, Group<D>>();
  const unjoined = new Set<string>();
  /** Submissions with new messages, by address; messages whose time has come, by number. */
  const said = new Map<string, Address>();
  const arrived = new Set<number>();
  /** Devices and users whose submissions may be somebody else's now. */
  const moved = new Set<number>();
  const reader = createSubmissionReader(set, { survey, page: PAGE });

  function remove(key: string): void {
    const part = parts.get(key);
    if (!part) return;
    parts.delete(key);
    const name = groupKey(part);
    const group = groups.get(name) as Group<D>; // every part is in one
    group.parts = group.parts.filter((one) => one !== part);
    if (group.parts.length === 0) groups.delete(name);
    settleGroup(name, group);
  }

  function add(part: Part<D>): void {
    const key = addressKey(part.node, part.submissionId);
    remove(key);
    parts.set(key, part);
    const name = groupKey(part);
    const group = groups.get(name) ?? { parts: [], record: null };
    group.parts.push(part);
    groups.set(name, group);
    settleGroup(name, group);
    meet(part.person);
  }

  function settleGroup(name: string, group: Group<D>): void {
    const [only, ...others] = group.parts;
    group.record = only && others.length === 0 ? only : null;
    if (others.length > 0) unjoined.add(name);
    else unjoined.delete(name);
  }

  async function addState({ node, submission }: Address, state: SubmissionState): Promise<void> {
    if (state.first === null) return;
    const owner = await holder(node, state.first);
    add({ node, owner, submissionId: submission, ...(await identityOf(owner)), ...viewed(state) });
  }

  function viewed(state: SubmissionState): Pick<SurveyRecord<D>, 'first' | 'content'> {
    return { first: state.first as Stamp, content: digest(viewSubmission(state)) };
  }

  async function holder(id: number, first: Stamp): Promise<number> {
    const node = await set.nodeById(id);
    return node ? filedUnder(set, node, first) : id;
  }

  async function identityOf(owner: number): Promise<Pick<Part<D>, 'person' | 'profileId'>> {
    const person = await profileOf(set, owner);
    return { person, profileId: (await set.nodeById(person))?.publicId ?? '' };
  }

  const readOne = (address: Address, clock: number) => readSubmission(set, survey, address, clock);

  async function refile(part: Part<D>): Promise<void> {
    const owner = await holder(part.node, part.first);
    add({ ...part, owner, ...(await identityOf(owner)) });
  }

  async function join(name: string, clock: number): Promise<void> {
    const group = groups.get(name);
    const [first, ...others] = group?.parts ?? [];
    unjoined.delete(name);
    if (!group || !first) return;
    const state = await readOne({ node: first.node, submission: first.submissionId }, clock);
    for (const { node, submissionId } of others)
      joinSubmissions(state, await readOne({ node, submission: submissionId }, clock));
    const { submissionId, person, profileId } = first;
    group.record = { submissionId, person, profileId, ...viewed(state) };
  }

  return {
    async read(clock) {
      const { sent, isDone } = await reader.next(clock);
      for (const { place, state } of sent) await addState(place, state);
      return !isDone;
    },
    hear(changes) {
      if (changes.erasure || changes.rebuilt || changes.responses) return false;
      for (const { node, pending, response } of changes.messages ?? [])
        if (response?.survey === survey && !pending)
          said.set(addressKey(node, response.submission), { node, submission: response.submission });
      for (const seq of changes.arrived ?? []) arrived.add(seq);
      for (const { node } of changes.roots ?? []) moved.add(node);
      for (const { device } of changes.timelines ?? []) moved.add(device);
      return true;
    },
    async catchUp(clock) {
      for (const seq of take(arrived, STEP)) {
        const [row] = await set.store.query({ ask: 'response-rows', after: seq - 1, limit: 1 });
        if (row?.seq !== seq || row.survey !== survey) continue;
        said.set(addressKey(row.node, row.submission), row);
      }
      for (const [key, address] of take(said, STEP)) {
        remove(key);
        await addState(address, await readOne(address, clock));
      }
      if (moved.size > 0) {
        const ids = new Set(moved);
        moved.clear();
        for (const part of [...parts.values()])
          if (ids.has(part.node) || ids.has(part.owner)) await refile(part);
      }
      for (const name of take(unjoined, STEP)) await join(name, clock);
      return arrived.size + said.size + moved.size + unjoined.size > 0;
    },
    *records() {
      for (const { record } of groups.values()) if (record) yield record;
    },
  };
}

const addressKey = (node: number, submission: string): string => `${node} ${submission}`;

const groupKey = <D>({ person, submissionId }: Part<D>): string => `${person} ${submissionId}`;

/** Takes out at most so many. */
function take<T>(from: Set<T>, most: number): T[];
function take<K, V>(from: Map<K, V>, most: number): [K, V][];
function take(from: Set<unknown> | Map<unknown, unknown>, most: number): unknown[] {
  const taken: unknown[] = [];
  const isMap = from instanceof Map;
  for (const one of from) {
    if (taken.length === most) break;
    taken.push(one);
  }
  for (const one of taken) from.delete(isMap ? (one as [unknown, unknown])[0] : one);
  return taken;
}
