// Finds the browser SDK that /sdk.js serves: beside the published collector, or as built in the workspace.
// Invariant: null when there is none, never an error; the collector works without it.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PLACES = ['./sdk.js', '../../dist/sdk.js', '../../../sdk-web/dist/sdk.js'];

export function readScript(): string | null {
  for (const place of PLACES) {
    const file = fileURLToPath(new URL(place, import.meta.url));
    if (existsSync(file)) return readFileSync(file, 'utf8');
  }
  return null;
}
