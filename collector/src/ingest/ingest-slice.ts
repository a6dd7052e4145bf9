// A slice of messages put through: which are new, which are refused, whose they are and what they change.
// Invariant: nothing of a message is recorded unless it is accepted, but its refusal; the lane commits both.
import type { EngineMessage } from '../engine/filter.ts';
import { mayRespond, responseOf } from '../engine/response.ts';
import { stampOf } from '../engine/stamp.ts';
import { ERASED, type NewMessage, type NodeKind, seenKey } from '../storage/port.ts';
import { type AcceptedMessage, bodyOf, type KeyKind, letGoOfBody } from '../wire/accepted.ts';
import type { RejectionCode } from '../wire/message.ts';
import { type Arrival, arrive, messagesToRefold, planArrival, readyFor, settleTouched } from './arrival.ts';
import type { Outcome } from './core.ts';
import { foldIn, foldLate, type LateLeaves, nothingLate } from './fold-person.ts';
import type { Folds } from './folds.ts';
import { whyTooOld } from './retention.ts';
import { whyClosed, whyShutTo } from './survey-closing.ts';
import { whyTooManyTraits } from './trait-limit.ts';
import type { WorkingSet } from './working-set.ts';

const SUPPRESSED = 'this id was erased and is refused from then on';

/** People in a slice with messages that came too late, each of whom may cost tens of milliseconds at its end. */
const SLICE_LATE_PEOPLE = 20;

/** Message ids, by the keys that messages came with. */
export type Fresh = Record<KeyKind, Set<string>>;

export const nothingFresh = (): Fresh => ({ web: new Set(), server: new Set() });

export interface Slice {
  clock: number;
  /** The ids of what the same commit holds already. */
  fresh: Fresh;
  /** Told when the first message begins, what all of them need being read. */
  begin(): void;
  /**
   * Told when one more message is through, and whether it leaves work for the end of the slice; true: the others have
   * to wait for another one.
   */
  through(isLate: boolean): boolean;
  /** People being folded for the first message, or folded before. It is put through in any case. */
  folds?: Folds | null | undefined;
  /**
   * Whether the n-th message, which would have people with so many messages folded anew, is not put through but waits
   * for that; without it none does.
   */
  waits?: (messages: number, nth: number) => boolean;
}

export interface SliceDone {
  /** What became of the messages, or of the first of them where the slice was over before the last. */
  outcomes: Outcome[];
  /** The next one was not put through, and waits for people to be folded. */
  nextWaits: boolean;
}

export async function ingestSlice(
  set: WorkingSet,
  messages: readonly AcceptedMessage[],
  { clock, fresh, begin, through, folds, waits }: Slice,
): Promise<SliceDone> {
  const { seen } = await set.store.read({ seen: [...messages] });
  if (set.erased.any) await addGone(set, messages, seen);
  const suppressed = set.erased.suppressed ? await suppressedAmong(set, messages) : null;
  await set.prefetch(messages);
  const outcomes: Outcome[] = [];
  const late = nothingLate();
  const on: On = {
    clock,
    late,
    folds,
    waits: (count) => waits?.(count, outcomes.length) ?? false,
  };
  let nextWaits = false;
  begin();
  for (const message of messages) {
    const { kind, messageId } = message;
    const before = late.messages;
    if (fresh[kind].has(messageId) || (seen.size > 0 && seen.has(seenKey(message))))
      outcomes.push('duplicate');
    else {
      const isRefused = suppressed?.has(message) ?? false;
      const coming = isRefused ? refuseSuppressed(set, message, clock) : ingestOne(set, message, on);
      // Waiting for what is there costs more than an ordinary message's fold.
      const outcome = coming instanceof Promise ? await coming : coming;
      nextWaits = outcome === 'waits';
      if (outcome === 'waits') break;
      if (outcome === 'accepted') fresh[kind].add(messageId);
      outcomes.push(outcome);
    }
    // What it said is in what it changed, and its text waits for the commit.
    letGoOfBody(message);
    // Who was folded was folded for the first of them.
    on.folds = undefined;
    if (through(late.messages > before) || late.people.size >= SLICE_LATE_PEOPLE) break;
  }
  await foldLate(set, late, clock);
  return { outcomes, nextWaits };
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

/**
 * To a web key it looks accepted, and repeated like a repeat, unless anybody new would be refused with it: a stranger
 * must not learn who was erased. What somebody new would have by their earlier messages is not looked at, since of
 * these nothing is kept.
 */
async function refuseSuppressed(set: WorkingSet, message: AcceptedMessage, clock: number): Promise<Outcome> {
  const { kind, receivedAt, messageId: id, time } = message;
  const hash = set.hash(`message:${id}`);
  if (kind === 'web') {
    const old = whyTooOldNow(set, message, clock);
    if (old) return { code: 'too_old', reason: old };
    const response = responseOf(engineOf(message));
    const why = response && (await whyShutTo(set, response.survey, time));
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

interface On extends Pick<Slice, 'clock' | 'folds'> {
  late: LateLeaves;
  waits(messages: number): boolean;
}

function ingestOne(
  set: WorkingSet,
  message: AcceptedMessage,
  on: On,
): Outcome | 'waits' | Promise<Outcome | 'waits'> {
  const { clock, late } = on;
  const old = whyTooOldNow(set, message, clock);
  if (old) return refuse(set, message, 'too_old', old);
  const plain = isPlain(message, clock) ? lookUpInMemory(set, message) : null;
  const person = plain && readyFor(set, plain, clock);
  if (!plain || !person) return ingestSlowly(set, message, plain, on);
  set.addMessage(entryOf(message, plain, false));
  const cause = { messageId: message.messageId };
  const coming = foldIn(set, person, plain.message, { clock, cause, late });
  return coming ? coming.then(() => 'accepted') : 'accepted';
}

/** One that was accepted before, and comes from an export, is taken however old it is. */
const whyTooOldNow = ({ retention }: WorkingSet, message: AcceptedMessage, clock: number): string | null =>
  message.acceptedBefore ? null : whyTooOld(retention, message, clock);

/** Nothing is to be known about a message but who sent it: it is in effect at once, and changes only what follows from it. */
const isPlain = ({ type, name, time }: AcceptedMessage, clock: number): boolean =>
  time <= clock && (type === 'page' || type === 'screen' || (type === 'track' && !mayRespond(type, name)));

function entryOf(message: AcceptedMessage, { seq, user, device }: Arrival, pending: boolean): NewMessage {
  const node = user ?? device;
  if (!node) throw new Error('a message without an identity reached the lane');
  return { message, seq, node: node.id, device: user ? (device?.id ?? null) : null, pending };
}

async function ingestSlowly(
  set: WorkingSet,
  message: AcceptedMessage,
  known: Arrival | null,
  { clock, late, folds, waits }: On,
): Promise<Outcome | 'waits'> {
  const pending = message.time > clock;
  const arrival = known ?? (await lookUp(set, message, pending ? 'wait' : undefined));
  const entry = entryOf(message, arrival, pending);
  const { node } = entry;
  const response = responseOf(arrival.message);
  if (response) {
    const nodes = [node, ...(arrival.user && arrival.device ? [arrival.device.id] : [])];
    const why = await whyClosed(set, response, nodes, message.time);
    if (why && !message.acceptedBefore) return refuse(set, message, 'survey_closed', why);
    const { survey, submission, status } = response;
    entry.response = { survey, submission, status };
  }
  const tooMany = message.acceptedBefore ? null : await whyTooManyTraits(set, arrival, clock);
  if (tooMany) return refuse(set, message, 'invalid_field', tooMany);
  if (pending) {
    set.addMessage(entry);
    return 'accepted';
  }
  const mayLink = arrival.user !== null && (arrival.device !== null || arrival.previous !== null);
  const { plans, refused } = mayLink ? await planArrival(set, arrival, clock) : NOTHING_PLANNED;
  if (refused && !message.acceptedBefore) {
    const reason =
      'this merge would take the profile past its limit of 1,000 ids or 100 merges; use fewer aliases for one person';
    return refuse(set, message, 'merge_not_allowed', reason);
  }
  // A name that somebody takes again is written with their row.
  const mayWait = folds === undefined && plans.length > 0 && !set.isNaming();
  if (mayWait && waits(await messagesToRefold(set, arrival, plans, clock))) return 'waits';
  await settleTouched(set, arrival, plans, clock);
  set.addMessage(entry);
  const cause = { messageId: message.messageId };
  await arrive(set, arrival, plans, { clock, cause, late, folds: folds ?? undefined });
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
    set.inMemory.node(nodeKind, ext) ?? set.ensureNode(nodeKind, ext, wait);
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

/** The same for a plain message, where memory knows all whom it names; null otherwise. */
function lookUpInMemory(set: WorkingSet, message: AcceptedMessage): Arrival | null {
  const { userId, anonymousId, trusted } = message;
  const user = userId === null ? null : set.inMemory.node('user', userId);
  const device = anonymousId === null ? null : set.inMemory.node('device', anonymousId);
  if (user === undefined || device === undefined) return null;
  return { seq: set.nextSeq(), message: engineOf(message), trusted, user, device, previous: null };
}

function engineOf(message: AcceptedMessage): EngineMessage {
  const { type, name, groupId, text } = message;
  return {
    stamp: stampOf(message),
    type,
    event: type === 'track' ? name : null,
    groupId,
    text,
    // That of a large request is parsed when it is looked at, which is never where no definition looks inside.
    body: () => bodyOf(message),
  };
}
