// What a new collector says about itself, once.
// Invariant: secrets go to the terminal or to a file of mode 0600, never to a log.
import { writeFileSync } from 'node:fs';
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
  const text = firstRunText(url, keys);
  if (isTerminal || database === ':memory:') {
    print(text);
    return;
  }
  const file = join(dirname(database), 'first-run.txt');
  writeFileSync(file, text, { mode: 0o600 });
  print(
    `First start: the keys are in ${file} (only you can read it; delete it once they are kept elsewhere)\n`,
  );
}

export function firstRunText(
  url: string,
  { writeKey, serverKey, adminKey, signingSecret }: FirstRun,
): string {
  return `
  These keys are shown this once. Keep them.

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
