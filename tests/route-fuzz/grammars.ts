// What each operation is asked with: ids in its path, values in its query, JSON in its body.
// Invariant: an operation, a place in a path or a parameter without a grammar is an error: no route is forgotten.

import type { ScriptMessage } from '../oracle/script.ts';
import { DEVICES, GROUPS, LIST_KEYS, SEGMENT_KEYS, SURVEYS, TRAIT_KEYS, USERS } from '../oracle/script.ts';
import type { Random } from '../random.ts';
import type { Operation } from './document.ts';
import { type DefinitionPools, drawDefinition, type Kind } from './draw-definitions.ts';
import { drawMessage } from './draw-messages.ts';
import { hostileText, hostileValue } from './hostile.ts';
import type { Drawable } from './json-text.ts';
import type { Known } from './known.ts';

/** What is drawn from. */
export interface Ground {
  readonly dice: Random;
  readonly known: Known;
  readonly messages: readonly ScriptMessage[];
  readonly definitions: DefinitionPools;
  readonly now: number;
  /** Of the collector's one source. */
  readonly sourceId: string;
  readonly webKey: string;
  sign(userId: string): string;
}

interface Grammar {
  /** How often it is asked, beside the others. */
  readonly weight: number;
  body?(ground: Ground, operation: Operation): Drawable;
  /** The place `{key}` in its path, if the body goes with one. */
  readonly kind?: Kind;
}

const read: Grammar = { weight: 2 };
const rare: Grammar = { weight: 0.4 };
const one: Grammar = {
  weight: 3,
  body: ({ messages, now, dice }) => drawMessage(messages, now, dice),
};
const batch: Grammar = { weight: 20, body: drawBatch };
const definition = (kind: Kind): Grammar => ({ weight: 3, kind });

const GRAMMARS: Readonly<Record<string, Grammar>> = {
  'POST /v1/batch': batch,
  'POST /v1/b': { ...batch, weight: 5 },
  'POST /v1/import': { ...batch, weight: 5 },
  'POST /beacon/v1/batch': { ...batch, weight: 5 },
  ...Object.fromEntries(
    ['identify', 'i', 'track', 't', 'page', 'p', 'screen', 's', 'group', 'g', 'alias', 'a', 'survey'].map(
      (name) => [`POST /v1/${name}`, one],
    ),
  ),
  'POST /v1/seen': { weight: 2, body: ({ known, dice }) => ({ messageIds: some(dice, known.messageIds) }) },
  'GET /v1/me': { weight: 8 },
  'POST /v1/me': { weight: 6, body: drawMe },
  'GET /v1/projects/{writeKey}/settings': rare,
  'GET /sourceConfig': rare,
  'GET /sourceConfig/': rare,
  'GET /sdk.js': rare,
  'GET /{name}': rare,
  'GET /analytics.js/v1/{writeKey}/analytics.min.js': rare,
  'GET /s/{key}': read,
  'GET /s/-/page.css': rare,
  'GET /healthz': rare,
  'GET /readyz': rare,
  'GET /metrics': rare,
  'GET /api/openapi.json': { weight: 0.1 },
  'GET /api/traits': read,
  'GET /api/segments': read,
  'GET /api/surveys': read,
  'GET /api/traits/{key}': read,
  'GET /api/segments/{key}': read,
  'GET /api/surveys/{key}': read,
  'PUT /api/traits/{key}': definition('traits'),
  'PUT /api/segments/{key}': definition('segments'),
  'PUT /api/surveys/{key}': definition('surveys'),
  'DELETE /api/traits/{key}': rare,
  'DELETE /api/segments/{key}': rare,
  'DELETE /api/surveys/{key}': rare,
  'GET /api/segments/{key}/profiles': read,
  'PUT /api/segments/{key}/profiles/{id}': read,
  'DELETE /api/segments/{key}/profiles/{id}': rare,
  'POST /api/segments/preview': { weight: 1, kind: 'segments' },
  'GET /api/segments/{key}/transitions': read,
  'GET /api/surveys/{key}/eligibility': read,
  'GET /api/surveys/{key}/responses': read,
  'GET /api/surveys/{key}/results': read,
  'GET /api/needs': read,
  'GET /api/profiles': read,
  'GET /api/profiles/{id}': { weight: 5 },
  'DELETE /api/profiles/{id}': { weight: 1.5 },
  'POST /api/profiles/merge': { weight: 2, body: ({ dice }) => users(dice, ['from', 'into']) },
  'POST /api/profiles/unmerge': { weight: 1, body: ({ dice }) => users(dice, ['userId']) },
  'GET /api/profiles/{id}/export': read,
  'GET /api/profiles/{id}/segments/{key}/why': { weight: 3 },
  'GET /api/profiles/{id}/events': { weight: 3 },
  'GET /api/profiles/{id}/transitions': read,
  'GET /api/groups/{id}': read,
  'GET /api/keys': rare,
  'POST /api/keys': { weight: 0.3, body: drawKey },
  'DELETE /api/keys/{id}': { weight: 0.3 },
  'GET /api/sources': rare,
  'GET /api/sources/{id}': rare,
  'PATCH /api/sources/{id}': { weight: 0.3, body: drawSource },
  'GET /api/sources/{id}/completeness': read,
  'POST /api/sources/{id}/rotate-signing-secret': { weight: 0.1 },
  'GET /api/rejected': { weight: 3 },
  'DELETE /api/rejected/{id}': read,
  'POST /api/rejected/{id}/replay': {
    weight: 3,
    body: ({ messages, now, dice }) =>
      dice.chance(0.5) ? {} : { message: drawMessage(messages, now, dice) },
  },
};

/** @throws for an operation that has none: whoever adds a route says what it is asked with. */
export function grammarOf({ id }: Operation): Grammar {
  const grammar = GRAMMARS[id];
  if (!grammar) throw new Error(`tests/route-fuzz/grammars.ts has no grammar for ${id}`);
  return grammar;
}

/** What the operation is asked with; `key` goes into the path where there is one. */
export function drawBody(operation: Operation, ground: Ground): { body: Drawable | undefined; key?: string } {
  const grammar = grammarOf(operation);
  if (grammar.kind) {
    const { key, definition: body } = drawDefinition(
      grammar.kind,
      operation,
      ground.definitions,
      ground.dice,
    );
    return { body, key };
  }
  return { body: grammar.body?.(ground, operation) };
}

const some = (dice: Random, items: readonly string[]): Drawable[] =>
  Array.from({ length: dice.below(4) }, () =>
    items.length > 0 && dice.chance(0.7) ? dice.pick(items) : hostileText(dice),
  );

/** Now and then more than a batch may hold. */
const LARGE = [500, 2_000, 2_001];

function drawBatch({ messages, now, dice }: Ground): Drawable {
  const message = (): Drawable => (dice.chance(0.03) ? hostileValue(dice) : drawMessage(messages, now, dice));
  const length = dice.chance(0.001) ? dice.pick(LARGE) : dice.below(8);
  return {
    batch: Array.from({ length }, message),
    ...(dice.chance(0.3) ? { sentAt: new Date(now - dice.below(30_000)).toISOString() } : {}),
    ...(dice.chance(0.05) ? { context: dice.chance(0.5) ? { ip: '203.0.113.9' } : hostileValue(dice) } : {}),
  };
}

function users(dice: Random, fields: readonly string[]): Drawable {
  return Object.fromEntries(
    fields.map((field) => [field, dice.chance(0.9) ? dice.pick(USERS) : hostileValue(dice)]),
  );
}

function drawKey({ dice }: Ground): Drawable {
  return {
    kind: dice.pick(['web', 'server', 'admin', 'admin']),
    ...(dice.chance(0.4) ? { role: dice.pick(['admin', 'read']) } : {}),
    ...(dice.chance(0.4) ? { name: hostileText(dice) } : {}),
  };
}

function drawSource({ dice }: Ground): Drawable {
  return {
    ...(dice.chance(0.5) ? { requireSignature: dice.chance(0.3) } : {}),
    ...(dice.chance(0.5)
      ? { allowedOrigins: dice.chance(0.7) ? [] : ['https://shop.example', hostileText(dice)] }
      : {}),
  };
}

function drawMe({ dice, sign }: Ground): Drawable {
  const userId = dice.chance(0.9) ? dice.pick(USERS) : hostileText(dice);
  return {
    ...(dice.chance(0.7) ? { userId } : {}),
    ...(dice.chance(0.6) ? { anonymousId: dice.chance(0.9) ? dice.pick(DEVICES) : hostileValue(dice) } : {}),
    ...(dice.chance(0.3) ? { userSignature: dice.chance(0.7) ? sign(userId) : hostileText(dice) } : {}),
    ...(dice.chance(0.2) ? { url: dice.chance(0.5) ? 'https://shop.example/cart' : hostileText(dice) } : {}),
  };
}

const person = ({ dice, known }: Ground): string => {
  if (dice.chance(0.25) && known.profiles.length > 0) return dice.pick(known.profiles);
  return dice.chance(0.5) ? `user:${dice.pick(USERS)}` : `anon:${dice.pick(DEVICES)}`;
};
const orNone = (ground: Ground, items: readonly string[]): string =>
  items.length > 0 ? ground.dice.pick(items) : '1';
const segmentKey = ({ dice }: Ground): string => dice.pick([...SEGMENT_KEYS, ...LIST_KEYS]);

/** Places in paths, by the path up to them: the first that fits. */
const PLACES: readonly [RegExp, (ground: Ground) => string][] = [
  [/^\/api\/segments\/\{key\}\/profiles\/\{id\}/, person],
  [/^\/api\/profiles\/\{id\}\/segments\/\{key\}/, segmentKey],
  [/^\/api\/(profiles)\/\{id\}/, person],
  [/^\/api\/groups\/\{id\}/, ({ dice }) => dice.pick(GROUPS)],
  [/^\/api\/keys\/\{id\}/, (ground) => orNone(ground, ground.known.keyIds)],
  [/^\/api\/sources\/\{id\}/, ({ sourceId }) => sourceId],
  [/^\/api\/rejected\/\{id\}/, (ground) => orNone(ground, ground.known.rejected)],
  [/^\/api\/traits\/\{key\}/, ({ dice }) => dice.pick(TRAIT_KEYS)],
  [/^\/api\/segments\/\{key\}/, segmentKey],
  [/^\/(api\/surveys|s)\/\{key\}/, ({ dice }) => dice.pick(SURVEYS)],
  [/\{writeKey\}/, ({ webKey }) => webKey],
  [/^\/\{name\}/, ({ dice }) => dice.pick(['sdk-surveys.js', 'sdk-more.js', 'sdk-none.js'])],
];

/** The text for a place of a path, not yet encoded. `before` is the described path up to the end of the place. */
export function drawPlace(before: string, ground: Ground): string {
  const found = PLACES.find(([pattern]) => pattern.test(before));
  if (!found)
    throw new Error(`tests/route-fuzz/grammars.ts has nothing for the place at the end of ${before}`);
  return ground.dice.chance(0.06) ? hostileText(ground.dice) : found[1](ground);
}

const QUERIES: Readonly<Record<string, (ground: Ground) => string>> = {
  reply: ({ dice }) => dice.pick(['me', 'me', 'me', 'you']),
  writeKey: ({ webKey }) => webKey,
  limit: ({ dice }) => dice.pick(['1', '2', '50', '1000', '1001', '0', '-1', '1e2', '']),
  cursor: (ground) => orNone(ground, ground.known.cursors),
  after: ({ dice }) => dice.pick(['0', '1', '5', '100', '999999999999999', '-1']),
  anonymousId: ({ dice }) => dice.pick(DEVICES),
  userId: ({ dice }) => dice.pick(USERS),
  userSignature: ({ dice, sign }) => sign(dice.pick(USERS)),
  url: ({ dice }) => dice.pick(['https://shop.example/cart', 'shop', 'http://[', 'javascript:alert(1)']),
  id: person,
  q: ({ dice }) => dice.pick([...USERS, ...DEVICES, 'u', 'x@shop.example', 'both', '%']),
  segment: segmentKey,
  suppress: ({ dice }) => dice.pick(['false', 'false', 'false', 'true', 'maybe']),
  survey: ({ dice }) => dice.pick([...SURVEYS, 'none']),
  within: ({ dice }) => dice.pick(['5s', '30d', '100w', '0d', 'x']),
  from: ({ dice }) => dice.pick(['2026-06-09', '2026-06-10', '2026-06-10T12:00:00Z', '2020-01-01', 'x']),
  to: ({ dice }) => dice.pick(['2026-06-10', '2026-06-11', '2026-06-10T12:00:05Z', 'x']),
  by: ({ dice }) => dice.pick(['segment:s1', 'computed:t1', 'trait:v', 'tag', 's2', 'segment:', 'x:y']),
  lang: ({ dice }) => dice.pick(['en', 'zh', 'ZH-cn', 'xx']),
  preview: ({ dice }) => dice.pick(['1', '0']),
  verified: ({ dice }) => dice.pick(['true', 'false', 'yes']),
};

/** The value of a parameter of the query. */
export function drawQuery(name: string, ground: Ground): string {
  const draw = QUERIES[name];
  if (!draw) throw new Error(`tests/route-fuzz/grammars.ts has nothing for the parameter ${name}`);
  return ground.dice.chance(0.12) ? hostileText(ground.dice) : draw(ground);
}
