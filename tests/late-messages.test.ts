// People with so many messages that their rows let go of most: late messages, and all that may happen meanwhile.
// Invariant: after each step the segments hold who a collector that knew all from the start would say.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { createCoreOn } from '../collector/src/ingest/create-core.ts';
import { openSqlite } from '../collector/src/storage/sqlite/open.ts';
import type { JsonObject } from '../collector/src/wire/message.ts';
import { parseMessage } from '../collector/src/wire/parse.ts';
import { T0 } from './collector.ts';
import { createRandom } from './random.ts';
import { seedFrom } from './seed.ts';

const SEGMENTS = {
  chain: {
    where: { sequence: [{ event: 'A' }, { event: 'B', within: '1h' }, { event: 'C', within: '1h' }] },
  },
  recent: { where: { sequence: [{ event: 'A' }, { event: 'B', within: '1h' }], within: '30d' } },
  quiet: { where: { sequence: [{ event: 'A' }, { absent: { event: 'B' }, within: '20d' }], within: '60d' } },
  held: { where: { trait: 'plan', op: 'eq', value: 'pro', for: '10d' } },
  fan: { where: { survey: 'nps', question: 'score', op: 'gte', value: 9 } },
};
/** Each turns on one match among thousands. */
const SHAPES = {
  abc: { where: { sequence: [{ event: 'A' }, { event: 'B' }, { event: 'C' }] } },
  soon: { where: { sequence: [{ event: 'C' }, { event: 'B', within: '2m' }] } },
  quiet: { where: { sequence: [{ event: 'B' }, { absent: { event: 'C' }, within: '3h' }] } },
  kept: { where: { trait: 'plan', op: 'eq', value: 'pro', for: '59d' } },
  fan: { where: { survey: 'nps', question: 'score', op: 'gte', value: 9 } },
};
const SEED = seedFrom(process.env.TIDEMARK_LATE_SEED);
const RUNS = Number(process.env.TIDEMARK_LATE_RUNS ?? 3);
const RECENT = { recent: SEGMENTS.recent };
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Steps of a history, an hour and some apart, the last one just now. */
const STEPS = 600;
const APART = 62 * 60_000;
const FIRST = T0 - STEPS * APART;

type Said = JsonObject & { at: number };
const track = (event: string, at: number): Said => ({ type: 'track', event, at });
const identify = (plan: string, at: number): Said => ({ type: 'identify', traits: { plan }, at });
const answer = (submissionId: string, score: number | null, at: number): Said => ({
  type: 'survey',
  surveyId: 'nps',
  submissionId,
  answers: { score },
  at,
});

/** Somebody on a plan who looks (A) and never does more, and whose many submissions answer nothing but at first. */
const history = (): Said[] =>
  Array.from({ length: STEPS }, (_, i) => FIRST + i * APART).flatMap((at, i) => [
    track('A', at),
    identify('pro', at),
    answer(`s${i}`, i < 10 ? 5 : null, at),
  ]);

/** What comes late, and the segments after it. */
const LATE: [said: Said[], segments: string[]][] = [
  [[], ['held', 'quiet']],
  // Two steps after the A some five days in; the absence of B is then that of later As.
  [
    [track('B', FIRST + 120 * APART + 600_000), track('C', FIRST + 120 * APART + 1_200_000)],
    ['chain', 'held', 'quiet', 'recent'],
  ],
  [[track('B', FIRST + 10 * DAY)], ['chain', 'held', 'recent']],
  // Off the plan for an hour at most.
  [[identify('free', FIRST + 18 * DAY)], ['chain', 'recent']],
  [[answer('late', 9, FIRST + 13 * DAY)], ['chain', 'fan', 'recent']],
  [[answer('late', null, T0)], ['chain', 'recent']],
];

/** A collector on a file, how many messages it read again, and a clock. */
async function openCore(segments: Record<string, unknown> = SEGMENTS) {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-late-'));
  const database = join(folder, 'late.db');
  const clock = { now: T0 };
  let serial = 0;
  let messagesRead = 0;
  const connect = () => {
    const store = openSqlite({ path: database });
    const watched: typeof store = {
      ...store,
      async read(keys) {
        const result = await store.read(keys);
        messagesRead += result.history.flat().length;
        return result;
      },
    };
    return createCoreOn(watched, { now: () => clock.now });
  };
  let core = await connect();
  for (const [key, definition] of Object.entries(segments))
    await core.putDefinition('segments', key, definition as never); // checked by it
  await core.tick();
  return {
    clock,
    get core() {
      return core;
    },
    get messagesRead() {
      return messagesRead;
    },
    async send(userId: string, said: readonly Said[]): Promise<void> {
      const messages = said.map(({ at, ...body }) => {
        const timestamp = new Date(at).toISOString();
        const parsed = parseMessage(
          { ...body, userId, messageId: `m${(++serial * 7_919) % 1_000_003}`, timestamp },
          {
            routeType: null,
            kind: 'server',
            isProven: () => false,
            requireSignature: false,
            receivedAt: clock.now,
            batchSentAt: undefined,
            batchContext: null,
            newId: () => 'none',
            readAgent: () => null,
          },
        );
        if (!parsed.ok) throw new Error(parsed.refused.reason);
        return parsed.message;
      });
      await core.ingest({ messages, refused: [] });
    },
    async segmentsOf(userId: string): Promise<string[]> {
      const profile = await core.profile(`user:${userId}`);
      return (profile?.segments ?? []).map(({ key }) => key).sort();
    },
    async verified(): Promise<void> {
      expect((await core.verify({})).differences).toEqual([]);
    },
    async reopen(meanwhile: (file: Database.Database) => void): Promise<void> {
      await core.close();
      const file = new Database(database);
      meanwhile(file);
      file.close();
      core = await connect();
    },
    async close(): Promise<void> {
      await core.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
type Opened = Awaited<ReturnType<typeof openCore>>;

async function withCore(
  body: (c: Opened) => Promise<void>,
  segments?: Record<string, unknown>,
): Promise<void> {
  const c = await openCore(segments);
  try {
    await body(c);
  } finally {
    await c.close();
  }
}

const countBlocks = (file: Database.Database): number =>
  (file.prepare('SELECT count(*) AS n FROM shed_match').get() as { n: number }).n;

/** When the matches of each block were, by leaf; without answers, which may overlap. */
function timesOf(file: Database.Database): number[][][] {
  const leaves = new Map<number, number[][]>();
  const rows = file.prepare('SELECT leaf, body FROM shed_match').all() as { leaf: number; body: string }[]; // those columns
  for (const { leaf, body } of rows) {
    const [steps, [what]] = JSON.parse(body) as [number[], unknown[]]; // written by encodeBlock
    let time = 0;
    const times = steps.map((step) => {
      time += step;
      return time;
    });
    if (typeof what !== 'string') leaves.set(leaf, [...(leaves.get(leaf) ?? []), times]);
  }
  return [...leaves.values()];
}

describe('late messages', () => {
  it('are folded without any message being read again', async () => {
    await withCore(async (c) => {
      await c.send('ada', history());
      const before = c.messagesRead;
      for (const [said, segments] of LATE) {
        await c.send('ada', said);
        expect(await c.segmentsOf('ada')).toEqual(segments);
      }
      expect(c.messagesRead).toBe(before);
      await c.verified();
    });
  });

  it('have the many small blocks that ordinary messages make put together', async () => {
    await withCore(async (c) => {
      for (let from = 0; from < history().length; from += 20)
        await c.send('ada', history().slice(from, from + 20));
      await c.reopen((file) => {
        const kept = file.prepare('SELECT sum(json_array_length(ids)) AS n FROM shed_match').get();
        // Of one row, a sum.
        expect((kept as { n: number }).n / countBlocks(file)).toBeGreaterThan(50);
      });
      await c.verified();
    });
  });

  it.each([
    ['lost blocks', 'DELETE FROM shed_match WHERE no % 5 = 3'],
    ['no blocks at all', 'DELETE FROM shed_match'],
    ['a block cut off', 'UPDATE shed_match SET body = substr(body, 1, 40) WHERE no = 2'],
    ['ids cut off', "UPDATE shed_match SET ids = '[]' WHERE no = 2"],
    ['rows that know of none', 'UPDATE person SET state = replace(state, \'"k":\', \'"z":\')'],
  ])('are folded from the messages, and kept anew, after %s', async (_, sql) => {
    await withCore(async (c) => {
      await c.send('ada', history());
      await c.reopen((file) => expect(file.prepare(sql).run().changes).toBeGreaterThan(0));
      for (const [said, segments] of LATE) {
        await c.send('ada', said);
        expect(await c.segmentsOf('ada')).toEqual(segments);
      }
      const before = c.messagesRead;
      for (const at of [FIRST + DAY, FIRST + 2 * DAY])
        await c.send('ada', [track('A', at), identify('pro', at), answer('again', 1, at)]);
      expect(c.messagesRead).toBe(before);
      await c.verified();
    });
  });

  it('come in any number into one place, and through merges, erasure and new definitions', async () => {
    await withCore(async (c) => {
      await c.send('ada', history());
      await c.send('bob', history().slice(0, 900));
      await c.verified();
      const at = FIRST + 200 * APART;
      for (let round = 0; round < 4; round++) {
        const many = Array.from({ length: 330 }, (_, i) => at + ((i * 37 + round) % 500));
        await c.send(
          'ada',
          many.flatMap((time, i) => [
            track('A', time),
            identify('pro', time),
            answer(`x${i}`, i % 2 ? null : 3, time),
          ]),
        );
        expect(await c.segmentsOf('ada')).toEqual(['held', 'quiet']);
      }
      await c.verified();
      await c.core.merge('bob', 'ada');
      for (const [said, segments] of LATE.slice(0, 3)) {
        await c.send('bob', said);
        expect(await c.segmentsOf('ada')).toEqual(segments);
      }
      await c.verified();
      await c.core.unmerge('bob');
      expect(await c.segmentsOf('bob')).toEqual(['chain', 'held', 'recent']);
      expect(await c.segmentsOf('ada')).toEqual(['held', 'quiet']);
      await c.verified();
      await c.core.putDefinition('segments', 'chain', {
        where: { sequence: [{ event: 'A' }, { event: 'B', within: '2h' }, { event: 'D' }] },
      });
      await c.core.tick();
      await c.send('bob', [track('D', FIRST + 300 * APART)]);
      expect(await c.segmentsOf('bob')).toEqual(['chain', 'held', 'recent']);
      await c.verified();
      await c.core.erase('user:ada', { suppress: false });
      await c.core.erase('user:bob', { suppress: false });
      await c.reopen((file) => expect(countBlocks(file)).toBe(0));
    });
  });

  it('find their place among blocks that were split, put together and put together again', async () => {
    const at = (i: number): number => T0 - 40 * DAY + i * 20 * 60_000;
    const steps = (from: number, to: number, { second, free }: { second: number; free: number }): Said[] =>
      Array.from({ length: to - from }, (_, i) => i + from).flatMap((i) => [
        track(i === second ? 'B' : 'A', at(i)),
        identify(i === free ? 'free' : 'pro', at(i)),
      ]);
    await withCore(async (c) => {
      await c.send('ada', steps(0, 1_600, { second: -1, free: -1 }));
      // Defined after them, they are kept in full blocks.
      await c.core.putDefinition('segments', 'abc', {
        where: { sequence: [{ event: 'A' }, { event: 'B' }, { event: 'C' }] },
      });
      await c.core.putDefinition('segments', 'kept', {
        where: { trait: 'plan', op: 'eq', value: 'pro', for: '20d' },
      });
      await c.core.tick();
      // Split, half of one is the newest block by its number.
      await c.send('ada', [track('A', at(100) + 1), identify('pro', at(100) + 1)]);
      for (let i = 1_600; i < 2_300; i++)
        await c.send('ada', steps(i, i + 1, { second: 1_700, free: 1_700 }));
      expect(await c.segmentsOf('ada')).toEqual([]);
      // A third step before the second; and nothing new about the plan.
      await c.send('ada', [track('C', at(1_200) + 1), identify('pro', at(1_200) + 1)]);
      expect(await c.segmentsOf('ada')).toEqual([]);
      await c.verified();
    }, {});
  });

  it(
    `are folded like all messages in order, whatever came when (TIDEMARK_LATE_SEED=${SEED})`,
    async () => {
      const { below } = createRandom(SEED);
      for (let run = 0; run < RUNS; run++) {
        const all: Said[] = [];
        let time = T0 - 60 * DAY;
        const next = (): Said[] => {
          time += 60_000;
          return draw(time);
        };
        const draw = (when: number): Said[] => [
          // So rare that the order of single ones decides.
          track(below(700) === 0 ? 'B' : below(700) === 0 ? 'C' : 'A', when),
          ...(below(3) === 0 ? [identify(below(400) === 0 ? 'free' : 'pro', when)] : []),
          ...(below(3) === 0 ? [answer(`s${below(400)}`, below(30) === 0 ? 9 : null, when)] : []),
        ];
        await withCore(async (c) => {
          const send = async (said: Said[]): Promise<void> => {
            all.push(...said);
            await c.send('ada', said);
          };
          await send(Array.from({ length: 600 + below(1_600) }, next).flat());
          for (const [key, definition] of Object.entries(SHAPES))
            await c.core.putDefinition('segments', key, definition as never); // checked by it
          await c.core.tick();
          for (let step = 0; step < 120; step++) {
            const first = all[0]?.at ?? time;
            if (below(3) > 0) await send(Array.from({ length: 1 + below(20) }, next).flat());
            else
              await send(
                Array.from({ length: 1 + below(3) }, () => draw(first + below(time - first + 1) + 7)).flat(),
              );
            if (step % 20 !== 19) continue;
            await withCore(async (other) => {
              await other.send('ada', all);
              expect(await c.segmentsOf('ada'), `run ${run}, step ${step}`).toEqual(
                await other.segmentsOf('ada'),
              );
            }, SHAPES);
          }
          await c.verified();
          await c.reopen((file) => {
            for (const blocks of timesOf(file)) {
              expect(Math.max(...blocks.map(({ length }) => length))).toBeLessThanOrEqual(512);
              const inOrder = blocks.toSorted(([a = 0], [b = 0]) => a - b).flat();
              expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b));
            }
          });
        }, {});
      }
    },
    RUNS * 20_000,
  );

  it('are not kept once their window has gone by', async () => {
    await withCore(async (c) => {
      let blocks = 0;
      for (let month = 0; month < 6; month++) {
        c.clock.now = T0 + month * 30 * DAY;
        for (let i = 0; i < 2_000; i += 500) {
          const from = T0 + (month + i / 2_000) * 30 * DAY;
          c.clock.now = from + 7 * DAY;
          await c.send(
            'ada',
            Array.from({ length: 500 }, (_, j) => track('A', from + j * 20_000)),
          );
        }
        if (month === 1) {
          await c.reopen((file) => {
            blocks = countBlocks(file);
          });
        }
      }
      expect(blocks).toBeGreaterThan(15);
      await c.reopen((file) => expect(countBlocks(file)).toBeLessThan(2 * blocks));
      await c.verified();
    }, RECENT);
  });
});
