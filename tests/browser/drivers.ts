// Firefox and WebKitGTK, driven over their own protocols: Marionette and WebDriver.
// Invariant: each has a profile of its own, listens on 127.0.0.1 only, and is gone after `close`.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Driver {
  go(url: string): Promise<void>;
  /** Runs a function body in the page; it may answer a promise. */
  run<T>(body: string): Promise<T>;
  close(): Promise<void>;
}

/** A browser that has not come up by then will not, ms. */
const START_MS = 60_000;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const find = (...names: string[]): string | null =>
  names.map((name) => spawnSync('which', [name], { encoding: 'utf8' }).stdout.trim()).find(Boolean) ?? null;

/** Programs each needs; null where it is not installed. */
export const programs = {
  firefox: find('firefox-esr', 'firefox'),
  webkit: find('WebKitWebDriver') && (process.env.DISPLAY || find('Xvfb')) ? find('WebKitWebDriver') : null,
};

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await Promise.race([gone, pause(5_000)]);
  child.kill('SIGKILL');
}

/** Tries again until it works or the browser should have been up. */
async function persist<T>(attempt: () => Promise<T>): Promise<T> {
  const limit = Date.now() + START_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > limit) throw error;
      await pause(200);
    }
  }
}

/** A script that both protocols call with a callback as its last argument. */
const wrapped = (body: string): string => `
  const done = arguments[arguments.length - 1];
  Promise.resolve((async () => { ${body} })()).then(
    (value) => done({ value }), (error) => done({ error: String(error) }));`;

function answerOf<T>(answer: { value?: T; error?: string }): T {
  if (answer.error !== undefined) throw new Error(answer.error);
  return answer.value as T; // what the caller's script answers
}

export async function openFirefox(program: string): Promise<Driver> {
  const profile = mkdtempSync(join(tmpdir(), 'tidemark-firefox-'));
  const port = await freePort();
  writeFileSync(join(profile, 'user.js'), `user_pref('marionette.port', ${port});\n`);
  const child = spawn(program, ['--headless', '--marionette', '--no-remote', '--profile', profile], {
    stdio: 'ignore',
    env: { ...process.env, HOME: profile },
  });
  const close = async (): Promise<void> => {
    await end(child);
    rmSync(profile, { recursive: true, force: true });
  };
  try {
    const socket = await persist(
      () =>
        new Promise<Socket>((resolve, reject) => {
          const opening = connect(port, '127.0.0.1', () => resolve(opening));
          opening.once('error', reject);
        }),
    );
    const command = marionette(socket);
    await command('WebDriver:NewSession', { capabilities: { alwaysMatch: { pageLoadStrategy: 'normal' } } });
    await command('WebDriver:SetTimeouts', { script: START_MS });
    return {
      go: async (url) => void (await command('WebDriver:Navigate', { url })),
      run: async (body) =>
        answerOf(
          (
            (await command('WebDriver:ExecuteAsyncScript', { script: wrapped(body), args: [] })) as {
              value: object;
            }
          ).value,
        ),
      async close() {
        socket.destroy();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Marionette: `length:[0, id, command, parameters]`, answered by `length:[1, id, error, result]`. */
function marionette(socket: Socket): (command: string, parameters: object) => Promise<unknown> {
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let buffer = Buffer.alloc(0);
  let last = 0;
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    buffer = Buffer.concat([buffer, chunk]);
    for (;;) {
      const colon = buffer.indexOf(':');
      const length = Number(buffer.subarray(0, colon));
      if (colon < 0 || buffer.length < colon + 1 + length) return;
      const message: unknown = JSON.parse(buffer.subarray(colon + 1, colon + 1 + length).toString());
      buffer = buffer.subarray(colon + 1 + length);
      // The first is a greeting, no list.
      if (!Array.isArray(message)) continue;
      const [, id, error, result] = message;
      const { resolve, reject } = waiting.get(id) ?? {};
      if (error) reject?.(new Error(error.message));
      else resolve?.(result);
    }
  });
  return (command, parameters) =>
    new Promise((resolve, reject) => {
      const id = ++last;
      waiting.set(id, { resolve, reject });
      const text = JSON.stringify([0, id, command, parameters]);
      socket.write(`${Buffer.byteLength(text)}:${text}`);
    });
}

export async function openWebKit(program: string): Promise<Driver> {
  const home = mkdtempSync(join(tmpdir(), 'tidemark-webkit-'));
  const children: ChildProcess[] = [];
  const close = async (): Promise<void> => {
    for (const child of children.reverse()) await end(child);
    rmSync(home, { recursive: true, force: true });
  };
  try {
    const display = process.env.DISPLAY ?? startDisplay(children);
    const port = await freePort();
    children.push(
      spawn(program, ['--host=127.0.0.1', `--port=${port}`], {
        stdio: 'ignore',
        env: { ...process.env, HOME: home, XDG_DATA_HOME: home, XDG_CACHE_HOME: home, DISPLAY: display },
      }),
    );
    const call = async (method: string, path: string, body?: object): Promise<unknown> => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      const { value } = (await answer.json()) as { value: { message?: string } };
      if (!answer.ok) throw new Error(value.message);
      return value;
    };
    const { sessionId } = (await persist(() =>
      call('POST', '/session', { capabilities: { alwaysMatch: browserOptions() } }),
    )) as { sessionId: string };
    const session = `/session/${sessionId}`;
    await call('POST', `${session}/timeouts`, { script: START_MS });
    return {
      go: async (url) => void (await call('POST', `${session}/url`, { url })),
      run: async (body) =>
        answerOf(
          (await call('POST', `${session}/execute/async`, { script: wrapped(body), args: [] })) as object,
        ),
      async close() {
        await call('DELETE', session).catch(() => {});
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Debian's little browser of WebKitGTK, where the driver does not know it by itself. */
function browserOptions(): object {
  for (const folder of existsSync('/usr/lib') ? readdirSync('/usr/lib') : [])
    for (const version of ['webkit2gtk-4.1', 'webkit2gtk-4.0', 'webkitgtk-6.0']) {
      const binary = join('/usr/lib', folder, version, 'MiniBrowser');
      if (existsSync(binary)) return { 'webkitgtk:browserOptions': { binary, args: ['--automation'] } };
    }
  return {};
}

function startDisplay(children: ChildProcess[]): string {
  // Displays are numbered; the process's own number keeps two runs apart.
  const display = `:${1_000 + (process.pid % 30_000)}`;
  children.push(
    spawn('Xvfb', [display, '-screen', '0', '1024x768x24', '-nolisten', 'tcp'], { stdio: 'ignore' }),
  );
  return display;
}
