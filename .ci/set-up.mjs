// Brings a fresh clone to where it can build and run: Node, compiler, packages. Only Node built-ins.
// Invariant: says what it does and for how long; a failure names its cause and the way out.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
export const say = (text) => console.log(`tidemark: ${text}`);

export function fail(text) {
  console.error(`tidemark: ${text}`);
  process.exit(1);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(`Node ${process.versions.node} is too old; Tidemark needs 20.19 or newer.`);
}

/** Programs that better-sqlite3 is compiled with where its ready-made binary cannot be downloaded. */
function missingCompilers() {
  return ['python3', 'make', 'g++'].filter((name) => spawnSync('which', [name]).status !== 0);
}

const stamp = join(root, 'node_modules', '.tidemark-installed');

function isInstalled() {
  if (!existsSync(stamp)) return false;
  return readFileSync(stamp, 'utf8') === signature();
}

/** Packages are installed anew when the lock file or the Node version changes. */
function signature() {
  return `${process.versions.modules} ${readFileSync(join(root, 'package-lock.json'), 'utf8').length} ${statSync(join(root, 'package-lock.json')).mtimeMs}`;
}

function isUsable() {
  const check = "const D = require('better-sqlite3'); new D(':memory:').close()";
  return spawnSync(process.execPath, ['-e', check], { cwd: root }).status === 0;
}

/** Runs a command, showing that time passes; its output goes to a log that is shown if it fails. */
export function run(title, command, args, { patience = '' } = {}) {
  return new Promise((resolve, reject) => {
    const logs = join(root, 'node_modules', '.tidemark-logs');
    mkdirSync(logs, { recursive: true });
    const log = join(logs, `${title.replaceAll(/[^a-z]+/gi, '-')}.log`);
    const out = openSync(log, 'w');
    const start = Date.now();
    say(`${title}…`);
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', out, out] });
    const tick = setInterval(() => {
      const seconds = Math.round((Date.now() - start) / 1000);
      say(`${title}: ${seconds} s so far${patience && seconds >= 15 ? ` (${patience})` : ''}`);
    }, 15_000);
    child.on('error', reject);
    child.on('close', (code) => {
      clearInterval(tick);
      const seconds = ((Date.now() - start) / 1000).toFixed(1);
      if (code === 0) {
        say(`${title}: done in ${seconds} s`);
        resolve();
        return;
      }
      console.error(readFileSync(log, 'utf8').split('\n').slice(-60).join('\n'));
      reject(new Error(`${title} failed after ${seconds} s (exit code ${code})`));
    });
  });
}

export async function install() {
  checkNode();
  if (isInstalled()) return;
  if (
    existsSync(join(root, 'node_modules', 'better-sqlite3')) &&
    isUsable() &&
    existsSync(join(root, 'node_modules', '.package-lock.json'))
  ) {
    writeFileSync(stamp, signature());
    return;
  }
  const missing = missingCompilers();
  if (missing.length > 0) {
    say(
      `not found: ${missing.join(', ')}. They are needed only if SQLite must be compiled; on Debian: apt-get install -y python3 make g++`,
    );
  }
  await run('Installing packages', 'npm', ['ci', '--no-audit', '--no-fund'], {
    patience: 'SQLite is compiled where no ready-made binary can be had; that takes a few minutes, once',
  }).catch((error) =>
    fail(`${error.message}.${missing.length > 0 ? ` Install ${missing.join(', ')} and try again.` : ''}`),
  );
  writeFileSync(stamp, signature());
}

function newest(folder) {
  let latest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === 'node_modules' || entry.name === 'dist') continue;
    const path = join(folder, entry.name);
    latest = Math.max(latest, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs);
  }
  return latest;
}

function isBuilt() {
  const built = ['sdk-web/dist/sdk.js', 'sdk-node/dist/index.js', 'collector/dist/cli.js'].map((path) =>
    join(root, path),
  );
  if (!built.every(existsSync)) return false;
  const oldest = Math.min(...built.map((path) => statSync(path).mtimeMs));
  const sources = ['sdk-web/src', 'sdk-node/src', 'collector/src'].map((path) => newest(join(root, path)));
  return Math.max(...sources, statSync(join(root, 'rollup.config.mjs')).mtimeMs) <= oldest;
}

export async function build() {
  if (isBuilt()) return;
  await run('Building', 'npm', ['run', 'build']).catch((error) => fail(error.message));
}
