// Snapshots of a survey that changes while it is read: each kind of change, made between two slices.
// Invariant: what was read around a change equals what is read in peace after it.
import { describe, expect, it } from 'vitest';
import { emptyPerson } from '../engine/person-state.ts';
import { writeTraits } from '../engine/trait-bag.ts';
import type { CompiledTrait } from '../engine/traits.ts';
import type { AcceptedMessage } from '../wire/accepted.ts';
import { fakeMessage } from '../wire/fake-message.ts';
import type { JsonObject, MessageType } from '../wire/message.ts';
import type { Core, SurveySnapshot } from './core.ts';
import { createCore } from './create-core.ts';
import { createSplit, type SplitValues } from './survey-split.ts';
import type { WorkingSet } from './working-set.ts';

const T0 = Date.parse('2026-06-10T12:00:00Z');
/** Longer than a slice. */
const LONG_MS = 8;
/** Enough submissions for several pages. */
const PEOPLE = 80;

let serial = 0;
type Sender = Partial<Record<'userId' | 'anonymousId', string>>;
type Body = JsonObject & Partial<Record<'surveyId' | 'event', string>>;

function message(type: MessageType, who: Sender, body: Body, time = T0): AcceptedMessage {
  const messageId = `m${++serial}`;
  const whole = { type, messageId, ...who, ...body };
  const { surveyId = null, event: name = null } = body;
  const sent = { kind: 'server', trusted: true, time, receivedAt: T0 } as const;
  return fakeMessage({ ...sent, type, messageId, ...who, surveyId, name, body: whole });
}

const ingest = (core: Core, ...messages: AcceptedMessage[]) => core.ingest({ messages, refused: [] });
const answer = (who: Sender, q: number, status = 'completed', time = T0): AcceptedMessage =>
  message('survey', who, { surveyId: 's', submissionId: 'x', status, answers: { q } }, time);
const event = (userId: string, name: string, time = T0) =>
  message('track', { userId }, { event: name }, time);

interface Scene {
  core: Core;
  clock: { now: number };
}

async function openScene(): Promise<Scene> {
  const clock = { now: T0 };
  const core = await createCore({ database: ':memory:', now: () => clock.now });
  const questions = [{ id: 'q', type: 'nps' as const, title: 'Q' }];
  await core.putDefinition('segments', 'big', { where: { event: 'Big', within: '1d' }, expose: 'public' });
  await core.putDefinition('traits', 'visits', { type: 'count', event: 'Visit', within: '1d' });
  await core.putDefinition('surveys', 's', { name: 'S', questions, target: { segment: 'big' } });
  for (let i = 0; i < PEOPLE; i++) {
    const userId = `u${i}`;
    await ingest(
      core,
      event(userId, 'Big'),
      event(userId, 'Visit', T0 - 3_600_000),
      message('identify', { userId }, { traits: { plan: 'free' } }),
      answer({ userId }, 1, 'partial'),
      answer({ userId }, 5),
    );
  }
  await ingest(core, answer({ anonymousId: 'd' }, 7, 'partial', T0 - 5));
  // Waits for its time.
  await ingest(core, answer({ userId: 'u7' }, 10, 'completed', T0 + 1_000));
  await core.tick();
  return { core, clock };
}

/** Takes a snapshot; `meanwhile.run` is called once, when so many submissions were read. */
async function snapshotOf({ core }: Scene, by: string, meanwhile?: { after: number; run: () => void }) {
  let beginnings = 0;
  let digested = 0;
  const found = await core.surveySnapshot('s', {
    segment: 'big',
    by,
    digestFor() {
      beginnings++;
      return ({ status, answers }) => {
        if (++digested === meanwhile?.after) {
          meanwhile.run();
          for (const end = performance.now() + LONG_MS; performance.now() < end; );
        }
        return { status, answers };
      };
    },
  });
  if (typeof found === 'string') throw new Error(found);
  return { beginnings, digested, plain: plain(found) };
}

const byNumber = <T>([a]: [number, T], [b]: [number, T]) => a - b;
const listed = <T>(map: ReadonlyMap<number, T> | null | undefined) => map && [...map].sort(byNumber);
const numbers = (set: ReadonlySet<number> | null) => set && [...set].sort((a, b) => a - b);

function plain({ records, frame, filter, members, split, at }: SurveySnapshot<unknown>) {
  return {
    at,
    records: records
      .map(({ submissionId, person, profileId, first, content }) => ({
        submissionId,
        person,
        profileId,
        first,
        content,
      }))
      .sort((a, b) => (a.first[1] < b.first[1] ? -1 : 1)),
    frame: listed(frame),
    filter: numbers(filter),
    members: numbers(members),
    values: listed(split?.values),
  };
}

/** What may happen while a snapshot is read. */
const CHANGES: Record<string, (scene: Scene) => unknown> = {
  'a new answer to a submission read already': ({ core }) => ingest(core, answer({ userId: 'u0' }, 9)),
  'a new submission': ({ core }) => ingest(core, answer({ userId: 'new' }, 9)),
  'somebody entering the segment': ({ core }) =>
    ingest(core, answer({ userId: 'new' }, 9), event('new', 'Big')),
  'a changed trait': ({ core }) =>
    ingest(core, message('identify', { userId: 'u1' }, { traits: { plan: 'pro' } })),
  'one more visit': ({ core }) => ingest(core, event('u1', 'Visit')),
  'a device that turns out to be somebody’s': ({ core }) =>
    ingest(core, message('identify', { userId: 'u2', anonymousId: 'd' }, {}, T0 - 10)),
  'a merge of two who answered': ({ core }) => core.merge('u3', 'u4'),
  'an erasure': ({ core }) => core.erase('user:u5', { suppress: false }),
  'an answer whose time comes': ({ clock }) => {
    clock.now = T0 + 2_000;
  },
  'visits that leave their window': ({ clock }) => {
    clock.now = T0 + 23 * 3_600_000 + 1;
  },
  'people leaving the segment by time': ({ clock }) => {
    clock.now = T0 + 24 * 3_600_000;
  },
  'a changed definition': ({ core }) =>
    core.putDefinition('surveys', 's', { name: 'S', questions: [{ id: 'q2', type: 'nps', title: 'Q' }] }),
};

const WAYS = [
  ['trait:plan', 'at the beginning'],
  ['trait:plan', 'at the end'],
  ['computed:visits', 'at the beginning'],
  ['segment:big', 'at the end'],
] as const;

describe('a snapshot around', () => {
  for (const [what, change] of Object.entries(CHANGES))
    for (const [by, when] of WAYS)
      it(`${what} ${when}, by ${by}`, async () => {
        const scene = await openScene();
        const before = await snapshotOf(scene, by);
        let done: unknown;
        const run = () => {
          done = change(scene);
        };
        const around = await snapshotOf(scene, by, {
          after: when === 'at the end' ? before.digested : 1,
          run,
        });
        await done;
        const after = await snapshotOf(scene, by);
        expect(around.plain).toEqual(after.plain);
        expect([before.beginnings, after.beginnings]).toEqual([1, 1]);
        if (SHOWS[what]?.(by) ?? true) expect(after.plain).not.toEqual(before.plain);
        await scene.core.close();
      });
});

it('is read in one go once it was overtaken again and again', async () => {
  const { core } = await openScene();
  const erasures: Promise<unknown>[] = [];
  const found = await core.surveySnapshot('s', {
    segment: null,
    by: 'trait:plan',
    digestFor() {
      let isNew = true;
      return ({ answers }) => {
        if (isNew) erasures.push(core.erase(`user:u${erasures.length}`, { suppress: false }));
        isNew = false;
        return answers;
      };
    },
  });
  // Four beginnings; the fifth holds the lane, so that the last erasure comes after it.
  expect(erasures).toHaveLength(5);
  if (typeof found === 'string') throw new Error(found);
  expect(found.records).toHaveLength(PEOPLE + 1 - 4);
  await Promise.all(erasures);
  await core.close();
});

/** Changes that show only when results are told apart by the right thing. */
const SHOWS: Record<string, (by: string) => boolean> = {
  'a changed trait': (by) => by === 'trait:plan',
  'a changed definition': () => false,
};

describe('values of a trait', () => {
  const person = { ...emptyPerson(1, 0, 'ada') };
  const set = { personInMemory: () => person, program: { usesGroups: false } } as unknown as WorkingSet; // all it reads
  const told = (split: SplitValues) => [...(split.values() ?? [])];

  it('are read again once a commit changed the person, and forgotten with them', async () => {
    const split = createSplit(set, { kind: 'trait', key: 'plan' });
    split.meet(1);
    expect(await split.catchUp(1)).toBe(false);
    expect(told(split)).toEqual([[1, null]]);
    writeTraits(person.traits, { plan: 'pro' }, [1, 'm', 0]);
    await split.catchUp(1);
    expect(told(split)).toEqual([[1, null]]);
    split.hear({
      clock: 1,
      persons: [{ id: 1, version: 1, due: null, built: 0, text: '', email: null }],
    });
    await split.catchUp(1);
    expect(told(split)).toEqual([[1, 'pro']]);
    split.hear({ clock: 1, deletedPersons: [{ id: 1, version: 1 }] });
    expect(told(split)).toEqual([]);
  });

  it('are read again once time may have changed them', async () => {
    const trait = {
      ...{ key: 'n', meaning: '', slots: [], definition: { type: 'count', event: 'E' } },
      value: (_: unknown, now: number) => (now < 100 ? 1 : 0),
      due: (_: unknown, now: number) => (now < 100 ? 100 : Number.POSITIVE_INFINITY),
    } as CompiledTrait;
    const split = createSplit(set, { kind: 'computed', key: 'n', trait });
    split.meet(1);
    await split.catchUp(50);
    await split.catchUp(99);
    expect(told(split)).toEqual([[1, 1]]);
    while (await split.catchUp(100));
    expect(told(split)).toEqual([[1, 0]]);
  });
});
