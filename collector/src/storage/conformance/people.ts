// What every storage backend must do with people's rows and what is kept beside them.
// Invariant: speaks only the port's three verbs.
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../../tests/random.ts';
import { type Bench, message, node, person } from './rows.ts';

const range = (from: number, length: number): number[] => Array.from({ length }, (_, i) => from + i);

export function describePeople(bench: Bench): void {
  const { commit } = bench;

  /** In both ways, which must not differ. */
  async function found(prefix: string, kept: { listed?: boolean; version?: number } = {}): Promise<number[]> {
    const asked = { prefix, after: 0, ...kept };
    const ids = await bench.store.query({ ask: 'people-by-beginning', ...asked, limit: 1_000, most: 1_000 });
    const { ids: all, next } = await bench.store.query({ ask: 'people-matching', ...asked, look: 1_000 });
    expect({ prefix, kept, ids: all, next }).toEqual({ prefix, kept, ids, next: null });
    return all;
  }

  describe('people', () => {
    it('raises a person’s version with each write, and refuses one that read an older one', async () => {
      await commit({ persons: [person(1, 0, { due: 50 })] });
      await commit({ persons: [person(1, 1, { text: 'second', due: 60 })] });
      const stale = await bench.store.commit({
        clock: 1,
        persons: [person(1, 1, { text: 'stale' })],
        messages: [message(1)],
        facts: [{ name: 'half', value: true }],
      });
      expect(stale).toEqual({ ok: false, stale: true });
      const { persons, seen } = await bench.store.read({
        persons: [1, 2],
        seen: [{ messageId: 'm1', kind: 'web' }],
      });
      expect(persons).toEqual([{ id: 1, version: 2, due: 60, built: 1, text: 'second' }]);
      // Nothing of a refused commit is there.
      expect(seen.size).toBe(0);
      expect((await bench.store.query({ ask: 'start' })).facts.has('half')).toBe(false);
    });

    it('takes a row as text or as its bytes', async () => {
      const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
      await commit({ persons: [person(1, 0, { text: bytes('["é"]') }), person(2, 0, { text: '["é"]' })] });
      await commit({ persons: [person(1, 1, { text: bytes('["语"]'), sameKeys: true }), person(2, 1)] });
      await commit({ persons: [person(2, 2, { text: bytes('["😀"]'), due: 7 })] });
      const { persons } = await bench.store.read({ persons: [1, 2] });
      expect(persons.map(({ text }) => text)).toEqual(['["语"]', '["😀"]']);
    });

    it('refuses a new person that exists, and a deletion that read an older version', async () => {
      await commit({ persons: [person(1, 0)] });
      expect(await bench.store.commit({ clock: 1, persons: [person(1, 0)] })).toMatchObject({ ok: false });
      expect(await bench.store.commit({ clock: 1, deletedPersons: [{ id: 1, version: 7 }] })).toMatchObject({
        ok: false,
      });
      await commit({ deletedPersons: [{ id: 1, version: 1 }] });
      expect((await bench.store.read({ persons: [1] })).persons).toEqual([]);
    });

    it('stores nothing when a commit fails half way', async () => {
      await commit({ messages: [message(1)] });
      const twice = {
        clock: 1,
        nodes: [node(9, 'user', 'zoe')],
        messages: [message(2), message(3, { messageId: 'm1' })],
      };
      await expect(bench.store.commit(twice)).rejects.toThrow();
      expect((await bench.store.read({ nodes: [{ kind: 'user', ext: 'zoe' }] })).nodes).toEqual([]);
      await commit({ messages: [message(2, { name: 'A new name' })] });
    });

    it('counts values beside rows, of a leaf and of each of its windows by itself', async () => {
      const [leaf, first, second] = [{ leaf: 3 }, { leaf: 3, window: 0 }, { leaf: 3, window: 1 }];
      const counts = (of: { leaf: number; window?: number }, ...all: [key: string, count: number][]) =>
        all.map(([key, count]) => ({ person: 1, ...of, key, count }));
      const asked = (ask: 'first-distinct' | 'commonest-distinct', of: { leaf: number; window?: number }) =>
        bench.store.query({ ask, person: 1, ...of, from: 0, limit: 9 });
      await commit({
        distinct: [
          ...counts(leaf, ['"b"', 4]),
          ...counts(first, ['"b"', 1], ['"10"', 2], ['10', 2], ['"a"', 2]),
          ...counts(second, ['"c"', 1]),
        ],
      });
      expect(await asked('first-distinct', leaf)).toEqual([['"b"', 4]]);
      // By text, a text before what else is written so.
      const [b, ten, text, a] = [
        ['"b"', 1],
        ['10', 2],
        ['"10"', 2],
        ['"a"', 2],
      ] as const;
      expect(await asked('first-distinct', first)).toEqual([text, ten, a, b]);
      expect(await asked('commonest-distinct', first)).toEqual([text, ten, a, b]);
      const rest = { ask: 'commonest-distinct', person: 1, ...first, from: 2, limit: 1 } as const;
      expect(await bench.store.query(rest)).toEqual([a]);
      await commit({ distinct: counts(first, ['"b"', 3], ['"10"', 0]) });
      expect(await asked('commonest-distinct', first)).toEqual([['"b"', 3], ten, a]);
      const keys = [
        { ...first, key: '"b"' },
        { ...second, key: '"b"' },
        { ...leaf, key: '"b"' },
      ];
      const { distinct } = await bench.store.read({ distinct: keys.map((key) => ({ person: 1, ...key })) });
      expect(distinct).toEqual([3, 0, 4]);
      await commit({ clearedDistinct: [{ person: 1, ...first }], distinct: counts(first, ['"z"', 1]) });
      expect(await asked('first-distinct', first)).toEqual([['"z"', 1]]);
      expect(await asked('first-distinct', second)).toEqual([['"c"', 1]]);
      await commit({ droppedLeaves: [3] });
      for (const of of [leaf, first, second]) expect(await asked('first-distinct', of)).toEqual([]);
    });

    it('finds who is due, earliest first', async () => {
      await commit({
        persons: [
          person(1, 0, { due: 30 }),
          person(2, 0, { due: 10 }),
          person(3, 0),
          person(4, 0, { due: 20 }),
        ],
      });
      expect(await bench.store.query({ ask: 'due-people', until: 20, limit: 10 })).toEqual([2, 4]);
      expect(await bench.store.query({ ask: 'due-people', until: 99, limit: 2 })).toEqual([2, 4]);
      expect(await bench.store.query({ ask: 'next-due' })).toBe(10);
    });

    it('lists people in pages, by the beginning of an id and by email', async () => {
      await commit({
        nodes: [
          node(1, 'user', 'ada'),
          node(2, 'user', 'adam'),
          node(3, 'device', 'adx'),
          node(4, 'user', 'bob'),
        ],
        persons: [1, 2, 3, 4].map((id) => person(id, 0, { email: id === 4 ? 'adele@x.example' : null })),
      });
      const ids = async (query: { after?: number; limit?: number }) =>
        (await bench.store.query({ ask: 'people', after: 0, limit: 10, ...query })).map(({ id }) => id);
      expect(await ids({})).toEqual([1, 2, 3, 4]);
      expect(await ids({ after: 2, limit: 1 })).toEqual([3]);
      expect(await found('ad')).toEqual([1, 2, 3, 4]);
      expect(await found('ada')).toEqual([1, 2]);
      expect(await found('ADELE@')).toEqual([4]);
      expect(await found('%')).toEqual([]);
      const few = { ask: 'people-by-beginning', prefix: 'ad', after: 0, limit: 10 } as const;
      // Three ids and an email.
      expect(await bench.store.query({ ...few, most: 4 })).toEqual([1, 2, 3, 4]);
      expect(await bench.store.query({ ...few, most: 3 })).toBeNull();
      const stretch = { ask: 'people-matching', prefix: 'ada', after: 0 } as const;
      expect(await bench.store.query({ ...stretch, look: 1 })).toEqual({ ids: [1], next: 1 });
      expect(await bench.store.query({ ...stretch, after: 1, look: 3 })).toEqual({ ids: [2], next: 4 });
      expect(await bench.store.query({ ...stretch, after: 1, look: 4 })).toEqual({ ids: [2], next: null });
      expect(await bench.store.query({ ask: 'people-count' })).toBe(4);
    });

    it('leaves people out of lists for as long as they are anonymous', async () => {
      const ids = async (query: { listed?: boolean }) =>
        (await bench.store.query({ ask: 'people', after: 0, limit: 10, ...query })).map(({ id }) => id);
      await commit({
        nodes: [node(1, 'device', 'ada'), node(2, 'device', 'adam')],
        persons: [person(1, 0), person(2, 0, { anonymous: true })],
      });
      expect([await ids({}), await found('ad')]).toEqual([
        [1, 2],
        [1, 2],
      ]);
      expect([await ids({ listed: true }), await found('ad', { listed: true })]).toEqual([[1], [1]]);
      await commit({ persons: [person(1, 1, { anonymous: true }), person(2, 1, { anonymous: false })] });
      expect([await ids({ listed: true }), await found('ad', { listed: true })]).toEqual([[2], [2]]);
    });

    it('finds people by devices that were linked to them, not by links that do not count', async () => {
      await commit({
        nodes: [node(1, 'user', 'ada'), node(2, 'user', 'bob'), node(3, 'device', 'd1')],
        persons: [1, 2].map((id) => person(id, 0)),
        pairs: [1, 2].map((user) => ({ user, device: 3, name: 'd1', trusted: null, plain: [5, 'm', 0] })),
        timelines: [{ device: 3, runs: [{ stamp: [5, 'm', 0], user: 1 }] }],
      });
      expect(await found('d')).toEqual([1]);
    });

    it('finds the same people by what begins so and by going through all', async () => {
      let hits = 0;
      for (let round = 0; round < 20; round++) {
        const random = createRandom(20_261_128 + round);
        const text = (): string =>
          Array.from({ length: 1 + random.below(3) }, () => 'abA'[random.below(3)]).join('');
        const [users, devices] = [range(1 + 100 * round, 12), range(50 + 100 * round, 12)];
        const roots = new Map<number, number>();
        for (const id of users) roots.set(id, roots.get(users[random.below(users.length)] ?? id) ?? id);
        const is = (kind: 'user' | 'device') => (id: number) => ({
          ...node(id, kind, `${text()}${id}`),
          root: roots.get(id) ?? id,
        });
        const people = [...users.filter((id) => roots.get(id) === id), ...devices];
        const linked = devices.filter(() => random.below(2) === 0);
        const someUser = (): number => users[random.below(users.length)] ?? 0;
        await commit({
          nodes: [...users.map(is('user')), ...devices.map(is('device'))],
          persons: people.map((id) =>
            person(id, 0, {
              email: random.below(4) === 0 ? text().toLowerCase() : null,
              anonymous: random.below(4) === 0,
            }),
          ),
          pairs: linked.flatMap((device) =>
            users.map((user) => ({ user, device, name: 'd', trusted: null, plain: [5, 'm', 0] as const })),
          ),
          timelines: linked.map((device) => ({
            device,
            runs: range(0, random.below(3)).map((at) => ({ stamp: [at, 'm', 0] as const, user: someUser() })),
          })),
          memberships: people
            .filter(() => random.below(2) === 0)
            .map((id) => ({ version: 1, person: id, since: 1 })),
        });
        for (const kept of [{}, { listed: true }, { version: 1 }, { version: 1, listed: true }])
          for (const prefix of ['a', 'b', 'A', 'ab', 'aa', `b${users[3]}`])
            hits += (await found(prefix, kept)).length;
      }
      expect(hits).toBeGreaterThan(1_000);
    });

    it('keeps the first and the newest changes of a group that wait for its members', async () => {
      const change = (revision: number) => ({ revision, at: revision, text: `{"n":${revision}}` });
      const logged = (group: string, ...revisions: number[]) =>
        revisions.map((n) => ({ group, change: change(n) }));
      const kept = async (group: string) => {
        const { groups } = await bench.store.read({ groups: [group] });
        return groups.get(group)?.log.map(({ revision }) => revision);
      };
      await commit({
        groups: ['g', 'h'].map((id) => ({ id, text: '{}', revision: 0 })),
        groupLog: [...logged('g', ...range(0, 40)), ...logged('h', 0, 1)],
      });
      expect(await kept('g')).toEqual(range(0, 40));
      await commit({ groupLog: logged('g', ...range(40, 100)) });
      expect(await kept('g')).toEqual([0, ...range(91, 49)]);
      await commit({ groupLog: logged('g', 140) });
      expect(await kept('g')).toEqual([0, ...range(92, 49)]);
      expect(await kept('h')).toEqual([0, 1]);
    });

    it('finds people not built yet', async () => {
      await commit({ persons: [person(1, 0), person(2, 0, { built: 2 }), person(3, 0)] });
      const unbuilt = (after: number, look: number) =>
        bench.store.query({ ask: 'people-unbuilt', generation: 2, after, look });
      expect(await unbuilt(0, 10)).toEqual({ ids: [1, 3], next: null });
      expect(await unbuilt(1, 10)).toEqual({ ids: [3], next: null });
      expect(await unbuilt(0, 2)).toEqual({ ids: [1], next: 2 });
      expect(await unbuilt(2, 2)).toEqual({ ids: [3], next: null });
      expect(await unbuilt(1, 2)).toEqual({ ids: [3], next: 3 });
      expect(await unbuilt(3, 2)).toEqual({ ids: [], next: null });
      expect(await bench.store.query({ ask: 'last-person' })).toBe(3);
    });

    it('keeps blocks of matches by person, leaf and number until they, the leaf or the person go', async () => {
      const block = (n: number) => ({ body: `[[${n}],[1]]`, ids: `["0m${n}"]` });
      const put = (person: number, leaf: number, no: number, n = no) => ({
        person,
        leaf,
        no,
        block: block(n),
      });
      const shed = async (...keys: [person: number, leaf: number][]) =>
        (await bench.store.read({ shed: keys.map(([person, leaf]) => ({ person, leaf })) })).shed;
      await commit({ shed: [put(1, 7, 1), put(1, 7, 0), put(1, 8, 0), put(2, 7, 0)] });
      expect(await shed([1, 7], [2, 8], [1, 8])).toEqual([
        [
          { no: 0, ...block(0) },
          { no: 1, ...block(1) },
        ],
        [],
        [{ no: 0, ...block(0) }],
      ]);
      expect((await bench.store.read({ shed: [{ person: 1, leaf: 7, from: 1 }] })).shed).toEqual([
        [{ no: 1, ...block(1) }],
      ]);
      await commit({ shed: [put(1, 7, 1, 5), { person: 1, leaf: 7, no: 0, block: null }] });
      expect(await shed([1, 7])).toEqual([[{ no: 1, ...block(5) }]]);
      await commit({ clearedOutside: [1], shed: [put(1, 7, 3)] });
      expect(await shed([1, 7], [1, 8], [2, 7])).toEqual([
        [{ no: 3, ...block(3) }],
        [],
        [{ no: 0, ...block(0) }],
      ]);
      await commit({ droppedLeaves: [7] });
      expect(await shed([1, 7], [2, 7])).toEqual([[], []]);
    });
  });
}
