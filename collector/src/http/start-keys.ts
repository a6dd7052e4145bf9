// The keys and the source that a start begins with: what is stored, what is given, and first ones to be announced.
// Invariant: a random key that nobody was shown lasts until the next start at most; a given one that was revoked, and
// a given secret that was rotated away, come back by no start.
import {
  type FixedKeys,
  hashOf,
  type KeyRecord,
  type KeyType,
  newKey,
  newSecret,
  recordOf,
  type Source,
} from './key-record.ts';

/** What a first start made, to be shown once. */
export interface FirstRun {
  writeKey: string;
  serverKey: string;
  adminKey: string;
  signingSecret: string;
}

export interface Start {
  records: KeyRecord[];
  source: Source;
  /** Null where nothing is to be shown, or nobody shows it. */
  firstRun: FirstRun | null;
  /** Given, but not taken: revoked or rotated away, and the same since. */
  refused: (keyof FixedKeys)[];
}

const KINDS: readonly [Exclude<keyof FixedKeys, 'signingSecret'>, KeyType][] = [
  ['writeKey', 'web'],
  ['serverKey', 'server'],
  ['adminKey', 'admin'],
];

/** @param makesKeys whether random keys are made where none was shown yet, by whoever announces them */
export function startKeys(
  stored: { records: KeyRecord[]; source: Source | null },
  fixed: FixedKeys,
  { makesKeys, now }: { makesKeys: boolean; now: number },
): Start {
  const createdAt = new Date(now).toISOString();
  const isShown = stored.source !== null && stored.source.unshown === null;
  const announces = makesKeys && !isShown;
  const before = stored.source ?? newSource(fixed.signingSecret ?? newSecret(), createdAt);
  const given = takeGiven(shownOf(stored), before, fixed, createdAt);
  const first: KeyRecord[] = [];
  const keys: Partial<FirstRun> = {};
  for (const [name, kind] of announces ? KINDS : []) {
    const taken = given.refused.includes(name) ? undefined : fixed[name];
    const key = taken ?? newKey(kind);
    if (taken === undefined) first.push(recordOf(kind, key, { createdAt, name: 'first' }));
    keys[name] = key;
  }
  // Whoever gave all keys needs to be shown none.
  const isKnown = isShown || (!announces && stored.source === null && KINDS.every(([name]) => fixed[name]));
  const { signingSecret } = given.source;
  return {
    records: [...given.records, ...first],
    source: { ...given.source, unshown: isKnown ? null : first.map(({ id }) => id) },
    firstRun: announces ? ({ ...keys, signingSecret } as FirstRun) : null, // one key of each kind, above
    refused: given.refused,
  };
}

/** What is given takes the place of what was given before, unless it is that very value and was done away with. */
function takeGiven(
  records: KeyRecord[],
  source: Source,
  fixed: FixedKeys,
  createdAt: string,
): Pick<Start, 'records' | 'source' | 'refused'> {
  const refused: (keyof FixedKeys)[] = [];
  const given = { ...source.given };
  let { signingSecret } = source;
  let held = records;
  for (const [name, kind] of KINDS) {
    const key = fixed[name];
    if (key === undefined) continue;
    given[name] = hashOf(key);
    if (held.some((one) => one.kind === kind && one.hash === given[name])) continue;
    if (source.given[name] === given[name] || source.revoked.includes(hashOf(key))) refused.push(name);
    else {
      const others = held.filter((one) => !(one.fixed && one.kind === kind));
      held = [...others, recordOf(kind, key, { createdAt, name: 'given at start', fixed: true })];
    }
  }
  if (fixed.signingSecret !== undefined) {
    given.signingSecret = hashOf(fixed.signingSecret);
    if (isRotatedAway(source, fixed.signingSecret)) refused.push('signingSecret');
    else signingSecret = fixed.signingSecret;
  }
  return { records: held, source: { ...source, signingSecret, given }, refused };
}

function newSource(signingSecret: string, createdAt: string): Source {
  return {
    id: 'src_1',
    name: 'default',
    signingSecret,
    previous: [],
    requireSignature: false,
    allowedOrigins: [],
    createdAt,
    unshown: [],
    given: {},
    revoked: [],
  };
}

/** Without a source there was no start that showed anything. */
function shownOf({ records, source }: { records: KeyRecord[]; source: Source | null }): KeyRecord[] {
  if (source === null) return [];
  return records.filter(({ id }) => !source.unshown?.includes(id));
}

function isRotatedAway({ signingSecret, given, previous }: Source, secret: string): boolean {
  if (secret === signingSecret) return false;
  // A file of an earlier version has no hash of what was given, but the last secret that was rotated away.
  if (given.signingSecret === undefined) return previous.some((held) => held.secret === secret);
  return given.signingSecret === hashOf(secret);
}
