// Reads: what is asked with which key, and what a failure says.
// Invariant: every failure is a ReadError, and no key goes where it was not sent.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ReadError } from './index.ts';
import { closeOpened, setUp } from './test-stage.ts';

const servers: Server[] = [];
afterEach(async () => {
  await closeOpened();
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

const PROFILE = { id: 'p', segments: [] };

/** A client whose reads are answered by `reply`. */
function reading(reply: () => Response) {
  let count = 0;
  const { client, clock } = setUp(undefined, {
    adminKey: 'admin',
    fetch: async () => {
      count++;
      return reply();
    },
  });
  return { client, clock, count: () => count };
}

const faultOf = async (read: Promise<unknown>): Promise<ReadError> => {
  const error: unknown = await read.then(
    (value) => expect.fail(`answered ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ReadError);
  return error as ReadError;
};

it('follows no redirect: the key is for the collector alone', async () => {
  const seen: string[] = [];
  const listen = async (answer: (server: Server) => Server): Promise<string> => {
    const server = answer(createServer());
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const elsewhere = await listen((server) =>
    server.on('request', (request, response) => {
      seen.push(String(request.headers.authorization));
      response.end(JSON.stringify(PROFILE));
    }),
  );
  const host = await listen((server) =>
    server.on('request', (request, response) =>
      response.writeHead(302, { location: elsewhere + request.url }).end(),
    ),
  );
  const { client } = setUp(undefined, { host, adminKey: 'admin', fetch: undefined });
  for (const read of [client.profile('user:ada'), client.me({ anonymousId: 'd' })]) {
    const { status, code, message } = await faultOf(read);
    expect([status, code]).toEqual([302, 'redirected']);
    expect(message).toContain(`${elsewhere}/`);
    expect(message).toContain('option host');
  }
  expect(seen).toEqual([]);
});

it.each(['<!doctype html><title>Sign in</title>', '', 'null', '"text"'])(
  'says so where something else answers: %j',
  async (text) => {
    const { client } = reading(() => new Response(text));
    for (const read of [client.profile('user:ada'), client.segments('user:ada'), client.me({ userId: 1 })]) {
      const { status, code, message } = await faultOf(read);
      expect([status, code]).toEqual([200, 'not_collector']);
      expect(message).toContain('http://collector.test');
      expect(message).toContain('option host');
    }
  },
);

describe('arguments', () => {
  it('take null as options', async () => {
    const { client } = reading(() => Response.json(PROFILE));
    const none = null as unknown as undefined;
    expect(await client.profile('user:ada', none)).toEqual(PROFILE);
    expect(await client.segments('user:ada', none)).toEqual([]);
    expect(await client.isIn('user:ada', 's', none)).toBe(false);
    expect(await client.me({ userId: 'ada' }, none)).toEqual(PROFILE);
  });

  it.each([null, undefined, Symbol('s'), '', {}, { userId: 1n }, 'user:\ud800'])(
    'that name nobody are told: %o',
    async (id) => {
      const { client, count } = reading(() => Response.json(PROFILE));
      for (const read of [client.profile(id as never), client.isIn(id as never, 's')])
        expect((await faultOf(read)).code).toBe('invalid_id');
      expect(count()).toBe(0);
    },
  );

  it.each([null, undefined, {}, { userId: Symbol('s') }, { userId: 1n }])(
    'of me that name nobody are told: %o',
    async (query) => {
      const { client, count } = reading(() => Response.json(PROFILE));
      const { code, message } = await faultOf(client.me(query as never));
      expect([code, count()]).toEqual(['invalid_id', 0]);
      expect(message).toContain('anonymousId');
    },
  );

  it.each([null, undefined, '', Symbol('s'), '\ud800'])(
    'of isIn that name no segment are told: %o',
    async (segment) => {
      const { client } = reading(() => Response.json(PROFILE));
      expect((await faultOf(client.isIn('user:ada', segment as never))).code).toBe('invalid_segment');
    },
  );
});

it('keeps answers no longer when the clock is set back', async () => {
  const { client, clock, count } = reading(() => Response.json(PROFILE));
  await client.profile('user:ada');
  clock.setBack(3_600_000);
  clock.advance(3_600_000 - 1);
  await client.profile('user:ada');
  expect(count()).toBe(2);
});
