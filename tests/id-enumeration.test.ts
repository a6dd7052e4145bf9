// Who is known is nobody's to find out: /v1/me answers for ids that nobody has as for people who have done nothing.
// Invariant: body, status, headers and the look-ups behind an answer are held against each other, not against a list.
import { expect, it } from 'vitest';
import { createApp } from '../collector/src/app.ts';
import { createCoreOn } from '../collector/src/ingest/create-core.ts';
import type { Store } from '../collector/src/storage/port.ts';
import { openSqlite } from '../collector/src/storage/sqlite/open.ts';
import type { JsonObject } from '../collector/src/wire/message.ts';
import { ADMIN_KEY, basic, SERVER_KEY, SIGNING_SECRET, T0, WEB_KEY } from './collector.ts';
import { heapInUse } from './heap.ts';

const DEFINITIONS = {
  traits: {
    orders: { type: 'count', event: 'Paid', expose: 'public' },
    spent: { type: 'sum', event: 'Paid', property: 'v', expose: 'verified' },
    visits: { type: 'count', event: '*' },
  },
  segments: {
    never: { where: { event: 'Paid', count: { op: 'eq', value: 0 } }, expose: 'public' },
    seen: { where: { event: '*' }, expose: 'verified' },
    list: { static: true, expose: 'public' },
  },
  surveys: { s: { name: 'S', questions: [{ id: 'q', type: 'nps', title: 'How?' }] } },
};

/** A collector of which each look into the store is counted; `restart` empties its memory. */
async function openCounted() {
  const sqlite = openSqlite({ path: ':memory:', readOnly: false });
  let looks: string[] = [];
  const store: Store = {
    ...sqlite,
    read(keys) {
      const asked = Object.entries(keys).map(([kind, list]) => `${kind} ${list?.length}`);
      looks.push(asked.join(', '));
      return sqlite.read(keys);
    },
    query(report) {
      looks.push(report.ask);
      return sqlite.query(report);
    },
    close: async () => {},
  };
  const open = async () => {
    const core = await createCoreOn(store, { now: () => T0 });
    const app = await createApp({
      core,
      keys: { writeKey: WEB_KEY, serverKey: SERVER_KEY, adminKey: ADMIN_KEY, signingSecret: SIGNING_SECRET },
    });
    return { core, app };
  };
  let opened = await open();
  return {
    fetch: (path: string, init: RequestInit) =>
      opened.app.fetch(new Request(`http://localhost${path}`, init)),
    core: () => opened.core,
    async restart() {
      await opened.core.close();
      opened = await open();
    },
    looksDuring: async (work: () => Promise<unknown>): Promise<string[]> => {
      looks = [];
      await work();
      return [...looks];
    },
    async close() {
      await opened.core.close();
      await sqlite.close();
    },
  };
}

async function fill({ fetch, core }: Awaited<ReturnType<typeof openCounted>>): Promise<void> {
  for (const [kind, all] of Object.entries(DEFINITIONS))
    for (const [key, definition] of Object.entries(all)) {
      const answer = await fetch(`/api/${kind}/${key}`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${ADMIN_KEY}` },
        body: JSON.stringify(definition),
      });
      expect(answer.status, key).toBe(201);
    }
  await core().tick();
  const messages: JsonObject[] = [
    { type: 'identify', userId: 'known', traits: { email: 'a@shop.example' } },
    { type: 'track', event: 'Visited', userId: 'known' },
    { type: 'track', event: 'Visited', anonymousId: 'device' },
    { type: 'track', event: 'Visited', userId: 'known', anonymousId: 'linked' },
  ];
  const sent = await fetch('/v1/batch', {
    method: 'POST',
    headers: { authorization: basic(SERVER_KEY) },
    body: JSON.stringify({ batch: messages }),
  });
  expect(await sent.json()).toMatchObject({ accepted: 4 });
}

const PAIRS: [string, JsonObject, JsonObject][] = [
  ['a user', { userId: 'known' }, { userId: 'wonkn' }],
  ['a device', { anonymousId: 'device' }, { anonymousId: 'evcied' }],
  ['a linked device', { anonymousId: 'linked' }, { anonymousId: 'dekiln' }],
  [
    'a device, beside a user',
    { anonymousId: 'device', userId: 'known' },
    { anonymousId: 'evcied', userId: 'wonkn' },
  ],
  [
    'a user with a wrong proof',
    { userId: 'known', userSignature: 'f'.repeat(64) },
    { userId: 'wonkn', userSignature: 'f'.repeat(64) },
  ],
];

it.each(PAIRS)('of %s nothing in an answer tells whether it is known', async (name, known, unknown) => {
  const collector = await openCounted();
  try {
    await fill(collector);
    for (const method of ['GET', 'POST']) {
      const ask = async (fields: JsonObject) => {
        const query = new URLSearchParams(Object.entries(fields).map(([key, value]) => [key, String(value)]));
        const answer = await collector.fetch(`/v1/me${method === 'GET' ? `?${query}` : ''}`, {
          method,
          headers: { authorization: basic(WEB_KEY), origin: 'https://shop.example' },
          body: method === 'GET' ? null : JSON.stringify(fields),
        });
        return { status: answer.status, headers: [...answer.headers], text: await answer.text() };
      };
      const looks: Record<string, string[][]> = {};
      for (const [who, fields] of Object.entries({ known, unknown })) {
        // Cold: nobody was asked for yet. Warm: this one was, just before.
        await collector.restart();
        // What all answers share, such as how often surveys were answered, is looked up before.
        await ask({ userId: 'somebody else' });
        looks[who] = [
          await collector.looksDuring(() => ask(fields)),
          await collector.looksDuring(() => ask(fields)),
        ];
      }
      expect(await ask(unknown)).toEqual(await ask(known));
      const [cold, warm] = looks.unknown ?? [];
      expect(warm).toEqual(looks.known?.[1]);
      // A device's holder is one row more, found by its number.
      const holder = name === 'a linked device' ? ['nodeIds 1'] : [];
      expect(cold?.length).toBe((looks.known?.[0]?.length ?? 0) - holder.length);
      expect([...(cold ?? []), ...holder].sort()).toEqual([...(looks.known?.[0] ?? [])].sort());
    }
  } finally {
    await collector.close();
  }
});

it('keeps nothing of ids that were only asked for', async () => {
  const collector = await openCounted();
  try {
    await fill(collector);
    const me = (i: number) =>
      collector.core().me({ userId: null, anonymousId: `${'x'.repeat(500)}${i}`, verified: false });
    for (let i = 0; i < 1_000; i++) await me(i);
    const before = heapInUse();
    // Half a kilobyte each: 50 MB if all of them were kept; at most 40,000 are (MAX_HOT_ENTRIES).
    for (let i = 1_000; i < 81_000; i++) await me(i);
    expect(heapInUse() - before).toBeLessThan(30 * 2 ** 20);
  } finally {
    await collector.close();
  }
});
