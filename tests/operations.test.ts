// What the API does to people and segments: merge, unmerge, lists, erase, export, groups, why, preview.
// Invariant: talks to the collector only as an admin could.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createApp } from '../collector/src/app.ts';
import { createCore } from '../collector/src/ingest/create-core.ts';
import type { JsonObject, JsonValue } from '../collector/src/wire/message.ts';
import { basic, SERVER_KEY, T0, type TestCollector, WEB_KEY, withCollector } from './collector.ts';
import { useFolder } from './temporary-folder.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
let serial = 0;

const iso = (time: number): string => new Date(time).toISOString();

function message(type: string, fields: JsonObject, at = 0): JsonObject {
  return { type, messageId: `o${++serial}`, timestamp: iso(T0 + at), ...fields };
}
const track = (who: JsonObject, event: string, at = 0, properties: JsonObject = {}): JsonObject =>
  message('track', { ...who, event, properties }, at);
const user = (userId: string): JsonObject => ({ userId });

const merge = (c: TestCollector, from: string, into: string) =>
  c.api('POST', '/api/profiles/merge', { from, into });
const unmerge = (c: TestCollector, userId: string) => c.api('POST', '/api/profiles/unmerge', { userId });
const put = (c: TestCollector, segment: string, id: string) =>
  c.api('PUT', `/api/segments/${segment}/profiles/${encodeURIComponent(id)}`);
const take = (c: TestCollector, segment: string, id: string) =>
  c.api('DELETE', `/api/segments/${segment}/profiles/${encodeURIComponent(id)}`);
const erase = (c: TestCollector, id: string, query = '') =>
  c.api('DELETE', `/api/profiles/${encodeURIComponent(id)}${query}`);

describe('merge and unmerge', () => {
  it('joins two users and parts them again as if nothing had been', async () => {
    await withCollector({}, async (c) => {
      await c.define({ segments: { twice: { where: { event: 'A', count: { op: 'gte', value: 2 } } } } });
      await c.send('web', [track(user('a'), 'A'), track(user('b'), 'A'), track(user('c'), 'A')]);
      const before = [await c.profile('user:a'), await c.profile('user:b')];
      const done = await merge(c, 'a', 'b');
      expect(done.status).toBe(200);
      expect(done.json).toEqual({ userId: 'b', id: before[1]?.id });
      expect((await c.profile('user:a'))?.userId).toBe('b');
      expect((await c.profile('user:b'))?.eventCount).toBe(2);
      expect(await c.members('twice')).toEqual(['b']);
      expect((await c.transitions('twice'))[0]).toMatchObject({ userId: 'b', cause: { operation: 'merge' } });
      // The merged id stands for its survivor.
      await merge(c, 'a', 'c');
      expect((await c.profile('user:b'))?.userId).toBe('c');
      expect((await c.profile('user:c'))?.eventCount).toBe(3);
      expect((await unmerge(c, 'a')).json).toMatchObject({ userId: 'a', undone: 2 });
      expect((await unmerge(c, 'a')).json).toMatchObject({ userId: 'a', undone: 0 });
      expect((await c.profile('user:a'))?.eventCount).toBe(1);
      expect((await c.profile('user:b'))?.userId).toBe('b');
      expect(await c.members('twice')).toEqual([]);
      expect([await c.profile('user:a'), await c.profile('user:b')]).toEqual(before);
    });
  });

  it('tells a merge from an alias whose message goes by its id', async () => {
    await withCollector({ file: true }, async (c) => {
      await c.send(
        'web',
        ['a', 'b', 'c'].map((id) => track(user(id), 'A')),
      );
      await merge(c, 'a', 'b');
      const named = { messageId: 'merge 000000000001', userId: 'b', previousId: 'c' };
      c.advance(10);
      await c.send('server', [message('alias', named, 5)]);
      expect((await c.profile('user:c'))?.userId).toBe('b');
      await unmerge(c, 'c');
      expect(await c.verify()).toEqual([]);
      expect((await c.profile('user:a'))?.userId).toBe('b');
      await c.reopen();
      expect(await c.verify()).toEqual([]);
    });
  });

  it('keeps no merge of two who are one already, so that one unmerge parts them', async () => {
    await withCollector({}, async (c) => {
      await c.send('web', [track(user('a'), 'A'), track(user('b'), 'A')]);
      await merge(c, 'a', 'b');
      expect((await merge(c, 'b', 'a')).json.userId).toBe('b');
      await unmerge(c, 'a');
      expect((await c.profile('user:a'))?.eventCount).toBe(1);
      expect((await c.profile('user:b'))?.eventCount).toBe(1);
    });
  });

  it('undoes merges accepted so far, of aliases too, and none that come later', async () => {
    await withCollector({ file: true }, async (c) => {
      await c.send('web', [track(user('a'), 'A'), track(user('b'), 'A')]);
      await c.send('server', [message('alias', { previousId: 'a', userId: 'b' })]);
      expect((await c.profile('user:a'))?.userId).toBe('b');
      // One dated in the future has been accepted as well.
      await c.send('server', [message('alias', { previousId: 'a', userId: 'b' }, MINUTE)]);
      await unmerge(c, 'a');
      expect((await c.profile('user:a'))?.userId).toBe('a');
      c.advance(2 * MINUTE);
      expect((await c.profile('user:a'))?.userId).toBe('a');
      await c.reopen();
      expect((await c.profile('user:a'))?.userId).toBe('a');
      await c.send('server', [message('alias', { previousId: 'a', userId: 'b' }, 2 * MINUTE)]);
      expect((await c.profile('user:a'))?.userId).toBe('b');
    });
  });

  it('names what is wrong', async () => {
    await withCollector({}, async (c) => {
      await c.send('web', [track(user('a'), 'A')]);
      expect((await merge(c, 'a', 'nobody')).status).toBe(404);
      expect((await merge(c, 'nobody', 'a')).text).toContain('nobody');
      expect((await unmerge(c, 'nobody')).status).toBe(404);
      expect((await merge(c, 'a', 'a')).status).toBe(422);
      expect((await c.api('POST', '/api/profiles/merge', { from: 'a' })).json).toMatchObject({
        error: { details: [{ pointer: '/into', message: 'must be a userId' }] },
      });
      expect((await c.api('POST', '/api/profiles/merge', { from: 'a', into: 'b', why: 1 })).status).toBe(422);
    });
  });

  it('flags a profile at its hundredth merge and refuses the next', async () => {
    await withCollector({}, async (c) => {
      const users = Array.from({ length: 102 }, (_, i) => `m${i}`);
      await c.send(
        'web',
        users.map((id) => track(user(id), 'A')),
      );
      for (const id of users.slice(1, 101)) expect((await merge(c, id, 'm0')).status).toBe(200);
      const past = await merge(c, 'm101', 'm0');
      expect([past.status, (past.json.error as JsonObject).code]).toEqual([409, 'merge_not_allowed']);
      expect((await c.profile('user:m0'))?.eventCount).toBe(101);
      // With one undone there is room again.
      await unmerge(c, 'm1');
      expect((await merge(c, 'm101', 'm0')).status).toBe(200);
    });
  });
});

describe('static lists', () => {
  it('hold the ids they were given, read through merges and devices’ holders', async () => {
    await withCollector({ file: true }, async (c) => {
      await c.define({
        segments: { vip: { static: true }, calm: { where: { not: { segment: 'vip' } } } },
      });
      await c.send('web', [track(user('a'), 'A'), track(user('b'), 'A'), track({ anonymousId: 'd' }, 'A')]);
      expect((await put(c, 'vip', 'user:a')).status).toBe(204);
      expect((await put(c, 'vip', 'user:a')).status).toBe(204);
      expect((await put(c, 'vip', 'anon:d')).status).toBe(204);
      expect(await c.members('vip')).toEqual(['a', 'd']);
      expect(await c.members('calm')).toEqual(['b']);
      expect((await c.api('GET', '/api/segments/vip')).json).toMatchObject({ static: true, size: 2 });
      await merge(c, 'a', 'b');
      expect(await c.members('vip')).toEqual(['b', 'd']);
      await unmerge(c, 'a');
      expect(await c.members('vip')).toEqual(['a', 'd']);
      c.advance(10);
      await c.send('web', [track({ userId: 'b', anonymousId: 'd' }, 'A', 5)]);
      expect(await c.members('vip')).toEqual(['a', 'b']);
      await c.send('web', [track({ userId: 'c', anonymousId: 'd' }, 'A', 6)]);
      expect(await c.members('vip')).toEqual(['a', 'c']);
      await c.reopen();
      expect((await take(c, 'vip', 'anon:d')).status).toBe(204);
      expect(await c.members('vip')).toEqual(['a']);
      expect(await c.members('calm')).toEqual(['b', 'c']);
    });
  });

  it('let go of a person by the id they show, whichever of their ids is on them, and tell which', async () => {
    await withCollector({ file: true }, async (c) => {
      await c.define({ segments: { vip: { static: true }, also: { where: { segment: 'vip' } } } });
      await c.send('web', [track({ anonymousId: 'd' }, 'A'), track(user('old'), 'A'), track(user('v'), 'A')]);
      for (const address of ['anon:d', 'user:old', 'user:v']) await put(c, 'vip', address);
      c.advance(10);
      await c.send('web', [track({ userId: 'u', anonymousId: 'd' }, 'A', 1)]);
      await merge(c, 'old', 'u');
      const shown = await c.all<{ id: string; userId: string }>('/api/segments/vip/profiles');
      const id = shown.find(({ userId }) => userId === 'u')?.id ?? '';
      const why = async (segment: string) =>
        (await c.api('GET', `/api/profiles/${id}/segments/${segment}/why`)).json.why as JsonObject;
      expect(await why('vip')).toEqual({ static: true, holds: true, listed: ['anon:d', 'user:old'] });
      expect((await why('also')).because).toEqual(await why('vip'));
      // An id that holds nothing takes nothing off.
      expect((await take(c, 'vip', 'user:u')).status).toBe(204);
      expect(await c.members('vip')).toEqual(['u', 'v']);
      expect((await take(c, 'vip', 'anon:d')).status).toBe(204);
      expect((await why('vip')).listed).toEqual(['user:old']);
      await put(c, 'vip', 'anon:d');
      expect((await take(c, 'vip', id)).status).toBe(204);
      expect(await c.members('vip')).toEqual(['v']);
      expect(await why('vip')).toEqual({ static: true, holds: false, listed: [] });
      await unmerge(c, 'old');
      expect(await c.members('vip')).toEqual(['v']);
      // By the id it shows a person is put on it under their userId.
      await put(c, 'vip', id);
      await c.reopen();
      expect((await why('vip')).listed).toEqual(['user:u']);
      expect(await c.verify()).toEqual([]);
    });
  });

  it('are empty when made anew', async () => {
    await withCollector({}, async (c) => {
      await c.define({ segments: { vip: { static: true } } });
      await c.send('web', [track(user('a'), 'A')]);
      await put(c, 'vip', 'user:a');
      expect((await c.api('DELETE', '/api/segments/vip')).status).toBe(204);
      await c.define({ segments: { vip: { static: true } } });
      expect(await c.members('vip')).toEqual([]);
    });
  });

  it('hold whom they held, and nobody once they were computed meanwhile, whenever that is changed', async () => {
    await withCollector({ file: true }, async (c) => {
      const computed = { segments: { vip: { where: { event: 'B' } } } };
      const list = { segments: { vip: { static: true }, also: { where: { segment: 'vip' } } } };
      await c.define(list);
      await c.send('web', [track(user('a'), 'A'), track(user('b'), 'A'), track(user('b'), 'B')]);
      await put(c, 'vip', 'user:a');
      await c.define({ ...list, traits: { seen: { type: 'count', event: 'A' } } });
      expect([await c.members('vip'), await c.members('also')]).toEqual([['a'], ['a']]);
      await c.define(computed);
      expect([await c.members('vip'), await c.members('also')]).toEqual([['b'], ['b']]);
      await c.define(list);
      expect([await c.members('vip'), await c.members('also')]).toEqual([[], []]);
      await put(c, 'vip', 'user:b');
      await c.reopen();
      expect([await c.members('vip'), await c.members('also')]).toEqual([['b'], ['b']]);
      expect(await c.verify()).toEqual([]);
    });
  });

  it('name what is wrong', async () => {
    await withCollector({}, async (c) => {
      await c.define({ segments: { vip: { static: true }, did: { where: { event: 'A' } } } });
      await c.send('web', [track(user('a'), 'A')]);
      expect((await put(c, 'vip', 'user:nobody')).status).toBe(404);
      expect((await put(c, 'none', 'user:a')).status).toBe(404);
      const computed = await put(c, 'did', 'user:a');
      expect([computed.status, (computed.json.error as JsonObject).code]).toEqual([409, 'not_static']);
    });
  });
});

describe('groups', () => {
  it('reach all their members at once', async () => {
    await withCollector({ file: true }, async (c) => {
      const where = {
        group: {
          all: [
            { trait: 'plan', op: 'eq', value: 'pro' },
            { trait: 'seats', op: 'gt', value: 2 },
          ],
        },
      };
      await c.define({ segments: { pros: { where }, solo: { where: { not: where } } } });
      const join = (userId: string, groupId: string, traits: JsonObject, at = 0) =>
        message('group', { userId, groupId, traits }, at);
      await c.send('web', [
        join('a', 'g', { plan: 'free', seats: 5 }),
        join('b', 'g', {}),
        join('b', 'h', { plan: 'pro' }),
      ]);
      // b has a pro group and one with seats, but not one that is both.
      expect(await c.members('pros')).toEqual([]);
      c.advance(MINUTE);
      await c.send('web', [join('a', 'g', { plan: 'pro' }, MINUTE)]);
      expect((await c.profile('user:b'))?.segments.map(({ key }) => key)).toEqual(['pros']);
      expect(await c.members('pros')).toEqual(['a', 'b']);
      const feed = await c.transitions('pros');
      expect(feed.map(({ userId, change, at }) => [userId, change, at]).sort()).toEqual([
        ['a', 'entered', iso(T0 + MINUTE)],
        ['b', 'entered', iso(T0 + MINUTE)],
      ]);
      expect((await c.api('GET', '/api/groups/g')).json).toEqual({
        id: 'g',
        traits: { plan: 'pro', seats: 5 },
        members: 2,
      });
      expect((await c.api('GET', '/api/groups/nope')).status).toBe(404);
      // Changes while the collector is closed on the way are caught up with, each at its own instant.
      c.advance(MINUTE);
      await c.send('web', [join('a', 'g', { plan: null }, 2 * MINUTE)]);
      c.advance(MINUTE);
      await c.send('web', [join('a', 'g', { plan: 'pro' }, 3 * MINUTE)]);
      await c.reopen();
      c.advance(MINUTE);
      const rows = (await c.transitions('pros')).filter(({ userId }) => userId === 'b');
      expect(rows.map(({ change, at }) => [change, at])).toEqual([
        ['entered', iso(T0 + MINUTE)],
        ['left', iso(T0 + 2 * MINUTE)],
        ['entered', iso(T0 + 3 * MINUTE)],
      ]);
    });
  });
});

describe('erasing', () => {
  it('takes the id of somebody whose merge was undone, also where a device keeps their times', async () => {
    await withCollector({}, async (c) => {
      await c.send('server', [
        track({ userId: 'stays', anonymousId: 'd' }, 'E', -2),
        track({ userId: 'goes', anonymousId: 'd' }, 'E', -1),
      ]);
      await merge(c, 'goes', 'stays');
      await unmerge(c, 'goes');
      expect((await erase(c, 'user:goes')).status).toBe(200);
      await c.send('web', [track({ anonymousId: 'd' }, 'E')]);
      expect(await c.profile('user:goes')).toBeFalsy();
      expect((await c.profile('anon:d'))?.userId).toBeNull();
    });
  });

  it('leaves nothing, gives a receipt, and keeps message ids used up', async () => {
    await withCollector({ file: true }, async (c) => {
      await c.define({
        traits: { total: { type: 'sum', event: 'Paid', property: 'v' } },
        segments: { payers: { where: { event: 'Paid' } }, vip: { static: true } },
      });
      const paid = track({ userId: 'a', anonymousId: 'd' }, 'Paid', 0, { v: 5 });
      await c.send('web', [
        paid,
        message('group', { userId: 'a', groupId: 'g', traits: { plan: 'pro', city: 'X' } }),
        message('group', { userId: 'b', groupId: 'g', traits: { city: 'Y' } }, -1),
        track(user('a'), 'Later', DAY),
        message('identify', { userId: 'a', traits: { email: 'a@x.example' }, timestamp: 'never' }),
      ]);
      await put(c, 'vip', 'user:a');
      const done = await erase(c, 'user:a');
      expect(done.status).toBe(200);
      expect(done.json.erased).toMatchObject({
        messages: 3,
        rejected: 1,
        segments: 2,
        lists: 1,
        groups: 1,
        userIds: 1,
        anonymousIds: 1,
        suppressed: false,
      });
      expect(await c.profile('user:a')).toBeUndefined();
      expect(await c.profile('anon:d')).toBeUndefined();
      expect(await c.members('payers')).toEqual([]);
      expect((await c.api('GET', '/api/groups/g')).json).toEqual({
        id: 'g',
        traits: { city: 'Y' },
        members: 1,
      });
      expect(await c.all('/api/rejected')).toEqual([]);
      const feed = await c.transitions('payers');
      expect(feed.map(({ userId, change, cause }) => [userId, change, cause])).toEqual([
        [null, 'left', { operation: 'erased' }],
      ]);
      expect(await c.send('web', [paid])).toMatchObject({ accepted: 0, duplicates: 1 });
      c.advance(2 * DAY);
      expect(await c.profile('user:a')).toBeUndefined();
      // The person may come back, and begins anew.
      await c.send('web', [track(user('a'), 'Paid', 2 * DAY, { v: 1 })]);
      await c.reopen();
      expect(await c.profile('user:a')).toMatchObject({
        eventCount: 1,
        computed: { total: 1 },
        anonymousIds: [],
      });
      expect((await erase(c, 'user:nobody')).status).toBe(404);
      expect((await erase(c, 'user:a', '?suppress=maybe')).status).toBe(400);
      expect((await erase(c, 'user:a', '?supress=true')).json.error).toMatchObject({
        message: expect.stringContaining('suppress'),
      });
    });
  });

  const inFolder = useFolder('erase');
  it('leaves no byte of the person in the file or its log', async () => {
    const database = inFolder('tidemark.db');
    const core = await createCore({ database, now: () => T0 });
    try {
      const { fetch } = await createApp({ core, keys: { writeKey: WEB_KEY } });
      const send = async (batch: JsonObject[]): Promise<void> => {
        const request = new Request('http://localhost/v1/batch', {
          method: 'POST',
          headers: { authorization: basic(WEB_KEY) },
          body: JSON.stringify({ batch }),
        });
        expect((await fetch(request)).status).toBe(200);
      };
      for (let i = 0; i < 20; i++)
        await send([
          message('identify', { userId: 'zaphod', traits: { email: `zaphod${i}@betelgeuse.example` } }),
          track({ userId: 'zaphod', anonymousId: 'heart-of-gold' }, 'Improbable', 0, {
            note: 'x'.repeat(5_000),
          }),
          track(user(`other${i}`), 'A'),
        ]);
      await core.erase('user:zaphod', { suppress: false });
      for (const name of readdirSync(inFolder())) {
        const bytes = readFileSync(inFolder(name));
        for (const trace of ['zaphod', 'betelgeuse', 'heart-of-gold'])
          expect(bytes.includes(trace), `${trace} in ${name}`).toBe(false);
      }
    } finally {
      await core.close();
    }
  });

  it('files late messages of a shared device to nobody else', async () => {
    await withCollector({ file: true }, async (c) => {
      await c.send('web', [
        track({ userId: 'a', anonymousId: 'd' }, 'A', 0),
        track({ userId: 'b', anonymousId: 'd' }, 'A', 10_000),
      ]);
      c.advance(MINUTE);
      await erase(c, 'user:a');
      await c.send('web', [track({ anonymousId: 'd' }, 'A', 5_000)]);
      expect((await c.profile('user:b'))?.eventCount).toBe(1);
      await c.send('web', [track({ anonymousId: 'd' }, 'A', 30_000)]);
      expect((await c.profile('user:b'))?.eventCount).toBe(2);
      expect((await c.profile('anon:d'))?.userId).toBe('b');
      // Who comes back finds what is theirs.
      await c.send('web', [track(user('a'), 'A', MINUTE)]);
      await c.reopen();
      expect((await c.profile('user:a'))?.eventCount).toBe(2);
    });
  });

  it('knows whom an alias of somebody else means once they were parted, and when they come back', async () => {
    await withCollector({ file: true }, async (c) => {
      const alias = message('alias', { userId: 'b', previousId: 'a' });
      await c.send('server', [alias, track(user('b'), 'A')]);
      await unmerge(c, 'a');
      await c.send('server', [track(user('a'), 'A', 10)]);
      c.advance(MINUTE);
      expect((await erase(c, 'user:a')).status).toBe(200);
      expect(await c.profile('user:a')).toBeUndefined();
      expect(await c.verify()).toEqual([]);
      await c.send('server', [track(user('a'), 'A', MINUTE)]);
      await c.reopen();
      expect((await c.profile('user:a'))?.eventCount).toBe(1);
      expect((await c.profile('user:b'))?.eventCount).toBe(2);
      expect(await c.verify()).toEqual([]);
    });
  });

  it('lets go of the times kept on a device once all who used it are erased', async () => {
    await withCollector({ file: true }, async (c) => {
      await c.send('web', [
        track({ userId: 'a', anonymousId: 'd' }, 'A', 0),
        track({ userId: 'b', anonymousId: 'd' }, 'A', 10_000),
      ]);
      c.advance(MINUTE);
      await erase(c, 'user:a');
      await c.send('web', [track(user('a'), 'A', MINUTE)]);
      await merge(c, 'a', 'b');
      await erase(c, 'user:b');
      await c.send('web', [track({ anonymousId: 'd' }, 'A', 5_000)]);
      expect(await c.profile('anon:d')).toMatchObject({ userId: null, eventCount: 1 });
      expect(await c.verify()).toEqual([]);
    });
  });

  it('keeps no times of links that had not come yet', async () => {
    await withCollector({ file: true }, async (c) => {
      await c.send('web', [
        track({ userId: 'a', anonymousId: 'd' }, 'A', 0),
        track({ userId: 'b', anonymousId: 'd' }, 'A', 1),
        track({ userId: 'a', anonymousId: 'd' }, 'A', 30_000),
      ]);
      c.advance(10);
      await erase(c, 'user:a');
      c.advance(MINUTE);
      await c.send('web', [track({ anonymousId: 'd' }, 'A', 40_000)]);
      expect((await c.profile('user:b'))?.eventCount).toBe(2);
      expect(await c.verify()).toEqual([]);
    });
  });

  it('forgets a group that only messages dated in the future name', async () => {
    await withCollector({ file: true }, async (c) => {
      await c.send('web', [
        message('group', { userId: 'a', groupId: 'g', traits: { plan: 'pro' } }),
        message('group', { userId: 'b', groupId: 'g', traits: { plan: 'free' } }, MINUTE),
      ]);
      await erase(c, 'user:a');
      expect((await c.api('GET', '/api/groups/g')).status).toBe(404);
      expect(await c.verify()).toEqual([]);
      c.advance(MINUTE);
      expect((await c.api('GET', '/api/groups/g')).json).toMatchObject({
        traits: { plan: 'free' },
        members: 1,
      });
    });
  });

  it('keeps a time in its place among links of the same instant that changed nothing', async () => {
    await withCollector({ file: true }, async (c) => {
      const both = (userId: string, at: number, messageId: string): JsonObject => ({
        ...track({ userId, anonymousId: 'd' }, 'A', at),
        messageId,
      });
      await c.send('web', [both('a', -10_000, 'm1'), both('a', 0, 'm2'), both('b', 0, 'm3')]);
      await erase(c, 'user:b');
      c.advance(MINUTE);
      await c.send('web', [track({ anonymousId: 'd' }, 'A', 30_000)]);
      expect((await c.profile('user:a'))?.eventCount).toBe(2);
      expect(await c.verify()).toEqual([]);
    });
  });

  it('takes what time had changed out of the feed as well', async () => {
    await withCollector({}, async (c) => {
      await c.define({ segments: { recent: { where: { event: 'A', within: '10s' } } } });
      await c.send('web', [track(user('a'), 'A')]);
      c.advance(MINUTE);
      expect((await erase(c, 'user:a')).json.erased).toMatchObject({ transitions: 2, segments: 0 });
      expect(await c.transitions('recent')).toEqual([]);
    });
  });

  it('leaves what is left in the feed to nobody, whoever comes back', async () => {
    await withCollector({ file: true }, async (c) => {
      await c.define({ segments: { clinic: { where: { event: 'Visit' } } } });
      const own = async (address: string) => {
        const path = `/api/profiles/${encodeURIComponent(address)}`;
        const { transitions } = (await c.api('GET', `${path}/export`)).json;
        expect(await c.all(`${path}/transitions`)).toEqual(transitions);
        return transitions;
      };
      const feed = async () =>
        (await c.transitions('clinic')).map(({ userId, change, cause }) => [userId, change, cause.operation]);
      await c.send('web', [track(user('ann'), 'Visit'), track({ anonymousId: 'd' }, 'Visit')]);
      const ids = [(await c.profile('user:ann'))?.id, (await c.profile('anon:d'))?.id];
      for (const address of ['user:ann', 'anon:d']) await erase(c, address);
      const gone = [
        [null, 'left', 'erased'],
        [null, 'left', 'erased'],
      ];
      expect(await feed()).toEqual(gone);
      await c.send('web', [track(user('ann'), 'Hello'), track({ anonymousId: 'd' }, 'Hello')]);
      expect(await feed()).toEqual(gone);
      expect((await c.transitions('clinic')).map(({ profileId }) => profileId)).toEqual(ids);
      for (const address of ['user:ann', 'anon:d']) expect(await own(address)).toEqual([]);

      await c.send('web', [track(user('ann'), 'Visit'), track({ userId: 'bob', anonymousId: 'd' }, 'Hello')]);
      await c.reopen();
      expect(await feed()).toEqual([...gone, ['ann', 'entered', undefined]]);
      expect(await own('user:ann')).toMatchObject([{ change: 'entered', profileId: ids[0] }]);
      expect(await own('user:bob')).toEqual([]);
      // Erased again, she takes none of what is nobody's with her.
      expect((await erase(c, 'user:ann')).json.erased).toMatchObject({ transitions: 1 });
      expect(await feed()).toEqual([...gone, [null, 'left', 'erased']]);
      expect(await c.verify()).toEqual([]);
    });
  });

  it('names nobody in what is left, even if an alias of somebody parted still says the id', async () => {
    await withCollector({ file: true }, async (c) => {
      await c.define({ segments: { clinic: { where: { event: 'Visit' } } } });
      await c.send('server', [
        track(user('ann'), 'Visit'),
        track(user('bob'), 'Hello'),
        message('alias', { userId: 'bob', previousId: 'ann' }),
      ]);
      await unmerge(c, 'ann');
      await erase(c, 'user:ann');
      expect(await c.transitions('clinic')).toMatchObject([
        { change: 'entered', userId: 'bob' },
        { change: 'left', userId: 'bob' },
        { change: 'left', userId: null, cause: { operation: 'erased' } },
      ]);
    });
  });

  it('puts somebody in a bucket again once they are named again', async () => {
    await withCollector({ file: true }, async (c) => {
      await c.define({ segments: { all: { where: { bucket: { salt: 's', from: 0, to: 100 } } } } });
      await c.send('web', [
        track({ userId: 'a', anonymousId: 'd' }, 'A', 0),
        track({ userId: 'b', anonymousId: 'd' }, 'A', 10_000),
      ]);
      c.advance(MINUTE);
      await erase(c, 'user:a');
      // Without an id there is no bucket.
      await c.send('web', [track({ anonymousId: 'd' }, 'A', 5_000)]);
      expect(await c.members('all')).toEqual(['b']);
      await c.send('web', [track(user('a'), 'A', MINUTE)]);
      expect(await c.members('all')).toEqual(['a', 'b']);
      expect(await c.verify()).toEqual([]);
    });
  });

  it('leaves a device to itself that only an alias to its own name will name', async () => {
    await withCollector({}, async (c) => {
      await c.send('web', [
        track({ userId: 'a', anonymousId: 'd' }, 'A', -1_000),
        message('alias', { userId: 'a', previousId: 'a' }, 10_000),
        track({ anonymousId: 'a' }, 'A', 30_000),
      ]);
      await erase(c, 'user:a');
      c.advance(MINUTE);
      expect(await c.profile('anon:a')).toMatchObject({ userId: null, eventCount: 1 });
    });
  });

  it('refuses the ids from then on, which a stranger cannot see', async () => {
    await withCollector({ file: true }, async (c) => {
      await c.send('web', [
        track({ userId: 'a', anonymousId: 'own' }, 'A'),
        track({ userId: 'a', anonymousId: 'shared' }, 'A'),
        track({ userId: 'b', anonymousId: 'shared' }, 'A', 1_000),
      ]);
      c.advance(MINUTE);
      expect((await erase(c, 'user:a', '?suppress=true')).json.erased).toMatchObject({ suppressed: true });
      await c.reopen();
      const at = MINUTE;
      expect(await c.send('web', [track(user('a'), 'B', at)])).toEqual({
        success: true,
        accepted: 1,
        duplicates: 0,
        rejected: [],
      });
      await c.send('web', [
        track({ anonymousId: 'own' }, 'B', at),
        track({ anonymousId: 'shared' }, 'B', 500),
      ]);
      expect(await c.profile('user:a')).toBeUndefined();
      expect(await c.profile('anon:own')).toBeUndefined();
      // What the shared device sent in their time goes to nobody else.
      expect((await c.profile('user:b'))?.eventCount).toBe(1);
      // Sent again it looks like any repeat, also within one batch.
      const again = track(user('a'), 'C', at);
      expect(await c.send('web', [again, again])).toMatchObject({ accepted: 1, duplicates: 1 });
      expect(await c.send('web', [again])).toMatchObject({ accepted: 0, duplicates: 1 });
      const seen = await c.fetch('/v1/seen', {
        method: 'POST',
        headers: { authorization: basic(WEB_KEY) },
        body: JSON.stringify({ messageIds: [again.messageId, 'never sent'] }),
      });
      expect(seen.json).toEqual({ seen: [again.messageId] });
      const sent = track(user('a'), 'B', at);
      const { rejected } = await c.send('server', [sent]);
      await c.send('server', [sent]);
      expect(rejected).toMatchObject([{ code: 'suppressed' }]);
      const [row] = await c.all<{ id: number }>('/api/rejected');
      expect((await c.api('POST', `/api/rejected/${row?.id}/replay`, {})).json.error).toMatchObject({
        code: 'not_kept',
      });
      expect(await c.all('/api/rejected')).toMatchObject([
        { code: 'suppressed', messageId: null, message: null },
      ]);
      // The shared device goes on for the other.
      await c.send('web', [track({ anonymousId: 'shared' }, 'B', at)]);
      expect((await c.profile('user:b'))?.eventCount).toBe(2);
    });
  });
});

describe('groups that change', () => {
  it('bring members up to traits that are told after they joined', async () => {
    await withCollector({ file: true }, async (c) => {
      const trait = (op: string, value?: number) => ({
        where: { group: { trait: 'x', op, ...(value === undefined ? {} : { value }) } },
      });
      await c.define({ segments: { with: trait('eq', 1), without: trait('not_exists') } });
      await c.send('web', [
        message('group', { userId: 'a', groupId: 'g' }),
        message('group', { userId: 'b', groupId: 'g', traits: { x: 1 } }),
      ]);
      expect(await c.members('with')).toEqual(['a', 'b']);
      expect(await c.members('without')).toEqual([]);
      expect(await c.verify()).toEqual([]);
    });
  });

  it('answer for a segment while their traits go on changing', async () => {
    await withCollector({}, async (c) => {
      await c.define({
        segments: { with: { where: { group: { trait: 'x', op: 'gte', value: 1 } } } },
      });
      const joined = Array.from({ length: 600 }, (_, i) =>
        message('group', { userId: `u${i}`, groupId: 'g', traits: { x: 1 } }),
      );
      await c.send('web', joined);
      let isRead = false;
      const change = async (): Promise<void> => {
        for (let x = 2; !isRead && x < 500; x++)
          await c.send('web', [message('group', { userId: 'u1', groupId: 'g', traits: { x } }, x)]);
      };
      const reading = c.api('GET', '/api/segments/with').finally(() => {
        isRead = true;
      });
      const [answer] = await Promise.all([reading, change()]);
      expect(answer.json.size).toBe(600);
    });
  });
});

describe('export', () => {
  it('is everything about one person', async () => {
    await withCollector({}, async (c) => {
      await c.define({ segments: { did: { where: { event: 'A' } }, vip: { static: true } } });
      await c.send('web', [
        track({ userId: 'a', anonymousId: 'd' }, 'A', 0),
        track(user('a'), 'Later', DAY),
        track(user('b'), 'A'),
        message('track', { userId: 'a' }),
      ]);
      await put(c, 'vip', 'user:a');
      const answer = await c.api('GET', '/api/profiles/user:a/export');
      expect(answer.status).toBe(200);
      expect(answer.json).toMatchObject({
        profile: { userId: 'a', eventCount: 1 },
        events: [{ event: 'A', anonymousId: 'd' }],
        transitions: [{ segment: 'vip' }, { segment: 'did' }],
        upcoming: [{ event: 'Later' }],
        rejected: [{ code: 'missing_event' }],
        lists: ['vip'],
      });
      expect((await c.api('GET', '/api/profiles/user:nobody/export')).status).toBe(404);
    });
  });
});

describe('preview', () => {
  it('answers size and a sample without saving', async () => {
    await withCollector({}, async (c) => {
      await c.define({ segments: { did: { where: { event: 'A' } } } });
      await c.send(
        'web',
        ['a', 'b', 'c'].map((id) => track(user(id), id === 'c' ? 'B' : 'A', -MINUTE)),
      );
      const ask = (where: JsonValue, query = '') => c.api('POST', `/api/segments/preview${query}`, { where });
      const { json } = await ask({ all: [{ segment: 'did' }, { event: 'A', within: '2m' }] }, '?limit=1');
      expect(json).toMatchObject({ size: 2, total: 3 });
      expect(json.sample).toMatchObject([{ userId: 'a', anonymousIds: [] }]);
      c.advance(MINUTE);
      expect((await ask({ event: 'A', within: '2m' })).json).toMatchObject({ size: 0 });
      expect((await ask({ segment: 'nope' })).json).toMatchObject({
        error: { details: [{ pointer: '/where/segment' }] },
      });
      expect((await c.api('POST', '/api/segments/preview', { static: true })).status).toBe(422);
      expect((await c.all('/api/segments')).length).toBe(1);
    });
  });

  it('counts everybody while something else is being built', async () => {
    await withCollector({}, async (c) => {
      await c.send(
        'web',
        Array.from({ length: 900 }, (_, i) => track(user(`u${i}`), 'A')),
      );
      const [preview] = await Promise.all([
        c.api('POST', '/api/segments/preview', { where: { event: 'A' } }),
        c.put('segments', 'other', { where: { event: 'A', where: { path: 'name', op: 'exists' } } }),
        c.tick(),
      ]);
      expect(preview.json).toMatchObject({ size: 900, total: 900 });
    });
  });
});

describe('why', () => {
  it('finds the next change behind a thousand that do not matter, and orders by time', async () => {
    const busy = Object.fromEntries(
      Array.from({ length: 1_100 }, (_, i) => [`busy${i}`, { where: { event: 'A', within: `${i + 1}s` } }]),
    );
    const where = { sequence: [{ event: 'A' }, { event: 'B' }], within: '30d' };
    await withCollector({ config: { segments: { ...busy, chain: { where } } } }, async (c) => {
      await c.send('web', [track(user('a'), 'B', -1_000), track(user('a'), 'A', -2_000)]);
      const { json } = await c.api('GET', '/api/profiles/user:a/segments/chain/why');
      expect(json).toMatchObject({ member: true, changesAt: iso(T0 - 2_000 + 30 * DAY) });
      expect(json.why).toMatchObject({ messages: { newest: [{ event: 'B' }, { event: 'A' }] } });
    });
  });

  it('lets messages through while it reads a long history, and tells what there was when it was asked', async () => {
    const where = {
      all: [
        { event: 'A', count: { op: 'gte', value: 10 } },
        { event: 'A', where: { path: 'properties.v', op: 'gt', value: 2_399 } },
      ],
    } as const;
    await withCollector({ config: { segments: { often: { where } } } }, async (c) => {
      for (let from = 0; from < 2_500; from += 500)
        await c.send(
          'web',
          Array.from({ length: 500 }, (_, i) => track(user('a'), 'A', from + i - 5_000, { v: from + i })),
        );
      const done: string[] = [];
      const [{ json }] = await Promise.all([
        c.api('GET', '/api/profiles/user:a/segments/often/why').finally(() => done.push('why')),
        (async () => {
          await c.send('web', [track(user('a'), 'A', -10_000, { v: 9_999 })]);
          done.push('message');
        })(),
      ]);
      expect(done).toEqual(['message', 'why']);
      const all = json.why as {
        all: { actual: number; messages: { total: number; newest: JsonObject[] } }[];
      };
      const [often, above] = all.all;
      expect([often?.actual, above?.actual, above?.messages.total]).toEqual([2_500, 100, 100]);
      const times = above?.messages.newest.map(({ timestamp }) => timestamp);
      expect(times).toEqual(Array.from({ length: 20 }, (_, i) => iso(T0 + 2_499 - i - 5_000)));
    });
  });

  it('is told of what a device sent in the time of somebody erased', async () => {
    await withCollector({ config: { segments: { did: { where: { event: 'A' } } } } }, async (c) => {
      await c.send('web', [track({ userId: 'v', anonymousId: 'd' }, 'A', -30)]);
      await c.send('web', [track({ userId: 'u', anonymousId: 'd' }, 'A', -20)]);
      expect((await erase(c, 'user:u')).status).toBe(200);
      await c.send('web', [track({ anonymousId: 'd' }, 'A', -10)]);
      const { status, json } = await c.api('GET', '/api/profiles/anon:d/segments/did/why');
      expect([status, json.member, json.userId]).toEqual([200, true, null]);
    });
  });

  it('shows the tree, the messages and the next change', async () => {
    await withCollector({}, async (c) => {
      await c.define({
        traits: {
          spent: { type: 'sum', event: 'Paid', property: 'v' },
          score: { type: 'formula', expression: 'spent * 2' },
        },
        segments: {
          base: { where: { event: 'A', within: '1h' } },
          key: {
            where: {
              all: [
                { segment: 'base' },
                { not: { trait: 'plan', op: 'eq', value: 'pro' } },
                {
                  any: [
                    { computed: 'spent', op: 'gte', value: 10 },
                    { computed: 'score', op: 'gte', value: 10 },
                  ],
                },
              ],
            },
          },
        },
      });
      await c.send('web', [
        track(user('a'), 'A', -MINUTE),
        track(user('a'), 'Paid', 0, { v: 5 }),
        message('identify', { userId: 'a', traits: { plan: 'free' } }),
      ]);
      const { status, json } = await c.api('GET', '/api/profiles/user:a/segments/key/why');
      expect(status).toBe(200);
      expect(json).toMatchObject({
        segment: 'key',
        userId: 'a',
        member: true,
        since: iso(T0),
        at: iso(T0),
        changesAt: iso(T0 + 59 * MINUTE),
        why: {
          holds: true,
          all: [
            {
              segment: 'base',
              holds: true,
              because: {
                event: 'A',
                holds: true,
                actual: 1,
                messages: { total: 1, newest: [{ timestamp: iso(T0 - MINUTE) }] },
              },
            },
            { not: { trait: 'plan', holds: false, actual: 'free', messages: { total: 1 } }, holds: true },
            {
              holds: true,
              any: [
                { computed: 'spent', holds: false, actual: 5, messages: { total: 1 } },
                { computed: 'score', holds: true, actual: 10, formula: 'spent * 2', inputs: { spent: 5 } },
              ],
            },
          ],
        },
      });
      c.advance(59 * MINUTE);
      const later = (await c.api('GET', '/api/profiles/user:a/segments/key/why')).json;
      expect(later).toMatchObject({ member: false, since: null, changesAt: null, why: { holds: false } });
      expect((await c.api('GET', '/api/profiles/user:b/segments/key/why')).status).toBe(404);
      expect((await c.api('GET', '/api/profiles/user:a/segments/none/why')).status).toBe(404);
    });
  });

  it('explains every leaf', async () => {
    await withCollector({}, async (c) => {
      const leaves: Record<string, JsonValue> = {
        sequence: { sequence: [{ event: 'A' }, { event: 'B', within: '1h' }] },
        first: { first: 'A', within: '1h' },
        bucket: { bucket: { salt: 's', from: 0, to: 100 } },
        survey: { survey: 'nps', question: 'score', op: 'gte', value: 9 },
        group: { group: { trait: 'plan', op: 'eq', value: 'pro' } },
        held: { trait: 'plan', op: 'not_exists', for: '1m' },
        list: { segment: 'vip' },
      };
      const segments = Object.fromEntries(Object.entries(leaves).map(([key, where]) => [key, { where }]));
      await c.define({ segments: { vip: { static: true }, ...segments } });
      await c.send('web', [
        track(user('a'), 'A', -2 * MINUTE),
        track(user('a'), 'B', -MINUTE),
        message('survey', { userId: 'a', surveyId: 'nps', answers: { score: 10 } }),
        message('group', { userId: 'a', groupId: 'g', traits: { plan: 'pro' } }),
      ]);
      await put(c, 'vip', 'user:a');
      for (const key of Object.keys(leaves)) {
        const { json } = await c.api('GET', `/api/profiles/user:a/segments/${key}/why`);
        expect([key, json.member, (json.why as JsonObject).holds]).toEqual([key, true, true]);
      }
      const { json } = await c.api('GET', '/api/profiles/user:a/segments/group/why');
      expect(json.why).toMatchObject({ groups: [{ id: 'g', traits: { plan: 'pro' } }] });
    });
  });
});

it('only admins may', async () => {
  await withCollector({}, async (c) => {
    for (const key of [WEB_KEY, SERVER_KEY]) {
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
      const answer = await c.fetch('/api/profiles/merge', { method: 'POST', headers, body: '{}' });
      expect(answer.status).toBe(401);
    }
  });
});
