// A short run of `npm run fuzz:routes`, and that its rules see what they are there to see.
// Invariant: the seed is printed with every failure, and on CI it is always the same.
import { describe, expect, it } from 'vitest';
import { answerFaults } from './route-fuzz/check-answer.ts';
import { schemaFaults } from './route-fuzz/check-schema.ts';
import { operations } from './route-fuzz/document.ts';
import type { Drawn } from './route-fuzz/draw-request.ts';
import { grammarOf } from './route-fuzz/grammars.ts';
import { run } from './route-fuzz/run.ts';
import { openWorld } from './route-fuzz/world.ts';
import { seedFrom } from './seed.ts';

/** Some seconds. */
const REQUESTS = 4_000;

it(`answers ${REQUESTS} hostile requests within the contract`, async () => {
  expect(await run({ seed: seedFrom(process.env.TIDEMARK_SEED), requests: REQUESTS })).toBeNull();
});

it('asks the same with the same seed, and something else with another', async () => {
  const asked = async (seed: number): Promise<string> => {
    const world = await openWorld(seed);
    const { requests } = world.draw(16);
    await world.close();
    // The key of role `read` is made by the collector itself, another one each time.
    return JSON.stringify(requests).replaceAll(/\bak_[\w-]{32}/g, 'ak_read');
  };
  expect(await asked(5)).toBe(await asked(5));
  expect(await asked(6)).not.toBe(await asked(5));
});

describe('its rules', () => {
  const drawn: Drawn = {
    operation: 'GET /api/profiles/{id}',
    isPlain: true,
    who: 'admin',
    method: 'GET',
    path: '/api/profiles/user%3Au1',
    headers: [],
    body: null,
    address: null,
  };
  const headers = {
    'content-type': 'application/json',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  };
  const unknown = JSON.stringify({ error: { code: 'not_found', message: 'there is no such profile' } });
  const faults = (
    asked: Partial<Drawn>,
    {
      status = 404,
      text = unknown,
      more = {},
    }: { status?: number; text?: string; more?: Record<string, string> },
  ): string => {
    const answer = { status, text, headers: new Headers({ ...headers, ...more }) };
    return answerFaults({ ...drawn, ...asked }, answer, new Set(['ak_secret'])).join('\n');
  };

  it('pass an answer that is right', () => {
    expect(faults({}, {})).toBe('');
    expect(faults({}, { status: 200, text: '{"id":"p","userId":null,"eventCount":1}' })).toBe('');
  });

  it.each([
    ['a status that is not described', {}, { status: 500 }, 'status 500'],
    [
      'a stack trace',
      {},
      { text: `${unknown.slice(0, -3)}\\n"}}\n    at x (node:internal/y)` },
      'no error code',
    ],
    [
      'words of the inside',
      {},
      { text: unknown.replace('there', 'SqliteError: there') },
      'tells of the inside',
    ],
    ['a secret', {}, { text: unknown.replace('there', 'ak_secret') }, 'a secret is in the answer'],
    ['a secret in a header', {}, { more: { 'x-y': 'ak_secret' } }, 'a secret is in the answer'],
    [
      'a body of another shape',
      {},
      { status: 200, text: '{"eventCount":"1"}' },
      '/eventCount must be integer',
    ],
    ['a body that is no JSON', {}, { status: 200, text: '{' }, 'no JSON'],
    [
      'another type',
      {},
      { status: 200, text: '{}', more: { 'content-type': 'text/html' } },
      'content-type is',
    ],
    ['an answer without nosniff', {}, { more: { 'x-content-type-options': '' } }, 'no nosniff'],
    ['a cookie', {}, { more: { 'set-cookie': 'a=b' } }, 'a cookie is set'],
    ['CORS on /api', {}, { more: { 'access-control-allow-origin': '*' } }, 'CORS'],
    ['somebody let in without a key', { who: 'nobody' }, { status: 200, text: '{}' }, 'nobody was let in'],
    ['a write key let in', { who: 'server' }, { status: 200, text: '{}' }, 'server was let in'],
  ] as const)('see %s', (_, asked, answer, fault) => {
    expect(faults(asked, answer)).toContain(fault);
  });

  it('count the messages of a batch', () => {
    const asked = {
      operation: 'POST /v1/batch',
      method: 'POST',
      path: '/v1/batch',
      who: 'web',
      body: Buffer.from('{"batch":[1,2]}'),
    } as const;
    const answer = (index: number) => ({
      status: 200,
      text: JSON.stringify({ success: true, accepted: 1, duplicates: 0, rejected: [{ index }] }),
      more: { vary: 'Origin' },
    });
    expect(faults(asked, answer(1))).toBe('');
    expect(faults(asked, answer(2))).toContain('rejections at 2');
    expect(faults({ ...asked, body: Buffer.from('{"batch":[1]}') }, answer(0))).toContain('2 of 1 messages');
  });

  it('know every keyword of the document', () => {
    for (const { answers } of operations)
      for (const described of answers.values()) if (described) schemaFaults(described.schema, {});
    expect(() => schemaFaults({ multipleOf: 2 }, 3)).toThrow('multipleOf');
  });

  it('ask no operation without a grammar', () => {
    for (const operation of operations) expect(grammarOf(operation).weight).toBeGreaterThan(0);
    const added = { ...operations[0], id: 'GET /api/new' } as (typeof operations)[number]; // another name
    expect(() => grammarOf(added)).toThrow('GET /api/new');
  });
});
