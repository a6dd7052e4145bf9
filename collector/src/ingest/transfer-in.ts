// Takes over what an export says beside its messages.
// Invariant: a record taken twice changes nothing the second time; messages decide what they always decide.
import { ERASED, NOTHING_ERASED, type NodeRow } from '../storage/port.ts';
import { readTime } from '../wire/instant.ts';
import { TRANSFER_VERSION, type TransferRecord } from '../wire/transfer.ts';
import { carryOut } from './arrival.ts';
import type { TakenOver } from './core.ts';
import { planLink, planMerge, planUnmerge } from './identity-plan.ts';
import { mergeStamp, setListed } from './operations.ts';
import { fingerprint } from './transfer-out.ts';
import type { WorkingSet } from './working-set.ts';

type Of<T extends TransferRecord['type']> = Extract<TransferRecord, { type: T }>;

const TAKEN: TakenOver = { outcome: 'taken' };
const KNOWN: TakenOver = { outcome: 'known' };
/** These were checked to be times when the line was read. */
const ms = (text: string): number => readTime(text) as number;

/** What a record is compared with. */
export interface Target {
  idKey: string;
  /** IANA time zone that days are counted in here. */
  zone: string;
}

/** Takes any record but definitions. */
export async function takeRecord(
  set: WorkingSet,
  record: Exclude<TransferRecord, { type: 'tidemark.definitions' }>,
  target: Target,
  clock: number,
): Promise<TakenOver> {
  switch (record.type) {
    case 'tidemark.export':
      return compareFiles(record, target);
    case 'tidemark.operation':
      return takeOperation(set, record, clock);
    case 'tidemark.listed':
      return takeListed(set, record, clock);
    case 'tidemark.erased-link':
      return takeErasedLink(set, record, clock);
    case 'tidemark.used-ids':
    case 'tidemark.suppressed':
      return record.of === fingerprint(target.idKey)
        ? takeHashes(set, record)
        : { outcome: 'refused', note: 'hashed with another key than this database has' };
    case 'tidemark.end':
      return TAKEN;
  }
}

function compareFiles({ version, timezone, idKey }: Of<'tidemark.export'>, target: Target): TakenOver {
  if (version > TRANSFER_VERSION)
    return { outcome: 'refused', note: `this is an export of version ${version}; a newer Tidemark reads it` };
  const notes: string[] = [];
  if (timezone !== target.zone)
    notes.push(`days are counted in ${timezone} there and in ${target.zone} here; TIDEMARK_TZ sets it`);
  if (idKey !== target.idKey)
    notes.push(
      'this database has a key of its own: profiles get other ids, and who was erased there is unknown here',
    );
  return { outcome: 'taken', ...(notes.length > 0 ? { note: notes.join('; ') } : {}) };
}

/** A merge or unmerge as it was accepted, at its place among the messages taken so far. */
async function takeOperation(
  set: WorkingSet,
  record: Of<'tidemark.operation'>,
  clock: number,
): Promise<TakenOver> {
  const at = ms(record.at);
  const user = await set.ensureNode('user', record.userId);
  const into = record.into === null ? null : await set.ensureNode('user', record.into);
  if (record.operation === 'merge' && into === null)
    return { outcome: 'refused', note: 'a merge needs "into"' };
  const before = await set.store.query({ ask: 'operations-of', user: user.id });
  const same = before.filter(
    (known) => known.kind === record.operation && known.into === (into?.id ?? null) && known.at === at,
  );
  if (same.length >= record.nth) return KNOWN;
  const id = set.nextOperation();
  const operation = { id, kind: record.operation, user: user.id, into: into?.id ?? null, at };
  set.record({ operations: [{ ...operation, seq: set.lastSeq() }] });
  if (into) {
    const merge = { from: user, into, stamp: mergeStamp(at, id), seq: -id };
    // Past a cap by now: the plan leaves the merge out, as it did where it comes from.
    const { plan } = await planMerge(set, merge, clock);
    await carryOut(set, plan, { clock, cause: { operation: 'merge' } });
  } else {
    const plan = await planUnmerge(set, user, clock);
    await carryOut(set, plan, { clock, cause: { operation: 'unmerge' } });
  }
  return TAKEN;
}

async function takeListed(
  set: WorkingSet,
  { segment, id }: Of<'tidemark.listed'>,
  clock: number,
): Promise<TakenOver> {
  const list = set.program.lists.get(segment);
  if (list === undefined) return { outcome: 'refused', note: `there is no static segment "${segment}" here` };
  const kind = id.startsWith('user:') ? 'user' : 'device';
  const node = await set.ensureNode(kind, id.slice('user:'.length));
  const { listed } = await set.store.read({ listed: [node.id] });
  if (listed.some((entry) => entry.list === list)) return KNOWN;
  // Whose first message is still to come is on the list all the same.
  if ((await setListed(set, list, id, true, clock)) !== 'done') set.setListed(list, node.id, true);
  return TAKEN;
}

/** A time of somebody erased on a device that others use: their messages of it go to nobody else. */
async function takeErasedLink(
  set: WorkingSet,
  record: Of<'tidemark.erased-link'>,
  clock: number,
): Promise<TakenOver> {
  if ((record.hash === null) === (record.userId === null))
    return { outcome: 'refused', note: 'needs either "hash" or "userId"' };
  const user =
    record.userId === null ? await erasedUser(set, record) : await set.ensureNode('user', record.userId);
  const device = await set.ensureNode('device', record.anonymousId);
  const stamp = [ms(record.time), record.place, record.key === 'web' ? 0 : 1] as const;
  const kept = (await set.store.read({ merges: [user.id] })).merges;
  const isKnown = kept.some(
    (alias) =>
      alias.seq === 0 && alias.device === device.id && alias.stamp.every((part, i) => part === stamp[i]),
  );
  if (isKnown) return KNOWN;
  const link = { user, device, stamp: [...stamp] as [number, string, 0 | 1], trusted: record.trusted };
  set.addAlias({ ...link, user: user.id, device: device.id, previousUser: null, seq: 0, voided: false });
  const plan = await planLink(set, link, clock);
  if (plan) await carryOut(set, plan, { clock, cause: { operation: 'erased' } });
  return TAKEN;
}

/** Nobody goes by such a node; if the person comes back, the same key finds it by the hash. */
async function erasedUser(set: WorkingSet, record: Of<'tidemark.erased-link'>): Promise<NodeRow> {
  const ext = ERASED + record.hash;
  const known = (await set.node('user', ext)) ?? (await set.nodeByPublicId(record.profileId));
  return known ?? set.addNode('user', ext, record.profileId);
}

async function takeHashes(
  set: WorkingSet,
  record: Of<'tidemark.used-ids'> | Of<'tidemark.suppressed'>,
): Promise<TakenOver> {
  const { hashes } = record;
  if (record.type === 'tidemark.used-ids') {
    const asked = hashes.map((hash) => ({ hash, kind: record.key }));
    const { gone } = await set.store.read({ gone: asked });
    set.record({ usedUp: asked });
    return gone.size === hashes.length ? KNOWN : TAKEN;
  }
  const { suppressed } = await set.store.read({ suppressed: [...hashes] });
  set.record({ erasure: { ...NOTHING_ERASED, suppressed: [...hashes] } });
  return suppressed.size === hashes.length ? KNOWN : TAKEN;
}
