// Answered 200 is on disk: the process is killed at once after the answer, again and again.
// Invariant: what was computed from the messages survives with them, and `verify` finds no difference.
import { type ChildProcess, execFile, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createCollector } from '@tidemark/collector';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ADMIN_KEY, basic, SERVER_KEY, SIGNING_SECRET, WEB_KEY } from './collector.ts';

const ROUNDS = 8;
const SENDERS = 8;
const server = fileURLToPath(new URL('./durability-server.ts', import.meta.url));

const cli = fileURLToPath(new URL('../collector/src/cli.ts', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-kill-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function start(database: string): Promise<{ child: ChildProcess; url: string }> {
  const child = fork(server, [database], { execArgv: ['--conditions=tidemark-source', '--import', 'tsx'] });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve((message as { port: number }).port));
    child.once('exit', (code) => reject(new Error(`the server stopped with ${code}`)));
  });
  return { child, url: `http://127.0.0.1:${port}` };
}

it(`loses nothing that was answered 200 over ${ROUNDS} kills`, async () => {
  const database = join(folder, 'tidemark.db');
  const acknowledged = new Set<string>();
  let next = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const { child, url } = await start(database);
    let killed = false;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    const send = async (sender: number): Promise<void> => {
      while (!killed) {
        const batch = Array.from({ length: 1 + (next % 7) }, () => {
          const id = `m${next++}`;
          return {
            type: 'track',
            messageId: id,
            userId: `u${next % 5}`,
            anonymousId: `a${sender}`,
            event: 'Kept',
          };
        });
        try {
          const answer = await fetch(`${url}/v1/batch`, {
            method: 'POST',
            headers: { authorization: basic(WEB_KEY) },
            body: JSON.stringify({ batch }),
          });
          if (answer.status === 200) for (const { messageId } of batch) acknowledged.add(messageId);
        } catch {
          // Cut off: not answered, so nothing was promised.
        }
        // The kill comes right behind an answer, at a different one each round.
        if (!killed && acknowledged.size > 40 * (round + 1) + round * 13) {
          killed = true;
          child.kill('SIGKILL');
        }
      }
    };
    await Promise.all(Array.from({ length: SENDERS }, (_, i) => send(i)));
    await exited;
  }

  const collector = await createCollector({
    database,
    writeKey: WEB_KEY,
    serverKey: SERVER_KEY,
    adminKey: ADMIN_KEY,
    signingSecret: SIGNING_SECRET,
  });
  const read = async (path: string): Promise<Record<string, unknown>> => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}` };
    const answer = await collector.fetch(new Request(`http://localhost${path}`, { headers }));
    return (await answer.json()) as Record<string, unknown>;
  };
  const found: string[] = [];
  let counted = 0;
  for (let user = 0; user < 5; user++) {
    counted += (await read(`/api/profiles/user:u${user}`)).eventCount as number;
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page = (await read(`/api/profiles/user:u${user}/events?limit=1000${query}`)) as {
        data: { messageId: string }[];
        next: string | null;
      };
      found.push(...page.data.map(({ messageId }) => messageId));
      cursor = page.next;
    }
  }
  const segment = await read('/api/segments/active');
  await collector.close();
  expect(counted).toBe(found.length);
  expect(segment).toMatchObject({ status: 'ready', size: 5 });
  expect(acknowledged.size).toBeGreaterThan(ROUNDS * 40);
  expect(new Set(found).size).toBe(found.length);
  const kept = new Set(found);
  expect([...acknowledged].filter((id) => !kept.has(id))).toEqual([]);

  // Exit code 0, or this throws with what differs.
  const args = ['--conditions=tidemark-source', '--import', 'tsx', cli, 'verify', '--db', database];
  await promisify(execFile)(process.execPath, args);
});
