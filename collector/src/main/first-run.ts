// What a new collector says about itself, once.
// Invariant: secrets go to the terminal or to a file of mode 0600, never to a log.
import { closeSync, fchmodSync, openSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FirstRun } from '../http/start-keys.ts';

export interface Announcement {
  /** Where clients reach the collector. */
  url: string;
  database: string;
  keys: FirstRun;
}

export function announceFirstRun(
  { url, database, keys }: Announcement,
  isTerminal: boolean,
  print: (text: string) => void,
): void {
  const text = firstRunText({ url, database, keys });
  if (isTerminal || database === ':memory:') {
    print(text);
    return;
  }
  const file = join(dirname(database), 'first-run.txt');
  append(file, text);
  print(
    `First start: the keys are in ${file} (only you can read it; delete it once they are kept elsewhere)\n`,
  );
}

/** Another database of the same folder may have put its keys there, and whoever made the file chose its mode. */
function append(file: string, text: string): void {
  const opened = openSync(file, 'a', 0o600);
  try {
    fchmodSync(opened, 0o600);
    writeSync(opened, text);
  } finally {
    closeSync(opened);
  }
}

function firstRunText({
  url,
  database,
  keys: { writeKey, serverKey, adminKey, signingSecret },
}: Announcement): string {
  return `
  The keys of ${database} are shown this once. Keep them.

    web write key      ${writeKey}      public, for pages
    server write key   ${serverKey}      secret, for back ends
    admin key          ${adminKey}      secret, for /api
    signing secret     ${signingSecret}

  Put this into your pages:

    <script async src="${url}/sdk.js" data-write-key="${writeKey}"></script>

  Or try it from here:

    curl ${url}/v1/track -u ${writeKey}: -d '{"userId":"ada","event":"Hello"}'
    curl ${url}/api/profiles/user:ada -H 'Authorization: Bearer ${adminKey}'

`;
}
