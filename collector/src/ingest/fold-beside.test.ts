// Folding beside the lane: others go first meanwhile, and whatever they do, people are as if folded on the lane.
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { Changes, ReadKeys } from '../storage/port.ts';
import { openSqlite } from '../storage/sqlite/open.ts';
import type { AcceptedMessage } from '../wire/accepted.ts';
import { fakeMessage } from '../wire/fake-message.ts';
import type { Core, Sender } from './core.ts';
import { createCoreOn } from './create-core.ts';

const T0 = Date.parse('2026-06-10T12:00:00Z');
const FLOOD: Sender = { key: 'flood', address: '1' };
const OTHER: Sender = { key: 'other', address: '1' };
const DEFINITIONS = {
  traits: { seen: { type: 'count', event: 'E', within: '1h' } },
  segments: {
    many: { where: { event: 'E', count: { op: 'gte', value: 20 } } },
    chain: { where: { sequence: [{ event: 'E' }, { event: 'F', within: '1m' }] } },
    // Looked at as of another time than now it would have nobody.
    late: {
      where: {
        all: [
          { group: { trait: 'plan', op: 'eq', value: 'pro' } },
          { event: 'E', count: { op: 'gte', value: 1 }, within: '1h' },
        ],
      },
    },
    pro: { where: { group: { trait: 'plan', op: 'eq', value: 'pro' } } },
    recent: { where: { event: 'E', count: { op: 'gte', value: 1 }, within: '1h' } },
    listed: { static: true },
  },
} as const;

let clock: { now: number };
/** Messages of each commit, by id. */
let commits: string[][];
/** Called before messages are read, when anything was read and is not told yet, and before messages are stored. */
let onHistory: () => void | Promise<void>;
let onRead: (keys: ReadKeys) => void | Promise<void>;
let onCommit: (ids: string[]) => void;
let cores: Core[] = [];
afterEach(async () => {
  for (const core of cores) await core.close();
  cores = [];
});

async function open(foldBesideFromMessages: number): Promise<Core> {
  clock = { now: T0 };
  commits = [];
  onHistory = () => {};
  onRead = () => {};
  onCommit = () => {};
  const store = openSqlite({ path: ':memory:' });
  const watched = {
    ...store,
    async read(keys: ReadKeys) {
      if (keys.history) await onHistory();
      const found = await store.read(keys);
      await onRead(keys);
      return found;
    },
    async commit(changes: Changes) {
      const ids = (changes.messages ?? []).map(({ message }) => message.messageId);
      onCommit(ids);
      const done = await store.commit(changes);
      if (ids.length > 0) commits.push(ids);
      return done;
    },
  };
  const core = await createCoreOn(watched, { now: () => clock.now, foldBesideFromMessages, idKey: 'key' });
  cores.push(core);
  await core.applyFile(structuredClone(DEFINITIONS) as never); // as a file's JSON
  await core.tick();
  return core;
}

type Fields = Partial<AcceptedMessage> & { at?: number };
let ids = 0;
function message({ at = 0, ...fields }: Fields = {}): AcceptedMessage {
  const messageId = fields.messageId ?? `m${String(++ids).padStart(5, '0')}`;
  const body = { type: 'track', event: 'E', ...fields.body };
  return fakeMessage({ messageId, name: 'E', time: T0 + at, receivedAt: T0, ...fields, body });
}
const send = (core: Core, sender: Sender, ...messages: AcceptedMessage[]) =>
  core.ingest({ messages, refused: [], sender });

/** Two users take turns at a device that also sends by itself, every second up to an hour ago. */
const history = (count: number): AcceptedMessage[] =>
  Array.from({ length: count }, (_, i) => {
    const name = i % 5 === 0 ? 'F' : 'E';
    const who = i % 3 === 0 ? {} : { userId: i % 60 < 30 ? 'ada' : 'bea' };
    return message({ at: (i - count) * 1_000, anonymousId: 'shared', name, body: { event: name }, ...who });
  });
/** Late, in the midst of a time of ada's: a message of the device alone is the user's now. */
const relink = (count: number, { userId = 'bea', back = 0 } = {}) => {
  const [turn, inside] = [Math.floor(count / 120) * 60, 15 + 3 * back];
  return message({ at: (turn + inside - count) * 1_000 - 500, anonymousId: 'shared', userId });
};

const join = (who: Fields, plan: string, groupId = 'acme'): AcceptedMessage =>
  message({ type: 'group', name: null, ...who, groupId, body: { type: 'group', traits: { plan } } });

async function everything(core: Core): Promise<unknown> {
  const refs = ['user:ada', 'user:bea', 'user:cat', 'anon:shared', 'user:eve'] as const;
  return Promise.all(refs.map((ref) => core.profile(ref)));
}
const withoutSince = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (key, inner) => (key === 'since' ? undefined : inner)));

describe('a message that people have to be folded anew for', () => {
  it.each([
    [500, ['other', 'dear']],
    [Number.POSITIVE_INFINITY, ['dear', 'other']],
  ])('lets others go first where they have %s messages or more', async (from, order) => {
    const core = await open(from);
    await send(core, FLOOD, ...history(1_500));
    const done: string[] = [];
    const others: Promise<unknown>[] = [];
    onHistory = () => {
      if (others.length > 0) return;
      others.push(send(core, OTHER, message({ userId: 'cat' })).then(() => done.push('other')));
    };
    await send(core, FLOOD, relink(1_500)).then(() => done.push('dear'));
    await Promise.all(others);
    expect(done).toEqual(order);
    expect((await core.verify({})).differences).toEqual([]);
  });

  it('keeps the order of its sender, and each outcome with its message', async () => {
    const core = await open(100);
    await send(core, FLOOD, ...history(600));
    const batch = [
      message({ userId: 'cat' }),
      relink(-300_000),
      message({ userId: 'cat' }),
      relink(-200_000),
    ];
    const [outcomes, again] = await Promise.all([
      send(core, FLOOD, ...batch, ...batch.slice(0, 2)),
      send(core, FLOOD, ...batch),
    ]);
    expect(outcomes).toEqual([...Array(4).fill('accepted'), 'duplicate', 'duplicate']);
    expect(again).toEqual(Array(4).fill('duplicate'));
    expect(commits.flat().slice(-4)).toEqual(batch.map(({ messageId }) => messageId));
    expect(core.stats()).toMatchObject({ laneDepth: 0, waiting: { messages: 0 } });
  });

  it('is read once where nothing changes meanwhile', async () => {
    const reads = async (from: number): Promise<number> => {
      const core = await open(from);
      await send(core, FLOOD, ...history(900));
      let count = 0;
      onHistory = () => {
        count++;
      };
      await send(core, FLOOD, relink(900));
      return count;
    };
    // Planned once more to see what it costs, and for the copy: a look at the device's own messages each.
    expect(await reads(100)).toBeLessThanOrEqual((await reads(Number.POSITIVE_INFINITY)) + 6);
  });

  it('comes to its end though somebody goes on sending for the same people', async () => {
    const core = await open(100);
    await send(core, FLOOD, ...history(600));
    const others: Promise<unknown>[] = [];
    let isDone = false;
    onHistory = () => {
      if (!isDone) others.push(send(core, OTHER, message({ userId: 'ada' }), message({ userId: 'bea' })));
    };
    await send(core, FLOOD, relink(600));
    isDone = true;
    await Promise.all(others);
    expect((await core.verify({})).differences).toEqual([]);
  });

  it('is put through by the lane alone where folding fails', async () => {
    const core = await open(100);
    await send(core, FLOOD, ...history(600));
    let failures = 1;
    onHistory = () => {
      // The first read is the lane's own look, which every message that links begins with.
      if (failures++ === 3) throw new Error('cannot be read just now');
    };
    await send(core, FLOOD, relink(600));
    expect(failures).toBeGreaterThan(3);
    expect((await core.verify({})).differences).toEqual([]);
  });
});

describe('what others do meanwhile', () => {
  type Act = (core: Core) => Promise<unknown>;
  const acts: Record<string, Act> = {
    nothing: async () => {},
    'a message': (core) => send(core, OTHER, message({ userId: 'ada', at: -1 })),
    'a message of the device': (core) => send(core, OTHER, message({ anonymousId: 'shared', at: -225_100 })),
    'a link': (core) => send(core, OTHER, relink(400, { userId: 'cat', back: 2 })),
    'the same link': (core) => send(core, OTHER, relink(400)),
    'a group of theirs': (core) => send(core, OTHER, join({ userId: 'cat' }, 'pro')),
    'a group of the device, of which everybody has heard': async (core) => {
      await send(core, OTHER, join({ userId: 'cat' }, 'pro', 'home'));
      await core.tick();
    },
    'another group': (core) =>
      send(core, OTHER, join({ userId: 'ada' }, 'pro', 'other'), join({ userId: 'bea' }, 'free', 'other')),
    'a merge': (core) => core.merge('bea', 'ada'),
    'a merge that is undone': async (core) => {
      await core.merge('bea', 'ada');
      await core.unmerge('bea');
    },
    'an erasure': (core) => core.erase('user:ada', { suppress: false }),
    'an erasure, and they come back': async (core) => {
      await core.erase('user:bea', { suppress: false });
      // Their row has the version again that it had.
      for (let times = 0; times < 2; times++) await send(core, OTHER, message({ userId: 'bea' }));
    },
    'a list': (core) => core.setListed('listed', 'user:ada', true),
    'a list of the device, whose holder is on it already': (core) =>
      core.setListed('listed', 'anon:shared', true),
    'a definition': async (core) => {
      await core.putDefinition('traits', 'all', { type: 'count', event: '*' });
      await core.tick();
    },
    'a new group': (core) => send(core, OTHER, join({ userId: 'cat' }, 'free', 'new')),
    'a group whose only member is erased': (core) => core.erase('user:dan', { suppress: false }),
    'a message whose time comes': async (core) => {
      clock.now += 1_000;
      await send(core, OTHER, message({ userId: 'cat' }));
    },
    time: async () => {
      clock.now += 3_300_000;
    },
  };

  /** The lane's look at what a link would move, and the same look beside it. */
  const READS_BEFORE = 2;

  /** So that whoever reads for the lane, which `done` waits for, goes on some time. */
  async function within(turns: number, done: Promise<unknown>): Promise<void> {
    let isOver = false;
    done.finally(() => {
      isOver = true;
    });
    for (let left = turns; left > 0 && !isOver; left--)
      await new Promise((resolve) => setTimeout(resolve, 1));
  }

  async function play(dear: AcceptedMessage[], planned: { act: string; at: number }[]): Promise<number> {
    const core = await open(100);
    // In one commit: rows have the versions that they would have anew.
    const groups = ['ada', 'bea', 'cat'].map((userId) => join({ userId }, 'free'));
    const home = join({ anonymousId: 'shared', at: -204_900 }, 'free', 'home');
    const dans = join({ userId: 'dan' }, 'pro', 'dans');
    await send(core, FLOOD, ...history(400), ...groups, home, dans);
    await send(core, OTHER, message({ anonymousId: 'shared', at: 1_000 }));
    await core.setListed('listed', 'user:bea', true);
    const under: Promise<unknown>[] = [];
    let [looks, reads] = [0, 0];
    onRead = async ({ history }) => {
      if (history) looks++;
      // Not folded yet.
      if (looks <= READS_BEFORE) return;
      const now = planned.filter(({ at }) => at === reads);
      reads++;
      for (const { act } of now) {
        const done = (acts[act] as Act)(core);
        under.push(done);
        await within(60, done);
      }
    };
    under.push(send(core, FLOOD, ...dear));
    while (under.length > 0) await under.shift();
    onRead = () => {};
    await core.tick();
    const after = withoutSince(await everything(core));
    expect((await core.verify({})).differences).toEqual([]);
    // A computation from the messages alone.
    await core.repair({});
    expect(withoutSince(await everything(core))).toEqual(after);
    return reads;
  }

  const links: Record<string, () => AcceptedMessage> = {
    'in the midst': () => relink(400),
    // What the device says last is somebody else's then, and so is the device.
    'at the end': () => message({ userId: 'eve', anonymousId: 'shared', at: -1_500 }),
    'by an alias': () => {
      const ids = { userId: 'bea', anonymousId: 'shared', previousId: 'nobody' };
      const body = { type: 'alias', ...ids };
      return message({ type: 'alias', name: null, ...ids, at: relink(400).time - T0, body });
    },
    'of a group that it changes': () => inGroup('acme'),
    'of a group that it makes': () => inGroup('new'),
    'of a group of somebody else': () => inGroup('dans'),
  };
  const inGroup = (groupId: string): AcceptedMessage => ({
    ...join({ userId: 'bea', anonymousId: 'shared' }, 'pro', groupId),
    time: relink(400).time,
  });
  const PAIRS: [string, string][] = [
    ...Object.keys(acts).flatMap((act): [string, string][] => [
      [act, 'in the midst'],
      [act, 'at the end'],
    ]),
    ['a message', 'by an alias'],
    ['a group of theirs', 'of a group that it changes'],
    ['a new group', 'of a group that it makes'],
    ['a group whose only member is erased', 'of a group of somebody else'],
  ];

  it.each(PAIRS)('leaves everybody as if folded on the lane: %s, a link %s', async (act, link) => {
    const make = links[link] as () => AcceptedMessage;
    const reads = await play([make()], []);
    expect(reads).toBeGreaterThan(2);
    for (let at = 0; at < reads; at++) await play([make()], [{ act, at }]);
  });

  it('leaves everybody as if folded on the lane, several things one after another', async () => {
    const steps = fc.array(fc.record({ act: fc.constantFrom(...Object.keys(acts)), at: fc.nat(12) }), {
      minLength: 2,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(steps, fc.constantFrom('ada', 'bea', 'eve'), async (planned, user) => {
        const dear = [user, 'cat', 'bea'].map((userId, back) => relink(400, { userId, back }));
        await play(dear, planned);
      }),
      { numRuns: 20 },
    );
  });

  it('counts what time does between folding and taking over as the lane does', async () => {
    const changes = async (from: number) => {
      const core = await open(from);
      await send(core, FLOOD, ...history(400));
      let reads = 0;
      onHistory = () => {
        // By then they are being folded.
        if (++reads === READS_BEFORE + 1) clock.now = T0 + 3_600_000;
      };
      await send(core, FLOOD, relink(400));
      expect(reads).toBeGreaterThan(READS_BEFORE);
      onHistory = () => {};
      await core.tick();
      const feed = await core.segmentTransitions('recent', { limit: 100, after: 0 });
      return feed?.data.map(({ change, at }) => [change, at]);
    };
    const all = await changes(100);
    expect(all).toEqual(await changes(Number.POSITIVE_INFINITY));
    expect(all?.map(([change]) => change).sort()).toEqual(['entered', 'entered', 'left', 'left']);
  });
});

it('is over before the collector is closed', async () => {
  const core = await open(100);
  await send(core, FLOOD, ...history(600));
  const dear = send(core, FLOOD, relink(600));
  await core.close();
  expect(await dear).toEqual(['accepted']);
});

it('names somebody again whose message folds others anew', async () => {
  const core = await open(100);
  await send(core, FLOOD, ...history(600));
  await core.erase('user:ada', { suppress: false });
  await send(core, FLOOD, relink(600, { userId: 'ada', back: 1 }));
  expect(await core.profile('user:ada')).toMatchObject({ userId: 'ada' });
  expect((await core.verify({})).differences).toEqual([]);
});

it('leaves nothing behind where the lane cannot store it', async () => {
  const core = await open(100);
  await send(core, FLOOD, ...history(600));
  const dear = [relink(600), relink(600, { back: 1 })] as const;
  onCommit = (ids) => {
    if (ids.includes(dear[0].messageId)) throw new Error('no room');
  };
  await expect(send(core, FLOOD, dear[0])).rejects.toThrow();
  onCommit = () => {};
  expect(await send(core, FLOOD, ...dear)).toEqual(['accepted', 'accepted']);
  expect((await core.verify({})).differences).toEqual([]);
});
