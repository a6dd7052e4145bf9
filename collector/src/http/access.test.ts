// Keys and signatures: how presented ones are compared, and what is kept of them.
// Invariant: of a secret nothing but a digest is ever compared or stored; the signing secret alone is kept readable.
import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createCore } from '../ingest/create-core.ts';
import { type Access, createAccess } from './access.ts';
import type { KeyRecord } from './key-record.ts';

const KEYS = { writeKey: 'wk_given', serverKey: 'sk_given', adminKey: 'ak_given', signingSecret: 'secret' };

type Body = (access: Access, facts: () => string, clock: { now: number }) => Promise<void>;

async function withAccess(body: Body): Promise<void> {
  const clock = { now: 0 };
  const core = await createCore({ database: ':memory:', now: () => clock.now });
  try {
    const { access } = await createAccess(core, KEYS);
    await body(access, () => JSON.stringify([core.facts.get('keys'), core.facts.get('source')]), clock);
  } finally {
    await core.close();
  }
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

it('finds a key by its digest alone', () =>
  withAccess(async (access) => {
    const { key } = await access.create({ kind: 'server' });
    for (const [text, kind] of [
      [KEYS.writeKey, 'web'],
      [KEYS.serverKey, 'server'],
      [KEYS.adminKey, 'admin'],
      [key, 'server'],
    ] as const) {
      expect(access.find(text)?.kind).toBe(kind);
      // Bytes are equal to no text, and yet have its digest: whoever compared the key itself would not find it.
      const bytes = Buffer.from(text) as unknown as string; // no text on purpose: it must not be compared as one
      expect(access.find(bytes)?.kind).toBe(kind);
      // Nor is it the digest itself that opens.
      expect(access.find(digest(text))).toBeNull();
    }
    for (const wrong of ['', 'wk_give', 'wk_given ', 'WK_GIVEN', '__proto__', digest(''), '\ud800'])
      expect(access.find(wrong), wrong).toBeNull();
  }));

it('looks at every key, wherever the right one stands', () =>
  withAccess(async (access) => {
    const looked: string[] = [];
    const counted = (record: KeyRecord): KeyRecord =>
      Object.defineProperty(record, 'hash', {
        get: () => {
          looked.push(record.id);
          return digest(record.kind === 'web' ? KEYS.writeKey : record.kind);
        },
      });
    const all = access.keys().map((record) => counted(record).id);
    for (const key of [KEYS.writeKey, 'wk_wrong']) {
      looked.length = 0;
      access.find(key);
      expect(looked).toEqual(all);
    }
  }));

it('keeps digests of keys, made ones and those of its own pages as well', () =>
  withAccess(async (access, facts) => {
    const made = [
      (await access.create({ kind: 'web' })).key,
      (await access.create({ kind: 'admin', role: 'read', name: 'n' })).key,
      await access.pageKey(),
      await access.pageKey('demo shop'),
    ];
    for (const key of [...made, KEYS.writeKey, KEYS.serverKey, KEYS.adminKey]) {
      expect(facts()).toContain(digest(key));
      expect(facts()).not.toContain(key);
    }
  }));

it('has one key for each kind of its own pages, whoever asks again', () =>
  withAccess(async (access) => {
    const keys = [await access.pageKey(), await access.pageKey('demo shop')];
    expect(new Set(keys).size).toBe(2);
    expect([await access.pageKey('survey pages'), await access.pageKey('demo shop')]).toEqual(keys);
    const names = access.keys().map(({ name }) => name);
    expect(names.slice(-2)).toEqual(['survey pages', 'demo shop']);
  }));

it('takes a signature of the right bytes and no other', () =>
  withAccess(async (access) => {
    const right = createHmac('sha256', KEYS.signingSecret).update('u').digest('hex');
    expect(access.proves('u', right)).toBe(true);
    expect(access.proves('u', right.toUpperCase())).toBe(true);
    for (const wrong of [
      '',
      right.slice(1),
      `${right}0`,
      `${right.slice(2)}zz`,
      ` ${right}`,
      `${right.slice(0, 63)}é`,
    ])
      expect(access.proves('u', wrong), wrong).toBe(false);
    // Every single byte counts.
    for (let i = 0; i < right.length; i++) {
      const other = right[i] === '0' ? '1' : '0';
      expect(access.proves('u', right.slice(0, i) + other + right.slice(i + 1))).toBe(false);
    }
    expect(access.proves('v', right)).toBe(false);
  }));

it('compares digests in constant time', () => {
  // Time cannot be tested; that nothing else compares what was presented can be read.
  const sourceOf = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');
  const text = sourceOf('./access.ts');
  const find = text.slice(text.indexOf('    find(key) {'), text.indexOf('    keys: () =>'));
  expect(find).toContain('timingSafeEqual');
  expect(find).not.toMatch(/===|==|indexOf|includes|startsWith/);
  const isSignedBy = sourceOf('./signature.ts').split('export function isSignedBy')[1];
  expect(isSignedBy).toContain('timingSafeEqual');
});

describe('signing secrets', () => {
  const HOUR_MS = 3_600_000;

  it('hold for a day each after they were rotated away, however many there are', () =>
    withAccess(async (access, facts, clock) => {
      const secrets = [KEYS.signingSecret];
      for (const hour of [0, 10, 20, 30]) {
        clock.now = hour * HOUR_MS;
        secrets.unshift((await access.rotateSigningSecret()).signingSecret);
      }
      const holding = (hour: number, ms = 0): string[] => {
        clock.now = hour * HOUR_MS + ms;
        return access.secrets();
      };
      // Those of hours 10 and 20 beside the last one and the present one; the given one went at hour 24.
      expect(holding(30)).toEqual(secrets.slice(0, 4));
      expect(facts()).not.toContain(`:"${KEYS.signingSecret}"`);
      expect(holding(34, -1)).toEqual(secrets.slice(0, 4));
      expect(holding(34)).toEqual(secrets.slice(0, 3));
      expect(holding(54, -1)).toEqual(secrets.slice(0, 2));
      expect(holding(54)).toEqual(secrets.slice(0, 1));
    }));

  it.each([
    ['none', null, []],
    ['one', { secret: 'before', until: HOUR_MS }, ['before']],
  ])('are read as earlier versions wrote them, with %s before it', async (_, previous, held) => {
    const core = await createCore({ database: ':memory:', now: () => 0 });
    const createdAt = new Date(0).toISOString();
    const source = { id: 'src_1', name: 'default', signingSecret: 'now', previous, createdAt };
    await core.facts.set({ keys: [], source: { ...source, requireSignature: false, allowedOrigins: [] } });
    // What was given and rotated away with such a version is not taken by this one either.
    const { access, refused } = await createAccess(core, previous ? { signingSecret: 'before' } : {});
    expect([access.secrets(), refused]).toEqual([['now', ...held], previous ? ['signingSecret'] : []]);
    const { signingSecret } = await access.rotateSigningSecret();
    expect(access.secrets()).toEqual([signingSecret, 'now', ...held]);
    await core.close();
  });
});

it('takes the keys of earlier versions for shown', async () => {
  const core = await createCore({ database: ':memory:', now: () => 0 });
  const first = await createAccess(core, {}, { makesKeys: true });
  const { unshown, given, ...source } = first.access.source();
  expect([unshown?.length, given]).toEqual([3, {}]);
  await core.facts.set({ source: { ...source, previous: null } });
  const { access, firstRun } = await createAccess(core, {}, { makesKeys: true });
  expect(firstRun).toBeNull();
  expect(access.keys()).toEqual(first.access.keys());
  await core.close();
});
