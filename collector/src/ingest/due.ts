// What time brings: messages dated in the future whose time has come, and people and groups' members who are due.
// Invariant: settling happens in slices that are bounded in people and in work, so that live messages hardly wait.
import type { EngineMessage } from '../engine/filter.ts';
import { type Answers, type HistoryRow, isErased } from '../storage/port.ts';
import { type Arrival, arrive, planArrival, readyFor, settleTouched } from './arrival.ts';
import { breathe } from './breathe.ts';
import { foldIn } from './fold-person.ts';
import type { GroupPass } from './held-groups.ts';
import { behind } from './history-pages.ts';
import { settledPerson, settleForNow } from './settle.ts';
import { engineMessage } from './stored-message.ts';
import type { WorkingSet } from './working-set.ts';

/** People settled in one commit at most. */
const SLICE_PEOPLE = 200;
/** Settling people stops for a commit after so much work, ms: live messages wait behind it. Speed only: no result depends on it. */
const SETTLE_SLICE_MS = 2;
/** The same for one commit of messages whose time has come; live messages wait for all of them. */
const ARRIVE_SLICE_MS = 20;
/** Messages whose time has come read at a time: 6 MB at most. */
const MAX_DUE_MESSAGES = 200;

/** Puts messages dated in the future into effect whose time has come, each at its own instant. */
export async function arriveDue(set: WorkingSet, clock: number): Promise<boolean> {
  for (let any = false; ; any = true) {
    let due = await set.store.query({ ask: 'due-messages', until: clock, limit: MAX_DUE_MESSAGES });
    if (due.length === 0) return any;
    while (due.length > 0) due = due.slice(await arriveSlice(set, due, clock));
  }
}

/** Puts the first of them into effect, in one commit: as many as are cheap, one at least. Answers how many. */
async function arriveSlice(set: WorkingSet, due: Answers['due-messages'], clock: number): Promise<number> {
  const arrived: number[] = [];
  const end = performance.now() + ARRIVE_SLICE_MS;
  for (const { row } of due) {
    if (arrived.length > 0 && (performance.now() > end || set.isFull())) break;
    set.willDeclare(row);
    arrived.push(row.seq);
    const at = row.stamp[0];
    const cause = { deadline: at };
    const message = engineMessage(row);
    const arrival = await arrivalOf(set, row, message);
    // Most change nothing about who is who.
    const person = message.type === 'alias' ? null : readyFor(set, arrival, at);
    if (person) {
      set.horizon = behind(row.stamp);
      await foldIn(set, person, message, { clock: at, cause });
      set.horizon = null;
      continue;
    }
    set.horizon = row.stamp;
    // Past a cap by now: all of it counts but its merge, which the plan leaves out.
    const { plans } = await planArrival(set, arrival, at);
    await settleTouched(set, arrival, plans, at);
    set.horizon = behind(row.stamp);
    await arrive(set, arrival, plans, { clock: at, cause });
    set.horizon = null;
  }
  set.record({ arrived });
  await set.commit(clock);
  await breathe();
  return arrived.length;
}

/** The message with its ids looked up. */
async function arrivalOf(set: WorkingSet, row: HistoryRow, message: EngineMessage): Promise<Arrival> {
  const byId = (id: number) => set.inMemory.nodeById(id) ?? set.nodeById(id);
  // Stored by the lane.
  const ids = () => message.body() as { previousId?: string | number; anonymousId?: string; userId?: string };
  let filed = await byId(row.node);
  // Filed while its id was erased: from now on it goes by its id again.
  if (filed?.kind === 'user' && isErased(filed)) {
    const { userId } = ids();
    if (userId !== undefined) filed = await set.ensureNode('user', userId);
  }
  const user = filed?.kind === 'user' ? filed : null;
  let device = user ? (row.device === null ? null : await byId(row.device)) : filed;
  // Erased while this message waited: it names the device again.
  if (device && isErased(device)) {
    const { anonymousId } = ids();
    if (anonymousId !== undefined) device = await set.ensureNode('device', anonymousId);
  }
  const { seq, trusted } = row;
  const arrival: Arrival = { message, seq, trusted, user, device, previous: null };
  if (row.type !== 'alias' || !user) return arrival;
  const { previousId } = ids();
  if (previousId === undefined || String(previousId) === user.ext) return arrival;
  const name = String(previousId);
  const merges = row.stamp[2] === 1;
  const previous = {
    device: await set.ensureNode('device', name),
    user: merges ? await set.ensureNode('user', name) : null,
  };
  return { ...arrival, previous };
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
    await settleForNow(set, id, clock);
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

/**
 * Settles everybody who is due and brings all members of these groups up to their traits, so that nobody needs what
 * these were before. Alone in the lane: whoever cannot do with that settles as much as possible in slices before.
 */
export async function settleGroups(set: WorkingSet, groups: Iterable<string>, clock: number): Promise<void> {
  const next = async (): Promise<void> => {
    await set.commit(clock);
    await breathe();
  };
  const { usesGroups } = set.program;
  while (usesGroups && (await settlePeople(set, clock))) await next();
  for (const id of groups) {
    if ((await set.group(id)).log.length === 0) continue;
    const pass = passOver(id);
    while (usesGroups && (await settleMembers(set, pass, clock))) await next();
    await set.settleGroup(id);
    await next();
  }
}
