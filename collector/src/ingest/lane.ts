// The single-writer lane: everything that changes the store goes through it, one piece at a time.
// Invariant: an ingest resolves only after the commit that holds its last message; what is computed in one
// go and what one commit holds is bounded, so that nobody waits long behind it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineMessage } from '../engine/filter.ts';
import { responseOf } from '../engine/response.ts';
import { stampOf } from '../engine/stamp.ts';
import { ERASED, isErased, type NewMessage, type NodeKind, seenKey } from '../storage/port.ts';
import type { AcceptedMessage, RefusedMessage } from '../wire/accepted.ts';
import type { RejectionCode } from '../wire/message.ts';
import { type Arrival, arrive, foldLate, type LateLeaves, planArrival, settledPerson } from './arrival.ts';
import { breathe } from './breathe.ts';
import type { Outcome } from './core.ts';
import type { GroupPass } from './held-groups.ts';
import { engineMessage } from './stored-message.ts';
import { whyClosed, whyShutTo } from './survey-closing.ts';
import type { WorkingSet } from './working-set.ts';

/** Messages computed in one go, some 6 ms; between two slices new requests come in. */
const SLICE_MESSAGES = 200;
/**
 * Messages in one commit at most, where so many wait. A page of the database that several of them change is
 * written once: 1.9 pages a message at 200, 1.2 at 600. Storing 1,000 that were computed before takes some 20 ms.
 */
const GROUP_MESSAGES = 1_000;
/** People or future messages settled in one commit at most. */
export const SLICE_PEOPLE = 200;
/** Settling people stops for a commit after so much work, ms: live messages wait behind it. Speed only: no result depends on it. */
const SETTLE_SLICE_MS = 2;
/** Messages count as arriving while the last ones are not older than this, ms. */
const LIVE_MS = 100;

export interface LaneCounts {
  accepted: number;
  duplicates: number;
  rejected: number;
  rejectedDropped: number;
}

const SUPPRESSED = 'this id was erased and is refused from then on';

export interface Lane {
  ingest(input: { messages: AcceptedMessage[]; refused: RefusedMessage[] }): Promise<Outcome[]>;
  /**
   * Runs `work` alone, between commits, after all messages due by its clock took effect; what it
   * recorded is committed if it says `changed`; `lazily`: what can be computed again need not be on the disk yet.
   */
  task<T>(work: (set: WorkingSet, clock: number) => Promise<Done<T>>): Promise<T>;
  /** Requests and tasks waiting. */
  depth(): number;
  /**
   * Lets messages go first after work of `tookMs` that nobody waits for, up to three quarters of the time;
   * returns at once while none arrive.
   */
  giveWay(tookMs: number): Promise<void>;
  counts: LaneCounts;
  /** False after a failed commit, until one succeeds. */
  writable(): boolean;
  /** Resolves when all that is queued now is done. */
  drained(): Promise<void>;
}

export interface Done<T> {
  result: T;
  changed: boolean | 'lazily';
}

interface IngestJob {
  kind: 'ingest';
  messages: AcceptedMessage[];
  refused: RefusedMessage[];
  /** Messages already taken into a commit. */
  taken: number;
  outcomes: Outcome[];
  resolve(outcomes: Outcome[]): void;
  reject(error: unknown): void;
}
interface TaskJob {
  kind: 'task';
  run(clock: number): Promise<Done<unknown>['changed']>;
  finish(): void;
  reject(error: unknown): void;
}

/** Some messages of a request. */
interface Part {
  job: IngestJob;
  from: number;
  to: number;
}

export function createLane(set: WorkingSet, now: () => number): Lane {
  const queue: (IngestJob | TaskJob)[] = [];
  const counts: LaneCounts = { accepted: 0, duplicates: 0, rejected: 0, rejectedDropped: 0 };
  let running = false;
  let writable = true;
  let idle: (() => void)[] = [];
  let lastIngest = Number.NEGATIVE_INFINITY;

  function enqueue(job: IngestJob | TaskJob): void {
    queue.push(job);
    if (running) return;
    running = true;
    // Not at once: requests that arrive in the same turn of the loop share the commit.
    setImmediate(run);
  }

  async function run(): Promise<void> {
    while (queue.length > 0) {
      const head = queue[0] as IngestJob | TaskJob;
      if (head.kind === 'task') {
        queue.shift();
        await runTask(head);
      } else await runGroup();
      await breathe();
    }
    running = false;
    for (const wake of idle) wake();
    idle = [];
  }

  async function runTask(job: TaskJob): Promise<void> {
    try {
      const clock = now();
      await arriveDue(set, clock);
      const changed = await job.run(clock);
      if (changed) await commit(clock, changed === 'lazily' ? 'lazy' : undefined);
      job.finish();
    } catch (error) {
      set.forget();
      job.reject(error);
    }
  }

  async function commit(clock: number, how?: 'lazy'): Promise<void> {
    try {
      counts.rejectedDropped += await set.commit(clock, how);
      writable = true;
    } catch (error) {
      writable = false;
      throw error;
    }
  }

  /** Messages of the ingests at the head of the queue, up to `room`. Jobs taken whole leave the queue. */
  function takeSlice(room: number): Part[] {
    const slice: Part[] = [];
    for (let job = queue[0]; job?.kind === 'ingest' && room > 0; job = queue[0]) {
      const to = Math.min(job.messages.length, job.taken + room);
      slice.push({ job, from: job.taken, to });
      room -= to - job.taken;
      job.taken = to;
      if (to < job.messages.length) break;
      queue.shift();
    }
    return slice;
  }

  /** Slices computed one after another while more is waiting, then stored together. */
  async function runGroup(): Promise<void> {
    const parts: Part[] = [];
    const outcomes: Outcome[] = [];
    const fresh = new Set<string>();
    let clock = now();
    try {
      for (;;) {
        const slice = takeSlice(Math.min(SLICE_MESSAGES, GROUP_MESSAGES - outcomes.length));
        parts.push(...slice);
        clock = now();
        await arriveDue(set, clock);
        const messages = slice.flatMap(({ job, from, to }) => job.messages.slice(from, to));
        outcomes.push(...(await ingestSlice(set, messages, clock, fresh)));
        if (queue[0]?.kind !== 'ingest' || outcomes.length >= GROUP_MESSAGES) break;
        // Until it is stored nobody would see that its time has come.
        if (messages.some(({ time }) => time > clock)) break;
        await breathe();
      }
      for (const { job, to } of parts) if (to === job.messages.length) recordRefused(job);
      await commit(clock);
      count(outcomes);
    } catch (error) {
      set.forget();
      for (const { job } of parts) job.reject(error);
      const [head] = queue;
      if (head?.kind === 'ingest' && head.taken > 0) queue.shift();
      return;
    }
    lastIngest = performance.now();
    let at = 0;
    for (const { job, from, to } of parts) {
      job.outcomes.push(...outcomes.slice(at, at + to - from));
      at += to - from;
      if (to === job.messages.length) job.resolve(job.outcomes);
    }
  }

  function recordRefused(job: IngestJob): void {
    if (job.refused.length > 0) set.record({ refused: job.refused });
    counts.rejected += job.refused.length;
  }

  function count(outcomes: readonly Outcome[]): void {
    for (const outcome of outcomes) {
      if (outcome === 'accepted') counts.accepted++;
      else if (outcome === 'duplicate') counts.duplicates++;
      else counts.rejected++;
    }
  }

  return {
    counts,
    ingest: ({ messages, refused }) =>
      new Promise((resolve, reject) => {
        enqueue({ kind: 'ingest', messages, refused, taken: 0, outcomes: [], resolve, reject });
      }),
    task: (work) =>
      new Promise((resolve, reject) => {
        let finish = (): void => {};
        enqueue({
          kind: 'task',
          async run(clock) {
            const { result, changed } = await work(set, clock);
            finish = () => resolve(result);
            return changed;
          },
          finish: () => finish(),
          reject,
        });
      }),
    depth: () => queue.length,
    async giveWay(tookMs) {
      const now = performance.now();
      if (now - lastIngest > LIVE_MS) return;
      do await sleep(1);
      while (running && performance.now() < now + 3 * tookMs);
    },
    writable: () => writable,
    drained: () => (running ? new Promise((resolve) => idle.push(resolve)) : Promise.resolve()),
  };
}

/** `fresh`: the keys of what the same commit holds already. */
async function ingestSlice(
  set: WorkingSet,
  messages: readonly AcceptedMessage[],
  clock: number,
  fresh: Set<string>,
): Promise<Outcome[]> {
  const { seen } = await set.store.read({ seen: [...messages] });
  if (set.erased.any) await addGone(set, messages, seen);
  const suppressed = set.erased.suppressed ? await suppressedAmong(set, messages) : null;
  await set.prefetch(messages);
  const outcomes: Outcome[] = [];
  const late: LateLeaves = new Map();
  for (const message of messages) {
    const key = seenKey(message);
    if (seen.has(key) || fresh.has(key)) {
      outcomes.push('duplicate');
      continue;
    }
    const isRefused = suppressed?.has(message) ?? false;
    const outcome = await (isRefused ? refuseSuppressed(set, message) : ingestOne(set, message, clock, late));
    if (outcome === 'accepted') fresh.add(key);
    outcomes.push(outcome);
  }
  await foldLate(set, late, clock);
  return outcomes;
}

/** Adds the ids that erased messages used up. */
async function addGone(
  set: WorkingSet,
  messages: readonly AcceptedMessage[],
  seen: Set<string>,
): Promise<void> {
  const hashed = messages.map((message) => ({ message, hash: set.hash(`message:${message.messageId}`) }));
  const { gone } = await set.store.read({
    gone: hashed.map(({ message, hash }) => ({ hash, kind: message.kind })),
  });
  if (gone.size === 0) return;
  for (const { message, hash } of hashed) if (gone.has(`${message.kind} ${hash}`)) seen.add(seenKey(message));
}

/** Messages that name an id which is refused since its person was erased. */
async function suppressedAmong(
  set: WorkingSet,
  messages: readonly AcceptedMessage[],
): Promise<Set<AcceptedMessage>> {
  const byHash = new Map<string, AcceptedMessage[]>();
  const note = (message: AcceptedMessage, kind: NodeKind, id: string | null): void => {
    if (id === null) return;
    const hash = set.hash(`${kind}:${id}`);
    byHash.set(hash, [...(byHash.get(hash) ?? []), message]);
  };
  for (const message of messages) {
    note(message, 'user', message.userId);
    note(message, 'device', message.anonymousId);
    note(message, 'user', message.previousId);
    note(message, 'device', message.previousId);
  }
  const { suppressed } = await set.store.read({ suppressed: [...byHash.keys()] });
  return new Set([...suppressed].flatMap((hash) => byHash.get(hash) ?? []));
}

/** To a web key it looks accepted, and repeated like a repeat: a stranger must not learn who was erased. */
async function refuseSuppressed(set: WorkingSet, message: AcceptedMessage): Promise<Outcome> {
  const { kind, receivedAt, messageId: id, time } = message;
  const hash = set.hash(`message:${id}`);
  if (kind === 'web') {
    const response = responseOf(engineOf(message));
    const why = response && (await whyShutTo(set, response.survey, time));
    // Anybody new would be told so.
    if (why) return { code: 'survey_closed', reason: why };
    set.record({ usedUp: [{ hash, kind }] });
    return 'accepted';
  }
  const code = 'suppressed';
  // Rejected again it keeps one row, though nothing of it may be kept.
  const messageId = ERASED + hash;
  set.record({
    refused: [{ code, reason: SUPPRESSED, messageId, kind, receivedAt, sentAt: null, text: 'null' }],
  });
  return { code, reason: SUPPRESSED };
}

const NOTHING_PLANNED = { plans: [], refused: false };

async function ingestOne(
  set: WorkingSet,
  message: AcceptedMessage,
  clock: number,
  late: LateLeaves,
): Promise<Outcome> {
  const pending = message.time > clock;
  const arrival = await lookUp(set, message, pending ? 'wait' : undefined);
  const node = arrival.user ?? arrival.device;
  if (!node) throw new Error('a message without an identity reached the lane');
  const entry: NewMessage = {
    message,
    seq: arrival.seq,
    node: node.id,
    device: arrival.user ? (arrival.device?.id ?? null) : null,
    pending,
  };
  const response = responseOf(arrival.message);
  if (response) {
    const nodes = [node.id, ...(arrival.user && arrival.device ? [arrival.device.id] : [])];
    const why = await whyClosed(set, response, nodes, message.time);
    if (why && !message.acceptedBefore) return refuse(set, message, 'survey_closed', why);
    const { survey, submission, status } = response;
    entry.response = { survey, submission, status };
  }
  if (pending) {
    set.addMessage(entry);
    return 'accepted';
  }
  const { plans, refused } = arrival.previous ? await planArrival(set, arrival, clock) : NOTHING_PLANNED;
  if (refused && !message.acceptedBefore) {
    const reason =
      'this merge would take the profile past its limit of 1,000 ids or 100 merges; use fewer aliases for one person';
    return refuse(set, message, 'merge_not_allowed', reason);
  }
  set.addMessage(entry);
  await arrive(set, arrival, plans, { clock, cause: { messageId: message.messageId }, late });
  return 'accepted';
}

function refuse(set: WorkingSet, message: AcceptedMessage, code: RejectionCode, reason: string): Outcome {
  const { kind, messageId, receivedAt, sentAt, text } = message;
  set.record({ refused: [{ code, reason, messageId, kind, receivedAt, sentAt, text }] });
  return { code, reason };
}

async function lookUp(set: WorkingSet, message: AcceptedMessage, wait: 'wait' | undefined): Promise<Arrival> {
  const { userId, anonymousId, previousId, kind, trusted, type } = message;
  const named = (nodeKind: NodeKind, ext: string) =>
    set.nodeInMemory(nodeKind, ext) ?? set.ensureNode(nodeKind, ext, wait);
  const user = userId === null ? null : await named('user', userId);
  const device = anonymousId === null ? null : await named('device', anonymousId);
  let previous: Arrival['previous'] = null;
  if (type === 'alias' && previousId !== null && userId !== null && previousId !== userId) {
    previous = {
      device: await set.ensureNode('device', previousId, wait),
      // A web key may link a device, never merge two users: keys in pages are public.
      user: kind === 'server' ? await set.ensureNode('user', previousId, wait) : null,
    };
  }
  return {
    seq: set.nextSeq(),
    message: engineOf(message),
    trusted,
    user,
    device,
    previous,
  };
}

function engineOf(message: AcceptedMessage): EngineMessage {
  const { type, name, groupId, body } = message;
  return {
    stamp: stampOf(message),
    type,
    event: type === 'track' ? name : null,
    groupId,
    body: () => body,
  };
}

/** Puts messages dated in the future into effect whose time has come, each at its own instant. */
export async function arriveDue(set: WorkingSet, clock: number): Promise<boolean> {
  let any = false;
  for (;;) {
    const due = await set.store.query({ ask: 'due-messages', until: clock, limit: SLICE_PEOPLE });
    if (due.length === 0) return any;
    for (const { row } of due) {
      const at = row.stamp[0];
      // Stored by the lane.
      const body = JSON.parse(row.text) as {
        previousId?: string | number;
        anonymousId?: string;
        userId?: string;
      };
      let filed = await set.nodeById(row.node);
      // Filed while its id was erased: from now on it goes by its id again.
      if (filed?.kind === 'user' && isErased(filed) && body.userId !== undefined)
        filed = await set.ensureNode('user', body.userId);
      const user = filed?.kind === 'user' ? filed : null;
      let device = user ? (row.device === null ? null : await set.nodeById(row.device)) : filed;
      // Erased while this message waited: it names the device again.
      if (device && isErased(device) && body.anonymousId !== undefined)
        device = await set.ensureNode('device', body.anonymousId);
      let previous: Arrival['previous'] = null;
      if (
        row.type === 'alias' &&
        user &&
        body.previousId !== undefined &&
        String(body.previousId) !== user.ext
      ) {
        const name = String(body.previousId);
        const merges = row.stamp[2] === 1;
        previous = {
          device: await set.ensureNode('device', name),
          user: merges ? await set.ensureNode('user', name) : null,
        };
      }
      const message = engineMessage(row);
      const arrival: Arrival = { message, seq: row.seq, trusted: row.trusted, user, device, previous };
      set.horizon = row.stamp;
      // Past a cap by now: all of it counts but its merge, which the plan leaves out.
      const { plans } = await planArrival(set, arrival, at);
      await arrive(set, arrival, plans, { clock: at, cause: { deadline: at } });
      set.horizon = null;
    }
    set.record({ arrived: due.map(({ row }) => row.seq) });
    any = true;
    await set.commit(clock);
    await breathe();
  }
}

/** Settles one slice of people who are due, or of a group's members. Answers whether there were any. */
export async function settleDue(set: WorkingSet, clock: number): Promise<boolean> {
  if (await settlePeople(set, clock)) return true;
  const [group] = set.waiting;
  if (group === undefined) return false;
  const pass = set.passes.get(group) ?? passOver(group);
  set.passes.set(group, pass);
  if (!(await settleMembers(set, pass, clock))) set.passes.delete(group);
  return true;
}

/** Settles one slice of people who are due. Answers whether there were any. */
export async function settlePeople(set: WorkingSet, clock: number): Promise<boolean> {
  const due = await set.store.query({ ask: 'due-people', until: clock, limit: SLICE_PEOPLE });
  const end = performance.now() + SETTLE_SLICE_MS;
  for (const id of due) {
    await settledPerson(set, id, clock);
    if (performance.now() > end) break;
  }
  return due.length > 0;
}

export const passOver = (group: string): GroupPass => ({ group, after: 0, revision: null });

/** Brings one slice of a group's members up to its changes. False: that was the last. */
export async function settleMembers(set: WorkingSet, pass: GroupPass, clock: number): Promise<boolean> {
  const group = await set.group(pass.group);
  pass.revision ??= group.revision;
  const asked = { group: pass.group, after: pass.after, limit: SLICE_PEOPLE };
  const members = await set.store.query({ ask: 'group-members', ...asked });
  const end = performance.now() + SETTLE_SLICE_MS;
  for (const id of members) {
    await settledPerson(set, id, clock);
    pass.after = id;
    if (performance.now() > end) return true;
  }
  if (members.length === SLICE_PEOPLE) return true;
  // Changed meanwhile, it goes on waiting: for another pass.
  if (group.revision === pass.revision) await set.settleGroup(pass.group);
  return false;
}
