// Keys and a secret given by the environment or the options, beside what the API does to them.
// Invariant: what was revoked or rotated away comes back by no restart, only another value does.
import { createHmac } from 'node:crypto';
import { createCollector } from '@tidemark/collector';
import { expect, it } from 'vitest';
import { ADMIN_KEY, basic, T0 } from './collector.ts';
import { api, closed, KEYS, useCommandLine } from './command-line.ts';
import { useFolder } from './temporary-folder.ts';

const inFolder = useFolder('given');
const { serve } = useCommandLine();

interface Asked {
  api(method: string, path: string, body?: object): Promise<Record<string, unknown>>;
  /** Makes a key. */
  make(kind: string): Promise<string>;
  /** The status of a message sent with this key. */
  sends(key: string): Promise<number>;
  /** Whether this secret proves a user. */
  proves(secret: string): Promise<boolean>;
  secret(): Promise<string>;
}

/** One start on the test's file, from opening to closing. */
async function start(
  given: { writeKey?: string; serverKey?: string; signingSecret?: string },
  work: (asked: Asked) => Promise<void> = async () => {},
  now = T0,
): Promise<void> {
  const database = inFolder('tidemark.db');
  const collector = await createCollector({ database, adminKey: ADMIN_KEY, now: () => now, ...given });
  const ask = (method: string, path: string, authorization: string, body?: object): Promise<Response> =>
    collector.fetch(
      new Request(`http://localhost${path}`, {
        method,
        headers: { authorization },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
  const asked: Asked = {
    async api(method, path, body) {
      const answer = await ask(method, `/api${path}`, `Bearer ${ADMIN_KEY}`, body);
      expect(answer.status).toBeLessThan(300);
      return answer.status === 204 ? {} : ((await answer.json()) as Record<string, unknown>);
    },
    make: async (kind) => String((await asked.api('POST', '/keys', { kind })).key),
    sends: async (key) => (await ask('POST', '/v1/track', basic(key), { userId: 'u', event: 'E' })).status,
    async proves(secret) {
      const userSignature = createHmac('sha256', secret).update('u').digest('hex');
      const query = new URLSearchParams({ userId: 'u', userSignature });
      return (await ask('GET', `/v1/me?${query}`, basic(await asked.make('web')))).status === 200;
    },
    async secret() {
      const { data } = (await asked.api('GET', '/sources')) as { data: [{ signingSecret: string }] };
      return data[0].signingSecret;
    },
  };
  try {
    await work(asked);
  } finally {
    await collector.close();
  }
}

const ROTATE = ['POST', '/sources/src_1/rotate-signing-secret'] as const;
async function revoke(asked: Asked, kind: string): Promise<void> {
  const { data } = (await asked.api('GET', '/keys')) as { data: { id: string; kind: string }[] };
  for (const key of data) if (key.kind === kind) await asked.api('DELETE', `/keys/${key.id}`);
}

it('a secret that was rotated away stays so until another one is given', async () => {
  const signingSecret = 'the leaked one';
  let rotated = '';
  await start({ signingSecret }, async (asked) => {
    expect(await asked.secret()).toBe(signingSecret);
    rotated = String((await asked.api(...ROTATE)).signingSecret);
  });
  const later = T0 + 25 * 3_600_000;
  for (const given of [{ signingSecret }, {}, { signingSecret }])
    await start(
      given,
      async (asked) => {
        expect(await asked.secret()).toBe(rotated);
        expect([await asked.proves(rotated), await asked.proves(signingSecret)]).toEqual([true, false]);
      },
      later,
    );
  await start(
    { signingSecret: 'another one' },
    async (asked) => {
      expect(await asked.secret()).toBe('another one');
      // Whoever changes it by hand has reasons: no grace.
      expect([await asked.proves('another one'), await asked.proves(rotated)]).toEqual([true, false]);
    },
    later,
  );
});

it.each([
  ['web', 'writeKey'],
  ['server', 'serverKey'],
] as const)('a %s key that was revoked stays so until another one is given', async (kind, name) => {
  await start({ [name]: 'old' }, async (asked) => {
    expect(await asked.sends('old')).toBe(200);
    await revoke(asked, kind);
    expect(await asked.sends('old')).toBe(401);
  });
  for (const given of [{ [name]: 'old' }, {}, { [name]: 'old' }])
    await start(given, async ({ sends }) => expect(await sends('old')).toBe(401));
  await start({ [name]: 'new' }, async ({ sends }) =>
    expect([await sends('new'), await sends('old')]).toEqual([200, 401]),
  );
});

it('so does a key that was made here, given later, and revoked while it was not given', async () => {
  let made = '';
  await start({}, async (asked) => {
    made = await asked.make('server');
  });
  await start({ serverKey: made }, async ({ sends }) => expect(await sends(made)).toBe(200));
  await start({}, (asked) => revoke(asked, 'server'));
  await start({ serverKey: made }, async ({ sends }) => expect(await sends(made)).toBe(401));
});

it('a key that was revoked stays so, also where another was given in between', async () => {
  const [first, second] = ['wk_first_of_them', 'wk_second_of_them'];
  await start({ writeKey: first }, async (asked) => {
    await revoke(asked, 'web');
    expect(await asked.sends(first)).toBe(401);
  });
  await start({ writeKey: second }, async (asked) => expect(await asked.sends(second)).toBe(200));
  await start({ writeKey: first }, async (asked) => {
    expect([await asked.sends(first), await asked.sends(second)]).toEqual([401, 200]);
  });
});

it('serve says which variables are not taken', async () => {
  const given = { ...KEYS, TIDEMARK_SIGNING_SECRET: 'a_secret_of_more_than_16_characters' };
  const first = await serve(given);
  const { data } = (await api(first.url, '/keys')) as { data: { id: string; kind: string }[] };
  const headers = { authorization: `Bearer ${KEYS.TIDEMARK_ADMIN_KEY}` };
  for (const { id } of data.filter(({ kind }) => kind === 'web'))
    await fetch(`${first.url}/api/keys/${id}`, { method: 'DELETE', headers });
  await fetch(`${first.url}/api/sources/src_1/rotate-signing-secret`, { method: 'POST', headers });
  expect(first.said()).not.toContain('is not taken');
  const done = closed(first.child);
  first.child.kill('SIGTERM');
  await done;
  const second = await serve(given);
  const said = () => second.said();
  await expect
    .poll(said)
    .toContain('TIDEMARK_WRITE_KEY was revoked and is not taken; set another or unset it');
  await expect
    .poll(said)
    .toContain('TIDEMARK_SIGNING_SECRET was rotated away and is not taken; set another or unset it');
  expect(said()).not.toContain('TIDEMARK_SERVER_KEY');
  for (const secret of Object.values(given)) expect(said()).not.toContain(secret);
});
