// What npm would publish, unpacked into a project of its own and used from there.
// Invariant: only the packed files and the declared dependencies are within reach.
import { execFile } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build, root } from '../.ci/set-up.mjs';

const run = promisify(execFile);
const PACKAGES = ['sdk-web', 'sdk-node', 'collector'];
/** Options of `createCollector`, in programs that are written into files. */
const KEYS = `writeKey: 'web-key-for-packaging', serverKey: 'server-key-for-packaging',
  adminKey: 'admin-key-for-packaging', signingSecret: 'signing-secret-for-packaging'`;
/** The README's promise. */
const CORE_BUDGET_BYTES = 5120;

interface Manifest {
  version: string;
  license: string;
  bin?: Record<string, string>;
  dependencies?: Record<string, string>;
}

let project: string;
const unpacked = (name: string): string => join(project, 'node_modules', '@tidemark', name);
const manifestOf = (name: string): Manifest =>
  JSON.parse(readFileSync(join(unpacked(name), 'package.json'), 'utf8')) as Manifest;
const filesOf = (name: string): string[] =>
  readdirSync(unpacked(name), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(unpacked(name).length + 1))
    .sort();

beforeAll(async () => {
  await build();
  project = mkdtempSync(join(tmpdir(), 'tidemark-packaging-'));
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }');
  const wanted = new Set(['@types/node']);
  for (const name of PACKAGES) {
    const packed = await run('npm', ['pack', '--json', '--pack-destination', project], {
      cwd: join(root, name),
    });
    const [{ filename }] = JSON.parse(packed.stdout) as [{ filename: string }];
    mkdirSync(unpacked(name), { recursive: true });
    await run('tar', ['-xzf', join(project, filename), '--strip-components=1', '-C', unpacked(name)]);
    for (const dependency of Object.keys(manifestOf(name).dependencies ?? {})) wanted.add(dependency);
  }
  for (const name of wanted) {
    const path = join(project, 'node_modules', name);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), path);
  }
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

/** Runs a program in the project and answers what it printed. */
async function evaluate(code: string, type = 'module'): Promise<string> {
  const { stdout } = await run(process.execPath, [`--input-type=${type}`, '--eval', code], { cwd: project });
  return stdout.trim();
}

describe('each package', () => {
  it.each(PACKAGES)('%s holds what was built and its papers, nothing else', (name) => {
    const files = filesOf(name);
    expect(files.filter((file) => !/^(dist\/|package\.json$|README\.md$)/.test(file))).toEqual([]);
    expect(files).toEqual(
      expect.arrayContaining(['README.md', 'dist/LICENSE', 'dist/index.js', 'dist/index.d.ts']),
    );
    expect(manifestOf(name).license).toBe('MIT');
  });

  it.each(PACKAGES)('%s names no file or folder of the machine that built it', (name) => {
    for (const file of filesOf(name)) {
      const text = readFileSync(join(unpacked(name), file), 'utf8');
      expect(text.includes(root), file).toBe(false);
      expect(/from '\.\.?\/.*\/src\//.test(text), file).toBe(false);
    }
  });

  it('has one version', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
    expect(PACKAGES.map((name) => manifestOf(name).version)).toEqual(PACKAGES.map(() => version));
  });
});

describe('sdk-web', () => {
  it('needs nothing at run time and fits its budget', () => {
    expect(manifestOf('sdk-web').dependencies).toBeUndefined();
    const script = readFileSync(join(unpacked('sdk-web'), 'dist/sdk.js'));
    expect(brotliCompressSync(script).length).toBeLessThanOrEqual(CORE_BUDGET_BYTES);
    expect(/\b(require|eval)\s*\(|\bnew Function\b|^\s*(import|export)\s/m.test(script.toString())).toBe(
      false,
    );
    // What it loads comes from where it came from.
    expect(script.toString().match(/import\([^)]*\)/g)).toEqual([
      expect.stringMatching(/^import\(\w+\+"\/sdk-more\.js"\)$/),
      expect.stringMatching(/^import\(`\$\{\w+\}\/sdk-\$\{\w+\}\.js`\)$/),
    ]);
  });

  it('can be imported where there is no page', async () => {
    await expect(
      evaluate(`import { createAnalytics } from '@tidemark/sdk-web'; console.log(typeof createAnalytics)`),
    ).resolves.toBe('function');
  });
});

describe('sdk-node', () => {
  it('needs nothing at run time', () => {
    expect(manifestOf('sdk-node').dependencies).toBeUndefined();
  });

  it('works by import and by require, and says its version', async () => {
    const use = `const client = new Analytics({ writeKey: 'k', disable: true });
      client.track({ userId: 'u', event: 'E' }, (error, context) =>
        console.log(error, context.event.context.library.version));
      client.closeAndFlush();`;
    const told = `undefined ${manifestOf('sdk-node').version}`;
    await expect(evaluate(`import { Analytics } from '@tidemark/sdk-node'; ${use}`)).resolves.toBe(told);
    await expect(
      evaluate(`const { Analytics } = require('@tidemark/sdk-node'); ${use}`, 'commonjs'),
    ).resolves.toBe(told);
  });
});

describe('sdk-node on other runtimes', () => {
  it('imports nothing, and is what they resolve to', async () => {
    const text = readFileSync(join(unpacked('sdk-node'), 'dist/web.js'), 'utf8');
    const code = text.replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, '');
    expect(/^\s*import\b|\bimport\s*\(|\brequire\s*\(|\bBuffer\b|\bprocess\./m.test(code)).toBe(false);
    for (const condition of ['deno', 'bun', 'workerd', 'edge-light']) {
      const { stdout } = await run(
        process.execPath,
        [
          `--conditions=${condition}`,
          '--input-type=module',
          '--eval',
          `console.log(import.meta.resolve('@tidemark/sdk-node'))`,
        ],
        { cwd: project },
      );
      expect(stdout.trim()).toMatch(/dist\/web\.js$/);
    }
  });
});

describe('collector', () => {
  it('runs as a command', async () => {
    const bin = join(unpacked('collector'), manifestOf('collector').bin?.tidemark ?? '');
    const { stdout } = await run(bin, ['--help']);
    expect(stdout).toContain('tidemark serve');
  });

  it.each(['--version', '-v', 'version'])('says its version (%s)', async (word) => {
    const { bin, version } = manifestOf('collector');
    const { stdout } = await run(join(unpacked('collector'), bin?.tidemark ?? ''), [word]);
    expect(stdout).toBe(`${version}\n`);
  });

  it('refuses a time zone that is none, and names the variable', async () => {
    const bin = join(unpacked('collector'), manifestOf('collector').bin?.tidemark ?? '');
    const env = { PATH: process.env.PATH, PORT: '0', TIDEMARK_DB: ':memory:', TIDEMARK_TZ: 'Mars' };
    // One that does not refuse it would serve for ever.
    const refused = await run(bin, ['serve'], { env, timeout: 20_000 }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('TIDEMARK_TZ') });
  });

  it('builds definitions with its threads', async () => {
    const printed = await evaluate(`
      import { createCollector } from '@tidemark/collector';
      let threads = 0;
      process.on('worker', () => threads++);
      const collector = await createCollector({
        database: 'with threads.db', ${KEYS},
        threadFromPeople: 0, onError: (error) => console.log('trouble:', error),
      });
      const ask = async (method, path, body) => (await collector.fetch(new Request('http://x' + path, {
        method, body: JSON.stringify(body), headers: { authorization: 'Bearer admin-key-for-packaging' },
      }))).json();
      await ask('POST', '/v1/track?writeKey=web-key-for-packaging', { userId: 'u', event: 'E' });
      await ask('PUT', '/api/traits/n', { type: 'count', event: 'E' });
      await collector.tick();
      console.log(threads > 0, (await ask('GET', '/api/profiles/user:u')).computed.n);
      await collector.close();`);
    expect(printed).toBe('true 1');
  });

  it('reads large bodies on its thread', async () => {
    const printed = await evaluate(`
      import { createCollector } from '@tidemark/collector';
      let threads = 0;
      process.on('worker', () => threads++);
      const collector = await createCollector({
        database: ':memory:', ${KEYS},
        onError: (error) => console.log('trouble:', error),
      });
      const before = threads;
      const batch = Array.from({ length: 50 }, (_, i) => ({
        type: 'track', userId: 'u', event: 'E', properties: { text: 'x'.repeat(10_000) },
      }));
      const sent = await collector.fetch(new Request('http://x/v1/batch?writeKey=web-key-for-packaging', {
        method: 'POST', body: JSON.stringify({ batch }),
      }));
      console.log(threads - before, (await sent.json()).accepted);
      await collector.close();`);
    expect(printed).toBe('1 50');
  });

  it('runs as a library and serves the script that was built with it', async () => {
    const printed = await evaluate(`
      import { createCollector } from '@tidemark/collector';
      const collector = await createCollector({
        database: ':memory:', ${KEYS},
      });
      const sent = await collector.fetch(new Request('http://x/v1/track?writeKey=web-key-for-packaging', {
        method: 'POST', body: '{"userId":"u","event":"E"}',
      }));
      const script = await collector.fetch(new Request('http://x/sdk.js'));
      const more = await collector.fetch(new Request('http://x/sdk-more.js'));
      console.log(JSON.stringify([(await sent.json()).accepted, await script.text(), await more.text()]));
      await collector.close();`);
    const script = readFileSync(join(unpacked('sdk-web'), 'dist/sdk.js'), 'utf8');
    const more = readFileSync(join(unpacked('sdk-web'), 'dist/sdk-more.js'), 'utf8');
    expect(JSON.parse(printed)).toEqual([1, script, more]);
  });
});

it('has types that a strict project takes without skipping any', async () => {
  writeFileSync(
    join(project, 'use.ts'),
    `import { createCollector, type SegmentDefinition } from '@tidemark/collector';
    import { Analytics, type Loss } from '@tidemark/sdk-node';
    import { createAnalytics } from '@tidemark/sdk-web';
    import { AnalyticsBrowser } from '@tidemark/sdk-web/segment';
    import { createSurveys, type OfferedSurvey } from '@tidemark/sdk-web/surveys';
    import vitals from '@tidemark/sdk-web/vitals';

    export const regulars: SegmentDefinition = { where: { event: 'Order Completed', count: { op: 'gte', value: 3 } } };
    export const losses: Loss[] = [];
    const client = new Analytics({ writeKey: 'k', onError: (error) => losses.push(error) });
    client.track({ userId: 'u', event: 'E', properties: { n: 1 } });
    // @ts-expect-error a message needs somebody
    client.track({ event: 'E' });
    createAnalytics({ writeKey: 'k', host: 'http://x' }).identify('u', { plan: 'pro' });
    const typed = createAnalytics<{ 'Order Completed': { revenue: number } }>({ writeKey: 'k', host: 'http://x' });
    typed.track('Order Completed', { revenue: 1 });
    // @ts-expect-error not one of the events
    typed.track('Order Complete', { revenue: 1 });
    // @ts-expect-error not a number
    typed.track('Order Completed', { revenue: '1' });
    typed.use(vitals());
    const surveys = createSurveys();
    typed.use(surveys);
    surveys.on('completed', ({ key, answers }) => [key, answers.score]);
    export const offered: OfferedSurvey[] = surveys.list();
    export const shown: Promise<boolean> = surveys.show('nps', { language: 'en' });
    AnalyticsBrowser.load({ writeKey: 'k' }).track('E', { n: 1 });
    export const collector = await createCollector({
      database: ':memory:', writeKey: 'a', serverKey: 'b', adminKey: 'c', signingSecret: 'd',
    });
    export const answer: Response = await collector.fetch(new Request('http://x/healthz'));
    `,
  );
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2022',
    lib: ['es2023', 'dom'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
  };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['use.ts'] }));
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  const failed = await run(tsc, ['-p', project]).catch((error: { stdout: string }) => error);
  expect(failed.stdout).toBe('');
});
