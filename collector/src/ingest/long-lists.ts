// Searches and counts over lists of any length: people by the beginning of an id, members of segments and groups.
// Invariant: they only read, beside the lane, in stretches of some milliseconds between which others have their turn.
import type { Answers, Counted, Store } from '../storage/port.ts';
import { breathe } from './breathe.ts';

/** So few ids and emails that begin as asked for are looked at in one go: some 10 ms. */
const MOST_AT_ONCE = 2_000;
/** What a stretch of people takes, about; the next is shorter or longer accordingly. */
const STRETCH_MS = 5;
const FIRST_STRETCH = 64;
const LONGEST_STRETCH = 512;
/** Entries of an index that are counted in one go: some 2 ms. */
const COUNTED_AT_ONCE = 50_000;

export interface PeopleFilter {
  /** The beginning of an id or email; null: everybody. */
  q: string | null;
  /** Of a segment whose members are asked for; null: everybody. */
  version: number | null;
  after: number;
  limit: number;
}

/** @returns the next of the people listed who are asked for, by number */
export async function findPeople(
  { query }: Pick<Store, 'query'>,
  { q, version, after, limit }: PeopleFilter,
): Promise<number[]> {
  const kept = { listed: true, ...(version === null ? {} : { version }) };
  if (q === null) return (await query({ ask: 'people', after, limit, ...kept })).map(({ id }) => id);
  const few = await query({
    ask: 'people-by-beginning',
    prefix: q,
    after,
    limit,
    most: MOST_AT_ONCE,
    ...kept,
  });
  if (few) return few;
  // Where so many begin so, the next of them are not far among all people.
  const matching = (from: number, look: number) =>
    query({ ask: 'people-matching', prefix: q, after: from, look, ...kept });
  const found: number[] = [];
  let look = FIRST_STRETCH;
  for (let from: number | null = after; from !== null && found.length < limit; ) {
    const start = performance.now();
    const { ids, next }: Answers['people-matching'] = await matching(from, look);
    found.push(...ids);
    from = next;
    const fits = (look * STRETCH_MS) / Math.max(performance.now() - start, STRETCH_MS / 2);
    look = Math.max(1, Math.min(LONGEST_STRETCH, Math.floor(fits)));
    await breathe();
  }
  return found.slice(0, limit);
}

async function sum(ahead: (after: number) => Promise<Counted>): Promise<number> {
  let count = 0;
  for (let from: number | null = 0; from !== null; ) {
    const { n, next }: Counted = await ahead(from);
    count += n;
    from = next;
    if (from !== null) await breathe();
  }
  return count;
}

export const countMembers = ({ query }: Pick<Store, 'query'>, version: number): Promise<number> =>
  sum((after) => query({ ask: 'members-ahead', version, after, look: COUNTED_AT_ONCE }));

export const countGroup = ({ query }: Pick<Store, 'query'>, group: string): Promise<number> =>
  sum((after) => query({ ask: 'group-members-ahead', group, after, look: COUNTED_AT_ONCE }));
