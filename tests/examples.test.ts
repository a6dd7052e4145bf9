// The examples as somebody tries them: their definitions apply, and their programs work against a collector.
// Invariant: every example is run or checked here, and listed in examples/README.md.
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { serve } from '@hono/node-server';
import { afterEach, describe, expect, it } from 'vitest';
import { parseDefinitionFile } from '../collector/src/wire/definitions.ts';
import { ADMIN_KEY, SERVER_KEY, type TestCollector, WEB_KEY, withCollector } from './collector.ts';

const folder = new URL('../examples/', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, folder), 'utf8');
const examples = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);
const withDefinitions = examples.filter((name) =>
  readdirSync(new URL(`${name}/`, folder)).includes('definitions.json'),
);

let running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  running = [];
});

function launch(path: string, environment: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, [fileURLToPath(new URL(path, folder))], {
    env: { PATH: process.env.PATH ?? '', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.push(child);
  return child;
}

/** All that it prints until it ends, or until the pattern shows. */
async function said(child: ChildProcess, until?: RegExp): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout ?? []) {
    text += chunk;
    if (until?.test(text)) break;
  }
  return text;
}

async function withServer(c: TestCollector, work: (host: string) => Promise<void>): Promise<void> {
  const server = serve({ fetch: c.handle, port: 0, hostname: '127.0.0.1' });
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`); // listens on a port
  } finally {
    server.close();
  }
}

describe('the examples', () => {
  it('are all listed', () => {
    const list = read('README.md');
    expect(examples.length).toBeGreaterThan(4);
    for (const name of examples) expect(list).toContain(`| [${name}](${name}`);
  });

  it.each(withDefinitions)('have definitions that apply: %s', async (name) => {
    const config: unknown = JSON.parse(read(`${name}/definitions.json`));
    expect(parseDefinitionFile(config)).toMatchObject({ ok: true });
    await withCollector({ config }, async () => {});
  });
});

describe('kano', () => {
  it('sends its people once and prints the board, the must-be first', async () => {
    const config: unknown = JSON.parse(read('kano/definitions.json'));
    await withCollector({ config, now: Date.now() }, async (c) => {
      await withServer(c, async (host) => {
        const environment = {
          TIDEMARK_HOST: host,
          TIDEMARK_SERVER_KEY: SERVER_KEY,
          TIDEMARK_ADMIN_KEY: ADMIN_KEY,
        };
        const first = await said(launch('kano/kano.mjs', environment));
        expect(first).toMatch(/^\d+ messages stored, 0 known already, 0 rejected\n200 people\n/);
        const rows = [...first.matchAll(/'(CSV export|Dark mode|Confetti)' .*?'([AMOIRQ])'/g)];
        expect(rows.map(([, name, category]) => [name, category])).toEqual([
          ['CSV export', 'M'],
          ['Dark mode', 'A'],
          ['Confetti', 'I'],
        ]);
        expect(await said(launch('kano/kano.mjs', environment))).toMatch(/^0 messages stored, \d+ known/);
      });
    });
  });
});

describe('nps', () => {
  it('serves its page with the write key in the tag, and nothing else', async () => {
    const child = launch('nps/serve.mjs', { TIDEMARK_WRITE_KEY: WEB_KEY, PORT: '0' });
    const url = /http:\S+/.exec(await said(child, /http:\S+\n/))?.[0] as string;
    const page = await (await fetch(url)).text();
    expect(page).toContain(`src="http://127.0.0.1:4700/sdk.js" data-write-key="${WEB_KEY}"`);
    for (const file of ['page.js', 'page.css']) expect((await fetch(url + file)).status).toBe(200);
    for (const file of ['serve.mjs', 'definitions.json', '%2e%2e/shop/index.html'])
      expect((await fetch(url + file)).status).toBe(404);
  });

  it('has segments that follow the answer', async () => {
    const config: unknown = JSON.parse(read('nps/definitions.json'));
    await withCollector({ config }, async (c) => {
      const answer = (userId: string, score: number, status: string) => ({
        ...{
          type: 'survey',
          surveyId: 'nps',
          userId,
          submissionId: `s-${userId}`,
          answers: { score },
          status,
        },
        messageId: `${userId} ${status}`,
        timestamp: new Date(c.clock.now).toISOString(),
      });
      await c.send('web', [answer('ann', 9, 'partial'), answer('bob', 3, 'completed')]);
      expect([await c.members('promoters'), await c.members('detractors')]).toEqual([['ann'], ['bob']]);
      c.advance(1_000);
      await c.send('web', [answer('ann', 5, 'completed')]);
      expect([await c.members('promoters'), await c.members('detractors')]).toEqual([[], ['ann', 'bob']]);
    });
  });
});
