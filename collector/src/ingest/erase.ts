// Erases a person: every trace their messages left, but for keyed hashes.
// Invariant: afterwards all is as if the messages had never been sent, except that their ids stay used
// up and that times of theirs on shared devices go to nobody else.

import { declaredTraits } from '../engine/filter.ts';
import { holderOf, pairKey } from '../engine/identity.ts';
import { emitDifference, evaluate } from '../engine/person.ts';
import { emptyBag, writeTraits } from '../engine/trait-bag.ts';
import {
  type AliasRow,
  ERASED,
  type Erasure,
  type HistoryRow,
  isErased,
  type NodeRow,
  type RefusedRow,
} from '../storage/port.ts';
import { createPace } from './breathe.ts';
import type { Receipt } from './core.ts';
import { settleGroups } from './due.ts';
import {
  idTextOf,
  mayName,
  parsed,
  refusedNaming,
  type Scouted,
  type ScoutedEvents,
  type ScoutedRefused,
  usesByOthers,
} from './erase-scout.ts';
import { occasionOf } from './fold-person.ts';
import { noteGroupChange } from './groups.ts';
import { keepTimes } from './kept-times.ts';
import { filedUnder } from './owner.ts';
import { logsOf, type Person, whoIs } from './person-ids.ts';
import { settledPerson } from './settle.ts';
import { engineMessage } from './stored-message.ts';
import { upcomingOf } from './upcoming-of.ts';
import type { WorkingSet } from './working-set.ts';

/** Records the erasure of a settled person; the caller commits it and then forgets what is in memory. */
export async function erasePerson(
  set: WorkingSet,
  id: number,
  clock: number,
  suppress: boolean,
  found?: Scouted,
): Promise<Receipt | null> {
  const groups = (await settledPerson(set, id, clock))?.groups.keys();
  // What groups were until now is needed by no member any more, and goes with what is erased of them.
  if (groups) await settleGroups(set, groups, clock);
  // What time changed is written down first, so that it goes with the rest of their history.
  await set.commit(clock);
  const person = await set.person(id);
  const node = await set.nodeById(id);
  if (!person || !node) return null;
  const who = await whoIs(set, node);
  const inEffect: HistoryRow[] = [];
  for await (const page of set.historyPages(id, clock)) for (const row of page) inEffect.push(row);
  const rows = [...inEffect, ...(await upcomingOf(set, who))];
  // Another erasure or a rejection in between may have changed what was passed over.
  const scouted = found?.refused.isStale ? undefined : found;
  const refused = await refusedOf(set, who, scouted?.refused);
  const lists = await set.listsOf(id);
  const logged = await logsOf(set, who);
  let transitions = 0;
  for (const one of logged) transitions += await set.store.query({ ask: 'transition-count', person: one });
  const aliases = await set.aliases([...who.users]);
  const messages = rows.map(({ seq }) => seq);
  const mine = new Set(messages);
  const hashedNodes: Erasure['nodes'] = [];
  const suppressed: string[] = [];
  const pace = createPace();
  const droppedAliases = aliases.filter(({ seq }) => seq < 0 || mine.has(seq));
  // Merges of the API go with the person, undone ones too: they say nobody's id.
  const calledByOthers = new Set(
    aliases
      .filter((alias) => !who.users.has(alias.user) && !droppedAliases.includes(alias))
      .map(({ previousUser }) => previousUser),
  );
  for (const device of who.alone) {
    if (await isNamedByOthers(set, who, device)) calledByOthers.add(device);
    await pace();
  }
  for (const gone of [...who.users, ...who.alone]) {
    await pace();
    const row = (await set.nodeById(gone)) as NodeRow; // ids of the person's own nodes
    const hash = row.ext.startsWith(ERASED)
      ? row.ext.slice(ERASED.length)
      : set.hash(`${row.kind}:${row.ext}`);
    // An alias of somebody parted from them, or a link past somebody's cap, still says whom it means.
    hashedNodes.push({ id: gone, ext: calledByOthers.has(gone) ? row.ext : ERASED + hash });
    if (suppress) suppressed.push(hash);
  }
  await keepTimes(set, who, inEffect, aliases, mine);
  const nameless = [
    ...(await namedNowhereElse(set, who, droppedAliases)),
    ...(await pastCapAndNowhereElse(set, who)),
  ];
  for (const named of nameless) {
    hashedNodes.push({ id: named.id, ext: ERASED + set.hash(`${named.kind}:${named.ext}`) });
    await takeNameAway(set, named.id, clock);
  }
  const listed = await listedNodes(set, who);
  const gone: Erasure['gone'] = [];
  for (const { stamp } of rows) {
    gone.push({ hash: set.hash(`message:${stamp[1]}`), kind: stamp[2] === 1 ? 'server' : 'web' });
    await pace();
  }
  const erasure: Erasure = {
    messages,
    gone,
    nodes: hashedNodes,
    droppedPairs: await ownPairs(set, who),
    droppedTimelines: [...who.alone],
    droppedAliases: droppedAliases.map(({ seq }) => seq),
    droppedOperations: droppedAliases.filter(({ seq }) => seq < 0).map(({ seq }) => -seq),
    transitionsOf: logged,
    unlisted: listed,
    suppressed,
    events: await eventsOnlyIn(set, rows, mine, scouted?.events),
  };
  emitDifference(
    set.program,
    person.members,
    new Set(),
    occasionOf(set, id, { clock, cause: { operation: 'erased' } }),
  );
  const segments = [...set.program.live.values()].filter(({ version }) => person.members.has(version)).length;
  set.dropPerson(id);
  set.record({
    erasure,
    removedRefused: refused.map((row) => row.id),
    facts: [{ name: 'lastSeq', value: set.lastSeq() }],
  });
  await rewriteGroups(set, rows, mine, clock);
  return {
    profileId: node.publicId,
    messages: messages.length,
    rejected: refused.length,
    transitions,
    segments,
    lists: lists.length,
    groups: person.groups.size,
    userIds: who.users.size,
    anonymousIds: who.alone.size,
    suppressed: suppress,
  };
}

/** Users of a profile, for what else is theirs. */
export async function usersOf(set: WorkingSet, node: NodeRow): Promise<Set<number>> {
  return new Set(node.kind === 'user' ? await set.circle(node.id) : []);
}

/** Refused messages that name a person. */
export async function rejectionsNaming(
  set: WorkingSet,
  id: number,
  scouted?: ScoutedRefused,
): Promise<RefusedRow[]> {
  const node = await set.nodeById(id);
  return node ? refusedOf(set, await whoIs(set, node), scouted) : [];
}

/** Others whom nothing but aliases of the person called by their id: users parted from the person again. */
async function namedNowhereElse(
  set: WorkingSet,
  { users }: Person,
  dropped: readonly AliasRow[],
): Promise<NodeRow[]> {
  const others = new Set(dropped.map(({ previousUser }) => previousUser));
  const found: NodeRow[] = [];
  for (const id of others) {
    if (id === null || users.has(id)) continue;
    const node = (await set.nodeById(id)) as NodeRow; // an alias names nodes that are there
    const seqs = new Set(dropped.map(({ seq }) => seq));
    const naming = (await set.aliases([id])).filter(({ seq }) => seq !== 0 && !seqs.has(seq));
    if (naming.length === 0 && !(await hasMessages(set, id)) && !isErased(node)) found.push(node);
  }
  return found;
}

/** Devices that nothing but the person's messages names, and that were past their cap. */
async function pastCapAndNowhereElse(set: WorkingSet, who: Person): Promise<NodeRow[]> {
  const found: NodeRow[] = [];
  for (const id of who.pastCap) {
    const node = (await set.nodeById(id)) as NodeRow; // a pair names nodes that are there
    if (isErased(node) || (await hasMessages(set, id)) || (await isNamedByOthers(set, who, id))) continue;
    if (!(await set.isListed(id))) found.push(node);
  }
  return found;
}

/** Whether any message, of the future too, is filed under the id. */
async function hasMessages(set: WorkingSet, id: number): Promise<boolean> {
  const anyTime = { from: null, to: null, until: Number.MAX_SAFE_INTEGER, limit: 1 };
  const { history } = await set.store.read({ history: [{ node: id, ...anyTime }] });
  return history[0]?.length !== 0;
}

/** Whether messages of others link the device, be it past their cap. */
async function isNamedByOthers(set: WorkingSet, { users }: Person, device: number): Promise<boolean> {
  return (await set.devicePairs(device)).some(({ user }) => !users.has(user));
}

/** Somebody of whom only times are left goes by no id any more. */
async function takeNameAway(set: WorkingSet, id: number, clock: number): Promise<void> {
  const person = await settledPerson(set, id, clock);
  if (!person) return;
  person.ext = '';
  const at = { clock, cause: { operation: 'erased' } };
  evaluate(set.program, person, set.program.atStart, occasionOf(set, id, at));
  set.touch(person);
}

async function ownPairs(set: WorkingSet, { users, shared }: Person): Promise<Erasure['droppedPairs']> {
  const dropped = new Map<string, { user: number; device: number }>();
  for (const user of users)
    for (const device of (await set.pairs(user)).keys())
      if (!shared.has(device)) dropped.set(pairKey(user, device), { user, device });
  return [...dropped.values()];
}

/**
 * Names of events that only these messages have: a name may say as much as any field. Those that others send are
 * found among the first messages; only for rare ones all are looked at, or those that came since that was done.
 */
async function eventsOnlyIn(
  set: WorkingSet,
  rows: readonly HistoryRow[],
  mine: ReadonlySet<number>,
  scouted?: ScoutedEvents,
): Promise<string[]> {
  const left = new Set(rows.map(({ event }) => event).filter((event) => event !== null));
  // What was somebody's then may be another's now, and was passed over.
  const holds = scouted && [...scouted.mine].every((seq) => mine.has(seq));
  let from = 0;
  if (holds) {
    for (const [event, seq] of scouted.uses) if (!mine.has(seq)) left.delete(event);
    from = [...left].every((event) => scouted.looked.has(event) && !scouted.uses.has(event))
      ? scouted.upTo
      : 0;
  }
  for (const event of (await usesByOthers(set, left, mine, from)).uses.keys()) left.delete(event);
  return [...left];
}

/** Ids on static lists that mean this person now. */
async function listedNodes(set: WorkingSet, { users, alone, shared }: Person): Promise<number[]> {
  const nodes = [...users, ...alone];
  for (const device of shared) {
    const holder = holderOf(await set.timeline(device));
    if (holder !== null && users.has(holder)) nodes.push(device);
  }
  return nodes;
}

/** Kept rejections that name the person: among those that were found before, or in one pass over all of them. */
async function refusedOf(set: WorkingSet, who: Person, scouted?: ScoutedRefused): Promise<RefusedRow[]> {
  const names = new Map<string, { user: boolean; device: NodeRow | null }>();
  for (const id of [...who.users, ...who.alone, ...who.shared]) {
    const node = (await set.nodeById(id)) as NodeRow; // ids of the person's own nodes
    const known = names.get(node.ext) ?? { user: false, device: null };
    names.set(node.ext, node.kind === 'user' ? { ...known, user: true } : { ...known, device: node });
  }
  const found: RefusedRow[] = [];
  const take = async (row: RefusedRow | null): Promise<void> => {
    if (row && (await isNamed(set, who, row, names))) found.push(row);
  };
  if (scouted && !scouted.isStale && [...names.keys()].every((name) => scouted.names.has(name))) {
    const pace = createPace();
    for (const id of scouted.numbers) {
      await take(await set.store.query({ ask: 'refused-one', id }));
      await pace();
    }
  } else for await (const row of refusedNaming(set, new Set(names.keys()))) await take(row);
  return found;
}

async function isNamed(
  set: WorkingSet,
  { users, shared }: Person,
  row: RefusedRow,
  names: ReadonlyMap<string, { user: boolean; device: NodeRow | null }>,
): Promise<boolean> {
  const message = parsed(row.text);
  if (!message) return mayName(row.text, new Set(names.keys()));
  const named = (field: string) => names.get(idTextOf(message[field]));
  if (named('userId')?.user || named('previousId')) return true;
  const device = named('anonymousId')?.device;
  if (!device) return false;
  if (!shared.has(device.id)) return true;
  // Somebody else's message on the shared device.
  if (message.userId !== undefined && message.userId !== null) return false;
  return users.has(await filedUnder(set, device, [row.receivedAt, '', 0]));
}

/**
 * Groups' traits as the messages that stay say; other members, settled before, are brought up to them like to any
 * change. What the log still says of the groups may be the person's words, and goes.
 */
async function rewriteGroups(
  set: WorkingSet,
  rows: readonly HistoryRow[],
  gone: ReadonlySet<number>,
  clock: number,
): Promise<void> {
  const ids = new Set(rows.map(({ groupId }) => groupId).filter((id) => id !== null));
  const pace = createPace();
  for (const id of ids) {
    const group = await set.group(id);
    const before = JSON.stringify(group.bag);
    const bag = emptyBag();
    let left = 0;
    for (let after = 0; ; ) {
      const page = await set.store.query({ ask: 'messages-of-group', group: id, after, limit: 1_000 });
      for (const row of page) {
        if (gone.has(row.seq) || row.stamp[0] > clock) continue;
        left++;
        writeTraits(bag, declaredTraits(engineMessage(row).body()), row.stamp);
        await pace();
      }
      const last = page[page.length - 1];
      if (!last) break;
      after = last.seq;
    }
    group.bag = bag;
    if (JSON.stringify(bag) !== before) noteGroupChange(set, group, null, clock);
    set.touchGroup(group);
    if (left === 0) set.record({ droppedGroups: [id] });
  }
}
