// Plays what is done to people by hand: lists, merges, unmerges and erasures.
// Invariant: the answer's status is decided by the model before the request is made.
import type { Answer, TestCollector } from '../collector.ts';
import type { Books } from './books.ts';
import { differences } from './differences.ts';
import { identityOf } from './identity.ts';
import { erased, listed, merged, unlisted, unmerged } from './operations.ts';
import type { Step } from './script.ts';

type Of<K extends Step['do']> = Extract<Step, { do: K }>;

const faultOf = (what: string, answer: Answer, ...should: number[]): string[] =>
  should.includes(answer.status)
    ? []
    : [`${what}: ${answer.status}, expected ${should.join(' or ')}: ${answer.text}`];

export function createPeopleSteps(collector: TestCollector, books: Books) {
  const isKnown = (user: string) => books.world().find(`user:${user}`) !== undefined;

  async function list({ segment, address, put, byProfile }: Of<'list'>): Promise<string[]> {
    const identity = identityOf(books.history, books.now());
    const person = books.world().find(address);
    const definition = books.definitions.segments[segment];
    const should = [
      ...(definition === undefined ? [404] : 'static' in definition ? [] : [409]),
      ...(person === undefined ? [404] : []),
    ];
    // By the profile's own id a user is meant as by the userId.
    const own = byProfile && person?.userId != null ? await collector.profile(address) : undefined;
    const given = own ? `user:${own.userId}` : address;
    // What takes a person out of a list: the id itself, and any other that brought them in.
    const entries = put
      ? [given]
      : [
          ...(books.history.lists[segment] ?? []).filter(
            (entry) => entry !== given && person && identity.holderOf(entry) === person.key,
          ),
          given,
        ];
    const faults: string[] = [];
    const method = put ? 'PUT' : 'DELETE';
    // The profile's own id takes off every id of the person.
    for (const address of own ? [own.id] : entries) {
      const path = `/api/segments/${segment}/profiles/${encodeURIComponent(address)}`;
      const answer = await collector.api(method, path);
      faults.push(...faultOf(`${method} ${path}`, answer, ...(should.length > 0 ? should : [204])));
      if (should.length > 0) break;
    }
    if (should.length === 0)
      for (const entry of entries) books.history = (put ? listed : unlisted)(books.history, segment, entry);
    if (should.length === 0) faults.push(...(await faultsOfWhy(segment, address)));
    books.observe();
    return faults;
  }

  /** By which ids a person is on a list, as a `why` says it; none is told while the segment is being built. */
  async function faultsOfWhy(segment: string, address: string): Promise<string[]> {
    const { holderOf } = identityOf(books.history, books.now());
    const path = `/api/profiles/${encodeURIComponent(address)}/segments/${segment}/why`;
    const { status, json } = await collector.api('GET', path);
    if (status === 409) return [];
    const entries = books.history.lists[segment] ?? [];
    const wanted = entries.filter((entry) => holderOf(entry) === holderOf(address)).sort();
    return differences(path, json.why ?? null, { static: true, holds: wanted.length > 0, listed: wanted });
  }

  async function merge({ from, into }: Of<'merge'>): Promise<string[]> {
    const should = from === into ? 422 : isKnown(from) && isKnown(into) ? 200 : 404;
    const answer = await collector.api('POST', '/api/profiles/merge', { from, into });
    if (should === 200) {
      books.history = merged(books.history, from, into, books.now());
      books.blur();
      books.observe();
    }
    return faultOf(`merge of ${from} into ${into}`, answer, should);
  }

  async function unmerge({ user }: Of<'unmerge'>): Promise<string[]> {
    const should = isKnown(user) ? 200 : 404;
    const answer = await collector.api('POST', '/api/profiles/unmerge', { userId: user });
    if (should === 200) {
      books.history = unmerged(books.history, user);
      books.blur();
      books.observe();
    }
    return faultOf(`unmerge of ${user}`, answer, should);
  }

  async function erase({ address, suppress: asked }: Of<'erase'>): Promise<string[]> {
    const person = books.world().find(address);
    // Of somebody erased before, only the times on shared devices are known: there is no id left to refuse.
    const suppress = asked && person?.userId != null;
    const path = `/api/profiles/${encodeURIComponent(address)}${suppress ? '?suppress=true' : ''}`;
    const answer = await collector.api('DELETE', path);
    if (person) {
      const gone = erased(books.history, person.key, books.now());
      books.history = gone.history;
      if (suppress) {
        for (const user of gone.users) books.suppressed.users.add(user);
        for (const device of gone.devices) books.suppressed.devices.add(device);
      }
      books.blur();
      books.observe();
    }
    return faultOf(`DELETE ${path}`, answer, person ? 200 : 404);
  }

  return { list, merge, unmerge, erase };
}
