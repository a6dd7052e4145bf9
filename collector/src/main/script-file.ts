// Finds the browser SDK that the collector serves: beside the published collector, or as built in the workspace.
// Invariant: null or nothing when there is none, never an error; the collector works without it.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PLACES = ['./sdk.js', '../../dist/sdk.js', '../../../sdk-web/dist/sdk.js'];
/** What is served besides /sdk.js. */
const MODULE = /^(sdk-[a-z-]+|segment\.min)\.js$/;

function findScript(): string | undefined {
  return PLACES.map((place) => fileURLToPath(new URL(place, import.meta.url))).find(existsSync);
}

export function readScript(): string | null {
  const file = findScript();
  return file === undefined ? null : readFileSync(file, 'utf8');
}

/** The scripts beside it, by file name. */
export function readModules(): Record<string, string> {
  const file = findScript();
  if (file === undefined) return {};
  const folder = dirname(file);
  const names = readdirSync(folder).filter((name) => MODULE.test(name));
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}
