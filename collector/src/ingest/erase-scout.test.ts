// Erasures while others write: what an erasure finds beforehand must not be all it takes.
// Invariant: whatever happens meanwhile, all is left as if it had happened before the erasure.
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { useFolder } from '../../../tests/temporary-folder.ts';
import type { Answers, Store } from '../storage/port.ts';
import { openSqlite } from '../storage/sqlite/open.ts';
import type { RefusedMessage } from '../wire/accepted.ts';
import { fakeMessage } from '../wire/fake-message.ts';
import type { Core } from './core.ts';
import { createCoreOn } from './create-core.ts';

const inFolder = useFolder('scout');
let files = 0;
const T0 = Date.parse('2026-06-10T12:00:00Z');

const sent = (messageId: string, name: string, userId: string, anonymousId: string | null = null) =>
  fakeMessage({
    messageId,
    name,
    userId,
    anonymousId,
    time: T0,
    receivedAt: T0,
    body: { type: 'track', messageId, event: name, userId, ...(anonymousId === null ? {} : { anonymousId }) },
  });

const refusal = (messageId: string, item: object): RefusedMessage => ({
  code: 'missing_event',
  reason: 'because',
  messageId,
  kind: 'web',
  receivedAt: T0,
  sentAt: null,
  text: JSON.stringify({ messageId, ...item }),
});

type Ask = 'refused' | 'uses-of-events';

/** A core whose store lets something happen once it has first answered a question. */
function coreWith(ask: Ask, meanwhile: ((core: Core) => Promise<unknown>) | null) {
  const path = inFolder(`${++files}.db`);
  const inner = openSqlite({ path });
  const state = { isWaiting: false };
  const store: Store = {
    ...inner,
    async query(question) {
      const answer = await inner.query(question);
      // The last of the answers, where there are several.
      const isOver = ask === 'refused' || (answer as Answers['uses-of-events']).last === null;
      if (state.isWaiting && question.ask === ask && isOver) {
        state.isWaiting = false;
        await meanwhile?.(await made);
      }
      return answer;
    },
  };
  const made = createCoreOn(store, { now: () => T0 + 1_000, idKey: 'k' });
  return { made, state, path };
}

async function fill(core: Core): Promise<void> {
  await core.ingest({
    messages: [
      sent('a1', 'Only hers', 'ada', 'd1'),
      sent('a2', 'Common', 'ada'),
      sent('a3', 'Twice', 'ada'),
      sent('b1', 'Common', 'bob', 'd2'),
      sent('b3', 'His', 'bob'),
      sent('c1', 'Hers for now', 'ann'),
      sent('c2', 'Twice', 'ann'),
    ],
    refused: [
      // So many that it pays to look through them beforehand.
      ...Array.from({ length: 1_000 }, (_, i) => refusal(`x${i}`, { userId: 'somebody' })),
      refusal('r1', { userId: 'ada' }),
      refusal('r2', { userId: 'bob' }),
      refusal('r3', { anonymousId: 'd1' }),
    ],
  });
  await core.merge('ann', 'ada');
}

async function shown(core: Core, path: string): Promise<unknown> {
  const rejected = (await core.rejected({ limit: 2_000, cursor: null })).data;
  const people = [];
  for (const ref of ['user:ada', 'user:ann', 'user:bob', 'anon:d1', 'anon:d2']) {
    const events = await core.events(ref, { limit: 100, cursor: null });
    people.push({ ref, is: (await core.profile(ref))?.userId, events: events?.data });
  }
  const db = new Database(path, { readonly: true });
  // Blotted out names are another text in each file.
  const names = db.prepare<[], string>('SELECT text FROM term').pluck().all();
  db.close();
  const known = names.filter((name) => !/^[0-9A-F]{32}$/.test(name)).sort();
  return { rejected, people, known, differences: (await core.verify({})).differences };
}

const nobody = async (): Promise<void> => {};

describe.each<Ask>(['refused', 'uses-of-events'])('an erasure while it looks for %s', (ask) => {
  it.each<[string, (core: Core) => Promise<unknown>]>([
    ['nothing happens', nobody],
    [
      'a message that names them is rejected',
      (core) => core.ingest({ messages: [], refused: [refusal('r9', { userId: 'ada' })] }),
    ],
    [
      'one that was rejected is so again, naming them',
      (core) => core.ingest({ messages: [], refused: [refusal('r2', { userId: 'ada' })] }),
    ],
    [
      'one that named them is rejected again, naming somebody else',
      (core) => core.ingest({ messages: [], refused: [refusal('r1', { userId: 'bob' })] }),
    ],
    [
      'somebody else sends their event',
      (core) => core.ingest({ messages: [sent('b2', 'Only hers', 'bob')], refused: [] }),
    ],
    ['they send more', (core) => core.ingest({ messages: [sent('a4', 'His', 'ada', 'd3')], refused: [] })],
    [
      'a device comes to them',
      (core) => core.ingest({ messages: [sent('a5', 'New', 'ada', 'd2')], refused: [] }),
    ],
    ['they are parted', (core) => core.unmerge('ann')],
    ['somebody is merged into them', (core) => core.merge('bob', 'ada')],
    ['somebody else is erased', (core) => core.erase('user:bob', { suppress: false })],
    ['they are erased', (core) => core.erase('user:ada', { suppress: false })],
  ])('leaves what it would have if before it %s', async (_, meanwhile) => {
    const [during, before] = [coreWith(ask, meanwhile), coreWith(ask, null)];
    const [core, other] = [await during.made, await before.made];
    await fill(core);
    await fill(other);
    during.state.isWaiting = true;
    const receipt = await core.erase('user:ada', { suppress: false });
    expect(during.state.isWaiting).toBe(false);
    await meanwhile(other);
    expect(receipt).toEqual(await other.erase('user:ada', { suppress: false }));
    const left = await shown(core, during.path);
    expect(left).toEqual(await shown(other, before.path));
    expect(left).toMatchObject({ differences: [] });
    expect(JSON.stringify(left)).not.toContain('"ada"');
    await core.close();
    await other.close();
  });
});
