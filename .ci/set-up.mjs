// Brings a fresh clone to where it can build and run: Node, compiler, packages. Only Node built-ins.
// Invariant: says what it does and for how long; a failure names its cause and the way out.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
export const say = (text) => console.log(`tidemark: ${text}`);

/** Runs a command's set-up; a failure is told in plain words, and `after` says how it ends. */
export async function orEnd(work, after = () => process.exit(1)) {
  try {
    await work();
  } catch (error) {
    console.error(`tidemark: ${error.message}`);
    after();
  }
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new Error(`Node ${process.versions.node} is too old; Tidemark needs 20.19 or newer.`);
}

/** Programs that better-sqlite3 is compiled with where its ready-made binary cannot be downloaded. */
function missingCompilers() {
  return ['python3', 'make', 'g++'].filter((name) => spawnSync('which', [name]).status !== 0);
}

const stamp = join(root, 'node_modules', '.tidemark-installed');

/** What was installed: this lock file, for this binary interface of Node. */
function signature() {
  const lock = readFileSync(join(root, 'package-lock.json'));
  return `${process.versions.modules} ${createHash('sha256').update(lock).digest('hex')}`;
}

/** Whether somebody ran `npm ci` or `npm install` already, for this lock file and this Node. */
function isInstalledByHand() {
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const present = JSON.parse(readFileSync(installed, 'utf8')).packages;
  const isSame = Object.entries(wanted).every(
    ([path, entry]) =>
      !path.startsWith('node_modules/') || entry.optional || present[path]?.version === entry.version,
  );
  return isSame && canOpenSqlite();
}

function canOpenSqlite() {
  const check = "const D = require('better-sqlite3'); new D(':memory:').close()";
  return spawnSync(process.execPath, ['-e', check], { cwd: root }).status === 0;
}

/** Time between two signs of life, ms. */
const TICK_MS = 15_000;
/** Lines of a failed command's output that are shown; its log holds all. */
const SHOWN_LINES = 60;

/** Runs a command, showing that time passes; its output goes to a log that is shown if it fails. */
export function run(title, command, args, { patience = '' } = {}) {
  return new Promise((resolve, reject) => {
    const folder = mkdtempSync(join(tmpdir(), 'tidemark-'));
    const log = join(folder, `${title.replaceAll(/[^a-z]+/gi, '-').toLowerCase()}.log`);
    const out = openSync(log, 'w');
    const start = Date.now();
    say(`${title}…`);
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', out, out] });
    const tick = setInterval(() => {
      const seconds = Math.round((Date.now() - start) / 1000);
      say(`${title}: ${seconds} s so far${patience && ` (${patience})`}`);
    }, TICK_MS);
    const end = () => {
      clearInterval(tick);
      closeSync(out);
      return ((Date.now() - start) / 1000).toFixed(1);
    };
    child.on('error', (error) => {
      end();
      reject(new Error(`${title} failed: ${command} cannot be run (${error.message})`));
    });
    child.on('close', (code) => {
      const seconds = end();
      if (code === 0) {
        say(`${title}: done in ${seconds} s`);
        rmSync(folder, { recursive: true, force: true });
        resolve();
        return;
      }
      console.error(readFileSync(log, 'utf8').trimEnd().split('\n').slice(-SHOWN_LINES).join('\n'));
      reject(new Error(`${title} failed after ${seconds} s (exit code ${code}); all of its output: ${log}`));
    });
  });
}

/** Installs the packages unless they are there. @throws Error in plain words */
export async function install() {
  checkNode();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === signature()) return;
  if (!isInstalledByHand()) {
    const missing = missingCompilers();
    if (missing.length > 0)
      say(
        `not found: ${missing.join(', ')}. They are needed only if SQLite must be compiled; on Debian: apt-get install -y ${missing.join(' ')}`,
      );
    // npm's own level: a silent `npm test` would hide what went wrong here.
    await run('Installing packages', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=warn'], {
      patience: 'SQLite is compiled where no ready-made binary can be had: a few minutes, once',
    }).catch((error) => {
      const hint = missing.length > 0 ? `\nInstall ${missing.join(', ')} and try again.` : '';
      throw new Error(`${error.message}${hint}`);
    });
  }
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

/** Builds the packages unless they are newer than their sources. @throws Error in plain words */
export async function build() {
  if (!isBuilt()) await run('Building', 'npm', ['run', 'build', '--loglevel=warn']);
}
