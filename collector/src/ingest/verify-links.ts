// Compares what is stored about who is who and about groups with what messages and operations say.
// Invariant: changes nothing; every row that later links and merges are planned from is looked at.
import { type Pair, type Run, resolveIdentities } from '../engine/identity.ts';
import type { Stamp } from '../engine/stamp.ts';
import { restoreBag, type TraitBag, traitsOf } from '../engine/trait-bag.ts';
import type { AliasRow } from '../storage/port.ts';
import type { JsonValue } from '../wire/message.ts';
import { compare, type Difference, nameOf, SHARED } from './difference.ts';
import { collectGroups, collectLinks, type Links, timelinesOf } from './from-messages.ts';
import type { WorkingSet } from './working-set.ts';

/** Users whose pairs and aliases are read at a time. */
const USERS = 500;

/** Works out every link, merge and timeline anew and compares. */
export async function verifyIdentities(set: WorkingSet, clock: number): Promise<Difference[]> {
  const links = await collectLinks(set, clock);
  const pairs = [...links.pairs.values()];
  const resolution = resolveIdentities(links.users.keys(), links.merges, pairs, set.caps);
  const differences: Difference[] = [];
  const name = (id: number): string => nameOf(links.users.get(id) ?? links.devices.get(id) ?? null, id);
  for (const [id, node] of links.users) {
    const root = resolution.root.get(id) ?? id;
    compare(differences, name(id), SHARED.survivor, name(node.root), name(root));
  }
  for (const [id, fresh] of timelinesOf(links, resolution)) {
    const stored = await set.timeline(id);
    const shown = (runs: readonly Run[]): JsonValue => runs.map(({ stamp, user }) => [...stamp, name(user)]);
    compare(differences, name(id), SHARED.links, shown(stored), shown(fresh));
  }
  differences.push(...(await verifyRows(set, links, name)));
  set.forget();
  return differences;
}

/** First links of users with devices, and the rows of aliases and merges. */
async function verifyRows(
  set: WorkingSet,
  links: Links,
  name: (id: number) => string,
): Promise<Difference[]> {
  const pairs = byUser([...links.pairs.values()]);
  const aliases = byUser(links.aliases);
  const differences: Difference[] = [];
  const users = [...links.users.keys()];
  for (let at = 0; at < users.length; at += USERS) {
    const some = users.slice(at, at + USERS);
    const stored = await set.store.read({ pairs: some, merges: some });
    const storedPairs = byUser(stored.pairs);
    // Aliases are found under both their users; times kept of erased people are not made by messages.
    const rows = new Map(stored.merges.filter(({ seq }) => seq !== 0).map((row) => [row.seq, row]));
    const storedAliases = byUser([...rows.values()]);
    for (const user of some) {
      const firstLinks = (list: readonly Pair[] = []): JsonValue =>
        Object.fromEntries(
          list.map(({ device, ...pair }) => [name(device), [show(pair.trusted), show(pair.plain)]]),
        );
      compare(
        differences,
        name(user),
        SHARED.firstLinks,
        firstLinks(storedPairs.get(user)),
        firstLinks(pairs.get(user)),
      );
      const named = (list: readonly AliasRow[] = []): JsonValue =>
        [...list]
          .sort((a, b) => a.seq - b.seq)
          .map(({ device, previousUser, stamp, trusted, voided }) => ({
            device: device === 0 ? null : name(device),
            user: previousUser === null ? null : name(previousUser),
            stamp: show(stamp),
            trusted,
            voided,
          }));
      compare(
        differences,
        name(user),
        SHARED.aliases,
        named(storedAliases.get(user)),
        named(aliases.get(user)),
      );
    }
  }
  return differences;
}

const show = (stamp: Stamp | null): JsonValue => stamp && [...stamp];

function byUser<T extends { user: number }>(rows: readonly T[]): Map<number, T[]> {
  const lists = new Map<number, T[]>();
  for (const row of rows) {
    const list = lists.get(row.user);
    if (list) list.push(row);
    else lists.set(row.user, [row]);
  }
  return lists;
}

/** Folds every group's traits anew. */
export async function verifyGroups(set: WorkingSet, clock: number): Promise<Difference[]> {
  const fresh = await collectGroups(set, clock);
  const differences: Difference[] = [];
  for (let after = ''; ; ) {
    const rows = await set.store.query({ ask: 'groups', after, limit: 1_000 });
    for (const { id, text } of rows) {
      const bag = fresh.get(id);
      const stored = traitsOf(restoreBag(JSON.parse(text) as TraitBag)); // written by the lane
      compare(differences, `group:${id}`, SHARED.groupTraits, stored, bag ? traitsOf(bag) : null);
      fresh.delete(id);
    }
    const last = rows[rows.length - 1];
    if (!last) break;
    after = last.id;
  }
  for (const [id, bag] of fresh) compare(differences, `group:${id}`, SHARED.groupTraits, null, traitsOf(bag));
  return differences;
}
