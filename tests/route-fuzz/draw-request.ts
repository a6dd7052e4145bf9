// Draws one whole request: whose key, which operation, its path, query, headers and body, and what is wrong with it.
// Invariant: the request is plain data: it can be printed, made shorter and sent again.
import { gzipSync } from 'node:zlib';
import type { Random } from '../random.ts';
import { type Operation, operations } from './document.ts';
import { drawBody, drawPlace, drawQuery, type Ground, grammarOf } from './grammars.ts';
import { hostileText, hostileValue } from './hostile.ts';
import { type Drawable, isRecord, jsonText } from './json-text.ts';
import type { Who } from './known.ts';
import { mutate } from './mutate.ts';

export interface Drawn {
  /** What was meant; a changed method or path may make it another or none. */
  readonly operation: string;
  /** Whether method and path are still those of the operation. */
  readonly isPlain: boolean;
  /** Whose key goes with it. */
  readonly who: Who | 'nobody' | 'wrong';
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array<ArrayBuffer> | null;
  /** Where it comes from; null: from the process itself. */
  readonly address: string | null;
}

export interface KeyRing {
  keyOf(who: Who, dice: Random): string;
}

export function drawRequest(ground: Ground, ring: KeyRing): Drawn {
  const { dice } = ground;
  const operation = drawOperation(dice);
  const { body: meant, key } = drawBody(operation, ground);
  const who = drawWho(operation, dice);
  const headers = new Map<string, string>();
  const query = queryOf(operation, ground);
  const secret = who === 'nobody' ? null : who === 'wrong' ? hostileText(dice) : ring.keyOf(who, dice);
  const bare = meant === undefined && operation.bodySchema && dice.chance(0.7) ? hostileValue(dice) : meant;
  const mutated = bare !== undefined && dice.chance(0.1) ? mutate(bare, dice) : bare;
  const body = presentKey(operation, secret, { headers, query, body: mutated, dice });
  addHeaders(headers, ground);
  const bytes = body === undefined ? null : bytesOf(body, headers, dice);
  const path = pathOf(operation, key, ground);
  const isOdd = dice.chance(0.02);
  const text =
    query.length > 0 ? `?${query.map(([name, value]) => `${name}=${encode(value, dice)}`).join('&')}` : '';
  const method = dice.chance(0.02)
    ? dice.pick(['HEAD', 'OPTIONS', 'PATCH', 'PUT', 'QUERY', 'POST'])
    : operation.method;
  return {
    operation: operation.id,
    isPlain: !isOdd && method === operation.method && isStill(operation, path),
    who,
    method,
    path: (isOdd ? oddPath(path, dice) : path) + text,
    headers: [...headers].filter(([, value]) => isHeaderValue(value)),
    // Requests of these methods have no body.
    body: method === 'GET' || method === 'HEAD' ? null : bytes,
    address: dice.pick([null, null, null, '127.0.0.1', '203.0.113.7', '2001:db8::1']),
  };
}

const total = operations.reduce((sum, operation) => sum + grammarOf(operation).weight, 0);

function drawOperation(dice: Random): Operation {
  let left = (dice.below(1e9) / 1e9) * total;
  for (const operation of operations) {
    left -= grammarOf(operation).weight;
    if (left < 0) return operation;
  }
  return operations[0] as Operation; // rounding alone leads here
}

function drawWho({ needs }: Operation, dice: Random): Drawn['who'] {
  if (dice.chance(0.06)) return dice.pick(['nobody', 'wrong', 'web', 'server', 'admin', 'read'] as const);
  if (needs === 'admin') return dice.chance(0.05) ? 'read' : 'admin';
  return needs === 'write' ? dice.pick(['web', 'web', 'server'] as const) : 'nobody';
}

function queryOf({ query }: Operation, ground: Ground): [string, string][] {
  const { dice } = ground;
  const drawn = query
    .filter(() => dice.chance(0.4))
    .map((name): [string, string] => [name, drawQuery(name, ground)]);
  if (dice.chance(0.03)) drawn.push([hostileText(dice).slice(0, 40), hostileText(dice)]);
  if (drawn.length > 0 && dice.chance(0.03)) drawn.push(dice.pick(drawn));
  return drawn;
}

/** Puts the key where clients put it, sometimes a second one where it must not count. */
function presentKey(
  { needs }: Operation,
  secret: string | null,
  {
    headers,
    query,
    body,
    dice,
  }: {
    headers: Map<string, string>;
    query: [string, string][];
    body: Drawable | undefined;
    dice: Random;
  },
): Drawable | undefined {
  if (secret === null) return body;
  const isAdmin = needs !== 'write' ? dice.chance(0.97) : dice.chance(0.02);
  if (isAdmin) {
    headers.set('authorization', `${dice.pick(['Bearer', 'bearer', 'BEARER'])} ${secret}`);
    return body;
  }
  const place = dice.below(body !== undefined && isRecord(body) ? 3 : 2);
  if (place === 2 && body !== undefined && isRecord(body)) return { ...body, writeKey: secret };
  if (place === 1) query.push(['writeKey', secret]);
  else headers.set('authorization', `Basic ${Buffer.from(`${secret}:`).toString('base64')}`);
  return body;
}

function addHeaders(headers: Map<string, string>, { dice, sign }: Ground): void {
  const maybe = (share: number, name: string, draw: () => string): void => {
    if (dice.chance(share)) headers.set(name, draw());
  };
  maybe(0.7, 'content-type', () =>
    dice.pick([
      'application/json',
      'application/json',
      'text/plain',
      'application/xml',
      'multipart/form-data',
    ]),
  );
  maybe(0.2, 'origin', () =>
    dice.pick(['https://shop.example', 'null', 'http://localhost', hostileText(dice)]),
  );
  maybe(0.05, 'x-tidemark-signature', () => (dice.chance(0.7) ? sign('u1') : hostileText(dice)));
  maybe(0.03, 'sec-fetch-site', () => dice.pick(['same-origin', 'cross-site', 'same-site', 'none']));
  maybe(0.03, 'x-forwarded-for', () => dice.pick(['198.51.100.1', hostileText(dice)]));
  maybe(0.03, 'accept-language', () =>
    dice.pick(['zh, en;q=0.5', 'en;q=', `${'a,'.repeat(500)}`, hostileText(dice)]),
  );
  maybe(0.03, 'if-none-match', () => dice.pick(['*', '"x"', hostileText(dice)]));
  maybe(0.03, 'access-control-request-headers', () => dice.pick(['content-type', hostileText(dice)]));
  maybe(0.02, 'content-encoding', () => dice.pick(['gzip', 'br', 'identity']));
  maybe(0.02, 'content-length', () => dice.pick(['0', '5', '-1', '99999999', 'x']));
}

const isHeaderValue = (value: string): boolean => /^[\t\x20-\x7e\x80-\xff]*$/.test(value);

/** The JSON as bytes, whole or spoilt, plain or as gzip. */
function bytesOf(body: Drawable, headers: Map<string, string>, dice: Random): Uint8Array<ArrayBuffer> {
  let bytes: Uint8Array<ArrayBuffer> = Buffer.from(jsonText(body));
  if (dice.chance(0.05)) bytes = spoil(bytes, dice);
  if (!dice.chance(0.04)) return bytes;
  if (dice.chance(0.5)) headers.set('content-encoding', 'gzip');
  const zipped = gzipSync(dice.chance(0.01) ? Buffer.alloc(5 * 2 ** 20, 32) : bytes);
  return dice.chance(0.3) ? spoil(zipped, dice) : zipped;
}

function spoil(bytes: Uint8Array<ArrayBuffer>, dice: Random): Uint8Array<ArrayBuffer> {
  const copy = Uint8Array.from(bytes);
  switch (dice.below(5)) {
    case 0:
      return copy.subarray(0, dice.below(copy.length + 1));
    case 1:
      return Buffer.concat([copy, copy]);
    case 2:
      return Buffer.concat([Buffer.from(dice.pick(['\ufeff', ' ', '\u0000', ")]}'\n"])), copy]);
    case 3:
      return Buffer.from(
        dice.pick(['', 'null', '[]', '"x"', '1', '{', '['.repeat(100_000), '{"a":'.repeat(50_000)]),
      );
    default:
      for (let left = 1 + dice.below(4); left > 0 && copy.length > 0; left--)
        copy[dice.below(copy.length)] = dice.below(256);
      return copy;
  }
}

function pathOf({ path }: Operation, key: string | undefined, ground: Ground): string {
  return path.replaceAll(/\{(\w+)\}/g, (place, name: string, at: number) => {
    const text =
      name === 'key' && key !== undefined ? key : drawPlace(path.slice(0, at + place.length), ground);
    return encode(text, ground.dice);
  });
}

/** Whether the path as a URL parser reads it is one of the operation: no place of it empty, dots or more. */
function isStill({ path: pattern }: Operation, path: string): boolean {
  const read = new URL(`http://localhost${path}`).pathname.split('/');
  const described = pattern.split('/');
  return (
    read.length === described.length &&
    described.every((part, i) => (part.startsWith('{') ? read[i] !== '' : read[i] === part))
  );
}

/** Percent-encoded; now and then not, as a careless client would. */
function encode(text: string, dice: Random): string {
  if (dice.chance(0.02)) return wellFormed(text.replaceAll(/[\s?#]/g, ''));
  return encodeURIComponent(wellFormed(text));
}

/** No lone surrogates: no address can hold one. */
const wellFormed = (text: string): string => Buffer.from(text).toString();

function oddPath(path: string, dice: Random): string {
  switch (dice.below(6)) {
    case 0:
      return `${path}/`;
    case 1:
      return `/${path}`;
    case 2:
      return path.toUpperCase();
    case 3:
      return `${path}${dice.pick(['%00', '%zz', '%2e%2e', ';x', '.json', '/__proto__', '/..%2f'])}`;
    case 4:
      return `/${encodeURIComponent(wellFormed(hostileText(dice)))}`;
    default:
      return path.replace('/', `/${dice.pick(['./', '../', 'api/', 'v1/', '%2f'])}`);
  }
}
