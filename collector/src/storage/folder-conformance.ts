// What folders of a storage backend must do: people's leaves as all of their messages in order say.
// Invariant: speaks only the port, as the rest of the conformance suite.
import { expect } from 'vitest';
import { planOf } from '../engine/building.ts';
import type { EngineMessage } from '../engine/filter.ts';
import { createLeaf, type LeafSpec, refoldLeaf } from '../engine/leaf.ts';
import { compareStamps, stampOf } from '../engine/stamp.ts';
import { bodyOf } from '../wire/accepted.ts';
import { fakeMessage } from '../wire/fake-message.ts';
import type { JsonObject } from '../wire/message.ts';
import type { FoldedPerson, FoldWork, NewMessage, NodeRow, PersonWrite, Store } from './port.ts';

const CLOCK = 1_000;
const [ADA, ALIAS, PHONE, LONE, BOB, CY] = [1, 2, 3, 4, 5, 6];
/** More than any backend reads at a time; most of them dated alike. */
const MANY = 4_500;

const specs: LeafSpec[] = [
  { kind: 'aggregate', event: 'A', where: undefined, aggregate: 'sum', property: 'n', reach: 'ever' },
  {
    kind: 'aggregate',
    event: 'A',
    where: { path: 'properties.n', op: 'gt', value: 2 },
    aggregate: 'last',
    property: 'n',
    reach: 'ever',
  },
  {
    kind: 'sequence',
    sequence: [{ event: 'A' }, { event: 'B', within: '1h' }, { event: 'A', within: '1h' }],
    reach: 'ever',
  },
];
const leaves = specs.map((spec, i) => createLeaf(i + 1, spec, []));
const work: FoldWork = {
  leaves: leaves.map(planOf),
  generation: 2,
  share: { index: 0, of: 1 },
  only: { types: [], events: ['A', 'B'], bodies: true },
};

let seq = 0;
function messageOf(node: number, time: number, event = seq % 3 === 0 ? 'B' : 'A'): NewMessage {
  const messageId = `${(seq++ * 7_919) % 10_007}-${seq}`;
  const body: JsonObject = { type: 'track', event, properties: { n: seq % 5, more: '"}{' }, context: {} };
  const kind = seq % 2 === 0 ? 'web' : 'server';
  const message = fakeMessage({ messageId, kind, name: event, time, body });
  return { message, seq, node, device: null, pending: time > CLOCK };
}

function answering(node: number, time: number, body: JsonObject): NewMessage {
  const { message, ...filed } = messageOf(node, time, 'Survey Responded');
  const type = body.type === 'survey' ? 'survey' : 'track';
  return { ...filed, message: { ...message, type, body, text: JSON.stringify({ type, ...body }) } };
}

const nodeOf = (id: number, kind: NodeRow['kind'], root = id): NodeRow => ({
  id,
  kind,
  ext: `n${id}`,
  publicId: `p_${id}`,
  root,
});
const personOf = (id: number, built = 1): PersonWrite => ({
  id,
  version: 0,
  due: null,
  built,
  text: '{}',
  email: null,
});

/** The leaves' states of these messages. */
function statesOf(messages: readonly NewMessage[], of = leaves): Record<number, unknown> {
  const ordered = messages
    .map(
      ({ message }): EngineMessage => ({
        stamp: stampOf(message),
        type: 'track',
        event: message.name,
        groupId: null,
        body: () => bodyOf(message),
      }),
    )
    .sort((a, b) => compareStamps(a.stamp, b.stamp));
  const matching = (events: readonly string[]) => ordered.filter(({ event }) => events.includes(event ?? ''));
  const states = of.map((leaf) => [leaf.id, refoldLeaf(leaf, matching(leaf.events), CLOCK)] as const);
  return Object.fromEntries(states.filter(([, state]) => state !== undefined));
}

/** Everybody with an id above, as `next` tells them slice by slice. */
async function all(next: (after: number) => Promise<FoldedPerson[]>): Promise<FoldedPerson[]> {
  const people: FoldedPerson[] = [];
  for (let after = 0; ; ) {
    const slice = await next(after);
    if (slice.length === 0) return people;
    people.push(...slice);
    after = slice[slice.length - 1]?.id ?? 0;
  }
}

/** Checks a store, which must be empty; closes the folders. */
export async function checkFolders(store: Store): Promise<void> {
  const commit = async (changes: object) =>
    expect(await store.commit({ clock: CLOCK, ...changes })).toMatchObject({ ok: true });
  const before = Array.from({ length: MANY }, (_, i) =>
    messageOf(i % 3 === 0 ? ALIAS : ADA, i < 100 ? i : 500),
  );
  const phone = Array.from({ length: 40 }, (_, i) => messageOf(PHONE, 400 + 5 * i));
  const lone = Array.from({ length: 5 }, (_, i) => messageOf(LONE, 10 * i));
  await commit({
    nodes: [
      nodeOf(ADA, 'user'),
      nodeOf(ALIAS, 'user', ADA),
      nodeOf(PHONE, 'device'),
      nodeOf(LONE, 'device'),
      nodeOf(BOB, 'user'),
      nodeOf(CY, 'user'),
    ],
    messages: [...before, ...phone, ...lone, messageOf(CY, 5), messageOf(CY, CLOCK + 1), messageOf(CY, 6)],
    pairs: [ALIAS, BOB].map((user) => ({ user, device: PHONE, trusted: [450, 'x', 0], plain: null })),
    // The phone was Bob's, then for a while the alias's, then Bob's again.
    timelines: [
      {
        device: PHONE,
        runs: [
          [300, BOB],
          [450, ALIAS],
          [550, BOB],
        ].map(([time, user]) => ({ stamp: [time, 'x', 0], user })),
      },
    ],
    persons: [ADA, LONE, BOB, CY].map((id) => personOf(id)),
  });
  const isAliased = ({ message: { time, messageId } }: NewMessage): boolean =>
    compareStamps([time, messageId, 0], [450, 'x', 0]) >= 0 &&
    compareStamps([time, messageId, 0], [550, 'x', 0]) < 0;
  const expected = [
    // The sequence's matches are more than a row holds: the lane keeps what it lets go of.
    { id: ADA, version: 1, states: null },
    { id: LONE, version: 1, states: statesOf(lone) },
    { id: BOB, version: 1, states: statesOf(phone.filter((one) => !isAliased(one))) },
    // One of the messages has yet to come.
    { id: CY, version: 1, states: null },
  ];
  const folders = store.openFolders?.() ?? [];
  const [folder] = folders;
  if (!folder) throw new Error('a store that folds has a folder at least');
  const next = (after: number) => folder.next({ after, clock: CLOCK, from: null });
  folder.begin(work);
  expect(await all(next)).toEqual(expected);
  const sums = leaves.slice(0, 2);
  folder.begin({ ...work, leaves: sums.map(planOf) });
  const long = statesOf([...before, ...phone.filter(isAliased)], sums);
  expect((await all(next))[0]).toEqual({ id: ADA, version: 1, states: long });
  folder.begin(work);
  folder.begin({ ...work, share: { index: 1, of: 2 } });
  expect((await all(next)).map(({ id }) => id)).toEqual([ADA, BOB]);

  // Of survey answers too, which are read out of what they are written in.
  const answer: LeafSpec = { kind: 'answer', survey: 's', question: 'q', op: 'eq', value: 1 };
  folder.begin({
    ...work,
    only: { types: ['survey'], events: ['Survey Responded'], bodies: true },
    leaves: [{ id: 9, spec: answer, windows: [], since: 0 }],
  });
  const said = { surveyId: 's', submissionId: 'x', answers: { q: 1 } };
  await commit({
    messages: [answering(CY, 7, { ...said, type: 'survey' }), answering(BOB, 8, { properties: said })],
  });
  const told = await all(next);
  for (const id of [BOB, CY])
    expect(Object.keys(told.find((one) => one.id === id)?.states?.[9]?.s?.s ?? {})).toEqual(['["","x"]']);

  // What was committed meanwhile is seen: an event nobody had sent, people built, a later version.
  folder.begin({ ...work, only: { types: [], events: ['C'], bodies: true }, leaves: [counting('C')] });
  expect(await all(next)).toMatchObject([{ states: {} }, { states: {} }, { states: {} }, { states: {} }]);
  await commit({ messages: [messageOf(BOB, 7, 'C'), messageOf(BOB, 8, 'A')] });
  await commit({
    persons: [
      { ...personOf(BOB), version: 1 },
      { ...personOf(LONE, 2), version: 1 },
    ],
  });
  expect((await all(next)).slice(1)).toEqual([
    { id: BOB, version: 2, states: { 9: { a: 1 } } },
    { id: CY, version: 1, states: {} },
  ]);

  const late = next(0);
  const failed = expect(late).rejects.toThrow();
  await Promise.all(folders.map((one) => one.close()));
  await failed;
  await expect(next(0)).rejects.toThrow();
}

function counting(event: string): FoldWork['leaves'][number] {
  const spec: LeafSpec = {
    kind: 'aggregate',
    event,
    where: undefined,
    aggregate: 'count',
    property: undefined,
    reach: 'ever',
  };
  return { id: 9, spec, windows: [], since: 0 };
}
