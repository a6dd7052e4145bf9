// Finds a Chromium for the browser tests, or installs Debian's where that is allowed.
// Invariant: answers a path that exists, or says plainly what to do.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { run, say } from './set-up.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge'];
const PLACES = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

export function findChromium() {
  const given = process.env.CHROME_PATH;
  if (given && existsSync(given)) return given;
  for (const name of NAMES) {
    const found = spawnSync('which', [name], { encoding: 'utf8' });
    if (found.status === 0) return found.stdout.trim();
  }
  return PLACES.find(existsSync) ?? null;
}

export async function requireChromium() {
  const found = findChromium();
  if (found) return found;
  const isRoot = process.getuid?.() === 0;
  const sudo = !isRoot && spawnSync('sudo', ['-n', 'true']).status === 0 ? ['sudo'] : [];
  if (spawnSync('which', ['apt-get']).status === 0 && (isRoot || sudo.length > 0)) {
    say('no Chromium found; installing Debian’s for the browser tests');
    const command = (...args) => [...sudo, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...args];
    const [update, ...updateArgs] = command('update');
    const [add, ...addArgs] = command('install', '-y', '--no-install-recommends', 'chromium');
    await run('Reading package lists', update, updateArgs);
    await run('Installing Chromium', add, addArgs);
    const installed = findChromium();
    if (installed) return installed;
  }
  throw new Error(
    'The browser tests need Chromium or Chrome: install one, or set CHROME_PATH to its program.',
  );
}
