// Erasing, by the bytes: marks in every field a person's messages can have, looked for in every file afterwards.
// Invariant: a mark that was never on the disk proves nothing: each must be found before the erasure.
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createApp } from '../collector/src/app.ts';
import { createCore } from '../collector/src/ingest/create-core.ts';
import { copyDatabase } from '../collector/src/storage/sqlite/copy.ts';
import type { JsonObject } from '../collector/src/wire/message.ts';
import { ADMIN_KEY, basic, SERVER_KEY, T0, type TestCollector, WEB_KEY, withCollector } from './collector.ts';
import { useFolder } from './temporary-folder.ts';

const at = (ms: number): string => new Date(T0 + ms).toISOString();
/** Words that nothing else writes, by what they stand in. */
const mark = (name: string): string => `mark-${name}-zq`;
const USER = mark('user');
const OLD_USER = mark('old-user');
const DEVICE = mark('device');
const ALIAS_DEVICE = mark('alias-device');

const fields = { userId: USER, anonymousId: DEVICE };
const context = {
  ip: mark('ip'),
  userAgent: mark('agent'),
  page: { url: `https://shop.example/${mark('url')}`, referrer: mark('referrer') },
  traits: { [mark('context-trait-key')]: mark('context-trait') },
  tm: { client: mark('client'), seq: 1 },
};
const MESSAGES: JsonObject[] = [
  {
    type: 'identify',
    ...fields,
    traits: { email: mark('email'), [mark('trait-key')]: mark('trait') },
    context,
  },
  {
    type: 'identify',
    ...fields,
    traits: { email: mark('second-email'), gone: null },
    timestamp: at(-60_000),
  },
  {
    type: 'track',
    ...fields,
    event: mark('event'),
    messageId: mark('message-id'),
    properties: { [mark('property-key')]: mark('property'), deep: [{ a: mark('deep') }] },
    integrations: { [mark('integration')]: true },
    [mark('own-key')]: mark('own-field'),
  },
  ...Array.from({ length: 300 }, (_, i) => ({
    type: 'track',
    ...fields,
    event: 'Viewed',
    timestamp: at(-i * 60_000),
    // So many distinct ones that they leave the person's row; long enough for pages of their own.
    properties: { name: `${mark('distinct')}-${i}`, note: `${mark('long')} ${'x'.repeat(400)}` },
  })),
  {
    type: 'page',
    ...fields,
    name: mark('page'),
    category: mark('category'),
    properties: { title: mark('title') },
  },
  { type: 'screen', ...fields, name: mark('screen') },
  { type: 'group', ...fields, groupId: mark('group'), traits: { name: mark('group-trait') } },
  { type: 'alias', userId: USER, previousId: OLD_USER },
  { type: 'alias', userId: USER, previousId: ALIAS_DEVICE },
  { type: 'track', userId: OLD_USER, event: 'A' },
  { type: 'track', anonymousId: ALIAS_DEVICE, event: 'A', properties: { x: mark('anonymous-property') } },
  {
    type: 'survey',
    ...fields,
    surveyId: 's',
    submissionId: mark('submission'),
    answers: { why: mark('answer'), pick: [mark('choice')] },
    hidden: { x: mark('hidden') },
    language: mark('language'),
  },
  { type: 'track', ...fields, event: mark('future'), timestamp: at(86_400_000) },
  // Refused ones: with a wrong field, with a time that is none, and too large with the id at the very end.
  { type: 'track', ...fields, event: { x: mark('refused') } },
  { type: 'track', ...fields, event: 'A', timestamp: mark('time') },
  { type: 'track', event: 'A', properties: { secret: mark('large'), text: 'y'.repeat(40_000) }, ...fields },
];
const DEFINITIONS: Record<string, JsonObject> = {
  'traits/last': { type: 'last', event: 'Viewed', property: 'name' },
  'traits/list': { type: 'unique_list', event: 'Viewed', property: 'name' },
  'traits/often': { type: 'most_frequent', event: 'Viewed', property: 'name' },
  'segments/held': { where: { trait: 'email', op: 'exists', for: '5s' } },
  'segments/chain': { where: { sequence: [{ event: 'Viewed' }, { event: 'Viewed' }], within: '30d' } },
  'segments/listed': { static: true },
  'surveys/s': { name: 'S', questions: [{ id: 'why', type: 'open_text', title: 'Why?' }] },
};
/** Everything that is written between `mark-` and `-zq` above. */
const MARKS = [...new Set(JSON.stringify(MESSAGES).match(/mark-[a-z-]+?-zq/g) ?? [])];

function tracesIn(folder: string, marks: readonly string[]): string[] {
  return readdirSync(folder).flatMap((name) => {
    const bytes = readFileSync(join(folder, name));
    return marks.filter((text) => bytes.includes(text)).map((text) => `${text} in ${name}`);
  });
}

const inFolder = useFolder('bytes');

it.each([false, true])(
  'leaves no byte in file, log or a later backup (suppressing: %s)',
  async (suppress) => {
    const backups = inFolder('backups');
    const data = inFolder('data');
    for (const one of [backups, data]) mkdirSync(one);
    const database = join(data, 'tidemark.db');
    const clock = { now: T0 };
    const core = await createCore({ database, now: () => clock.now });
    try {
      const keys = { writeKey: WEB_KEY, serverKey: SERVER_KEY, adminKey: ADMIN_KEY };
      const { fetch } = await createApp({ core, keys });
      const ask = async (
        method: string,
        path: string,
        body: unknown,
        authorization: string,
      ): Promise<string> => {
        const text = body === undefined ? null : JSON.stringify(body);
        const answer = await fetch(
          new Request(`http://localhost${path}`, { method, headers: { authorization }, body: text }),
        );
        expect(answer.status, path).toBeLessThan(300);
        return answer.text();
      };
      const api = (method: string, path: string, body?: unknown) =>
        ask(method, `/api/${path}`, body, `Bearer ${ADMIN_KEY}`);
      for (const [path, definition] of Object.entries(DEFINITIONS)) await api('PUT', path, definition);
      await core.tick();
      for (const message of MESSAGES) await ask('POST', '/v1/batch', { batch: [message] }, basic(SERVER_KEY));
      await ask('POST', '/v1/track?reply=me', { ...fields, event: 'Asked' }, basic(WEB_KEY));
      await api('PUT', `segments/listed/profiles/user:${USER}`);
      // Others, so that pages are shared, and so that something is left.
      const others = Array.from({ length: 200 }, (_, i) => ({
        type: 'track',
        userId: `other${i}`,
        event: 'Viewed',
      }));
      await ask('POST', '/v1/batch', { batch: others }, basic(WEB_KEY));
      clock.now += 3_600_000;
      await core.tick();
      // What is looked for is there to be found, each single mark.
      const before = new Set(tracesIn(data, MARKS).map((trace) => trace.split(' ')[0]));
      expect(MARKS.filter((text) => !before.has(text))).toEqual([]);
      expect(MARKS.length).toBeGreaterThan(35);

      await api('DELETE', `profiles/user:${USER}?suppress=${suppress}`);
      expect(tracesIn(data, MARKS)).toEqual([]);
      // Nor does what goes on afterwards bring anything back out of memory.
      await ask(
        'POST',
        '/v1/batch',
        { batch: others.map((one) => ({ ...one, event: 'Later' })) },
        basic(WEB_KEY),
      );
      clock.now += 2 * 86_400_000;
      await core.tick();
      expect(tracesIn(data, MARKS)).toEqual([]);
      await copyDatabase({ from: database, to: join(backups, 'later.db'), expectedBytes: 0 });
      expect(tracesIn(backups, MARKS)).toEqual([]);
      expect(readFileSync(join(backups, 'later.db')).includes('other199')).toBe(true);
      expect((await core.verify({})).differences).toEqual([]);

      if (suppress) {
        // Refused from now on, by hashes: the ids themselves are not in the file, not even when they come again.
        const answer = JSON.parse(
          await ask('POST', '/v1/batch', { batch: [MESSAGES[2]] }, basic(SERVER_KEY)),
        );
        expect(answer.duplicates + answer.rejected.length).toBe(1);
        for (const who of [{ userId: USER }, { userId: OLD_USER }, { anonymousId: DEVICE }]) {
          const message = { type: 'track', event: 'A', ...who };
          const told = JSON.parse(await ask('POST', '/v1/batch', { batch: [message] }, basic(SERVER_KEY)));
          expect(told.rejected).toMatchObject([{ code: 'suppressed' }]);
          expect(
            JSON.parse(await ask('POST', '/v1/batch', { batch: [message] }, basic(WEB_KEY))),
          ).toMatchObject({
            accepted: 1,
            rejected: [],
          });
        }
        expect(tracesIn(data, MARKS)).toEqual([]);
      }
    } finally {
      await core.close();
      expect(tracesIn(data, MARKS)).toEqual([]);
    }
  },
);

describe('traits of a group that only the erased person told', () => {
  const has = (trait: string): JsonObject => ({ where: { group: { trait, op: 'exists' } } });
  const group = (userId: string, traits?: JsonObject): JsonObject => ({
    type: 'group',
    userId,
    groupId: 'g',
    ...(traits ? { traits } : {}),
  });
  const SECRET = mark('of-a');
  const folderOf = ({ database }: TestCollector): string => dirname(database ?? '');
  const feedOf = async (c: TestCollector, segment: string, of: string) =>
    (await c.transitions(segment))
      .filter(({ userId }) => userId === of)
      .map(({ change, at: time, cause }) => [change, Date.parse(time) - T0, cause]);
  const byTime = (ms: number): JsonObject => ({ deadline: at(ms) });

  it('leave no byte, not even for members who are still to hear of it', () =>
    withCollector({ file: true }, async (c) => {
      await c.define({ segments: { k: has('k') } });
      await c.send('web', [group('a', { k: SECRET }), group('b')]);
      c.advance(5_000);
      expect(tracesIn(folderOf(c), [SECRET])).not.toEqual([]);
      expect((await c.api('DELETE', '/api/profiles/user:a')).status).toBe(200);
      expect(tracesIn(folderOf(c), [SECRET])).toEqual([]);
      await copyDatabase({ from: c.database ?? '', to: join(folderOf(c), 'later.db'), expectedBytes: 0 });
      expect(tracesIn(folderOf(c), [SECRET])).toEqual([]);
      c.advance(1_000);
      expect(await c.members('k')).toEqual([]);
      expect(await feedOf(c, 'k', 'b')).toMatchObject([
        ['entered', 0, {}],
        ['left', 5_000, byTime(5_000)],
      ]);
      expect(await c.verify()).toEqual([]);
    }));

  it('go for the members at the clock, after all that was due for them before', () =>
    withCollector({ file: true }, async (c) => {
      const visited = { event: 'Visit', within: '3s' };
      await c.define({
        segments: { j: has('j'), k: has('k'), both: { where: { all: [visited, has('k').where] } } },
      });
      await c.send('web', [group('a'), group('b'), { type: 'track', userId: 'b', event: 'Visit' }]);
      c.advance(1_000);
      await c.send('web', [group('a', { k: SECRET })]);
      c.advance(1_000);
      await c.send('web', [group('c', { j: 1 })]);
      c.advance(3_000);
      // So far nobody but a and c was brought up to anything.
      await c.api('DELETE', '/api/profiles/user:a');
      expect(tracesIn(folderOf(c), [SECRET])).toEqual([]);
      c.advance(1_000);
      await c.send('web', [group('c', { k: 'told again' })]);
      c.advance(1_000);
      await c.tick();
      expect(await feedOf(c, 'both', 'b')).toEqual([
        ['entered', 1_000, byTime(1_000)],
        ['left', 3_000, byTime(3_000)],
      ]);
      expect(await feedOf(c, 'k', 'b')).toEqual([
        ['entered', 1_000, byTime(1_000)],
        ['left', 5_000, byTime(5_000)],
        ['entered', 6_000, byTime(6_000)],
      ]);
      expect(await feedOf(c, 'j', 'b')).toEqual([['entered', 2_000, byTime(2_000)]]);
      expect(await c.verify()).toEqual([]);
    }));
});

it('leaves no byte of a device past the cap that only the erased person named', () =>
  withCollector({ file: true }, async (c) => {
    const PAST = mark('past-the-cap');
    const devices = [...Array.from({ length: 999 }, (_, i) => `d${i}`), PAST];
    const sent = devices.map((anonymousId, i) => ({
      type: 'track',
      userId: 'u',
      anonymousId,
      event: 'E',
      timestamp: at(i - 10_000),
    }));
    await c.send('web', sent);
    const folder = dirname(c.database ?? '');
    expect(tracesIn(folder, [PAST])).not.toEqual([]);
    expect((await c.api('DELETE', '/api/profiles/user:u')).json.erased).toMatchObject({ anonymousIds: 999 });
    expect(tracesIn(folder, [PAST])).toEqual([]);
    expect(await c.verify()).toEqual([]);
    // Nobody's id it may come again as anybody's.
    await c.send('web', [{ type: 'track', anonymousId: PAST, event: 'E' }]);
    expect(await c.profile(`anon:${PAST}`)).toMatchObject({ eventCount: 1, anonymousIds: [PAST] });
  }));
