// What a new collector says about itself, once.
// Invariant: secrets go to the terminal or to a file of mode 0600, never to a log.
import { closeSync, fchmodSync, openSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FirstRun } from '../http/start-keys.ts';
import { SECRET_NAMES, SECRETS } from './settings.ts';

export interface Announcement {
  /** Where clients reach the collector. */
  url: string;
  database: string;
  keys: FirstRun;
  /** Those that settings gave, and the start took. */
  given: ReadonlySet<SecretField>;
}

type SecretField = keyof typeof SECRET_NAMES;

export function announceFirstRun(
  announcement: Announcement,
  isTerminal: boolean,
  print: (text: string) => void,
): void {
  const { database, given } = announcement;
  const text = firstRunText(announcement);
  const isSecret = SECRETS.some((field) => field !== 'writeKey' && !given.has(field));
  if (isTerminal || database === ':memory:' || !isSecret) {
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

/** What was given is where whoever gave it keeps it; only a web key, which is public, is shown all the same. */
function firstRunText({ url, database, keys, given }: Announcement): string {
  const { writeKey } = keys;
  const shown = (field: SecretField): string =>
    given.has(field) ? `as given by ${SECRET_NAMES[field]}` : keys[field];
  const [serverKey, adminKey, signingSecret] = [
    shown('serverKey'),
    shown('adminKey'),
    shown('signingSecret'),
  ];
  const bearer = given.has('adminKey') ? '$TIDEMARK_ADMIN_KEY' : adminKey;
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
    curl ${url}/api/profiles/user:ada -H "Authorization: Bearer ${bearer}"

`;
}
