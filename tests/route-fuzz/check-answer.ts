// What every answer must be, whatever was asked: within the OpenAPI document, safe, and silent about secrets.
// Invariant: the rules come from the contract and the document, never from the code that answers.
import { schemaFaults } from './check-schema.ts';
import { type Operation, operations } from './document.ts';
import type { Drawn } from './draw-request.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Statuses of a request that hits no operation as it is described. */
const ODD_STATUSES = new Set([200, 201, 204, 304, 400, 401, 403, 404, 405, 409, 413, 422, 429, 503]);
const ERROR_CODE = /^[a-z]+(?:_[a-z]+)*$/;
/** What only the inside of the program says. */
const INSIDE =
  /\n\s+at |node:internal|\/src\/[a-z]|SqliteError|SQLITE_|better-sqlite|TypeError|RangeError|ZodError/;
/** What pages of other origins use: messages, what their clients ask for, and the scripts. */
const OPEN_PATH = /^\/(?:v1(?:\/|$)|beacon\/|sourceConfig|sdk(?:-[a-z-]+)?\.js$|analytics\.js\/)/;
const byId = new Map(operations.map((operation) => [operation.id, operation]));

export const operationOf = ({ operation }: Drawn): Operation => {
  const found = byId.get(operation);
  if (!found) throw new Error(`there is no operation ${operation}`);
  return found;
};

/** What is wrong with an answer; empty: nothing. `secrets` must not be in it. */
export function answerFaults(drawn: Drawn, answer: Answer, secrets: ReadonlySet<string>): string[] {
  const operation = operationOf(drawn);
  const described = drawn.isPlain ? operation.answers.get(answer.status) : undefined;
  const known = drawn.isPlain ? described !== undefined : ODD_STATUSES.has(answer.status);
  return [
    ...(known ? [] : [`status ${answer.status} is none that is described`]),
    ...keyFaults(drawn, operation, answer),
    ...headerFaults(drawn, answer),
    ...(answer.status >= 400 ? errorFaults(drawn, answer) : []),
    ...(answer.status < 400 && described ? bodyFaults(answer, described) : []),
    ...(described === null && answer.text !== '' ? ['a body where none is described'] : []),
    ...countFaults(drawn, answer),
    ...secretFaults(drawn, operation, answer, secrets),
  ];
}

/** Nobody comes in with less than the contract asks for. */
function keyFaults({ isPlain, who, method }: Drawn, { needs }: Operation, { status }: Answer): string[] {
  if (!isPlain || status >= 400) return [];
  const may =
    needs === 'nothing' ||
    (needs === 'write' && (who === 'web' || who === 'server')) ||
    (needs === 'admin' && (who === 'admin' || (who === 'read' && method === 'GET')));
  return may ? [] : [`${who} was let in with ${status}`];
}

function headerFaults({ path, headers: sent }: Drawn, { status, headers }: Answer): string[] {
  const faults: string[] = [];
  const need = (holds: boolean, what: string): void => {
    if (!holds) faults.push(what);
  };
  const type = headers.get('content-type');
  const [name = ''] = path.split('?', 1);
  // What the URL parser makes of an odd path decides, and not what was written.
  const open = OPEN_PATH.test(new URL(`http://localhost${name}`).pathname);
  const origin = sent.find(([header]) => header === 'origin')?.[1];
  need(headers.get('x-content-type-options') === 'nosniff' || status === 204, 'no nosniff');
  need(headers.get('set-cookie') === null, 'a cookie is set');
  need(headers.get('cache-control') !== null || status === 204, 'no cache-control');
  need(status !== 401 || headers.has('www-authenticate'), '401 without www-authenticate');
  if (status === 429 || (status === 503 && name !== '/readyz'))
    need(/^[1-9]\d*$/.test(headers.get('retry-after') ?? ''), `${status} without Retry-After`);
  const allowed = headers.get('access-control-allow-origin');
  if (!open) need(allowed === null, 'CORS where pages of other origins have no business');
  else {
    need(headers.get('vary')?.includes('Origin') ?? false, 'an open path without Vary: Origin');
    // Header values are trimmed on their way.
    need(allowed === (origin?.trim() ?? null), `the origin echoed is ${allowed}`);
  }
  if (type?.startsWith('text/html')) {
    const policy = headers.get('content-security-policy') ?? '';
    need(/default-src 'none'/.test(policy) && !policy.includes('unsafe'), 'HTML without a strict policy');
    need(policy.includes("frame-ancestors 'none'"), 'HTML that may be framed');
  }
  return faults;
}

function errorFaults({ method }: Drawn, { status, headers, text }: Answer): string[] {
  if (method === 'HEAD') return [];
  if (headers.get('content-type')?.startsWith('text/html')) return [];
  const error = member(json(text), 'error');
  if (status === 503 && error === undefined) return [];
  const code = member(error, 'code');
  const message = member(error, 'message');
  const faults: string[] = [];
  if (typeof code !== 'string' || !ERROR_CODE.test(code)) faults.push(`no error code: ${text.slice(0, 200)}`);
  if (typeof message !== 'string' || message === '') faults.push('no message');
  if (INSIDE.test(text)) faults.push(`tells of the inside: ${text.slice(0, 500)}`);
  // Who sent the long text knows it already.
  if (text.length > MAX_ERROR_CHARS) faults.push(`an error of ${text.length} characters`);
  return faults;
}

/** Fifty faults of a definition with their pointers, and the longest names that a message quotes. */
const MAX_ERROR_CHARS = 200_000;

function bodyFaults(
  { headers, text }: Answer,
  described: { type: string; schema: Readonly<Record<string, unknown>> },
): string[] {
  const type = headers.get('content-type') ?? '';
  if (!type.startsWith(described.type)) return [`content-type is ${type}, described is ${described.type}`];
  if (described.type !== 'application/json') return [];
  const value = json(text);
  if (value === undefined) return [`no JSON: ${text.slice(0, 200)}`];
  return schemaFaults(described.schema, value).slice(0, 5);
}

/** Every message of a batch was accepted, is a duplicate or was rejected, and no two rejections are one's. */
function countFaults({ isPlain, operation, body }: Drawn, { status, text }: Answer): string[] {
  if (!isPlain || status !== 200 || !/^POST \/(v1\/b|beacon)/.test(operation) || body === null) return [];
  const batch = member(json(Buffer.from(body).toString()), 'batch');
  const answer = json(text);
  const rejected = member(answer, 'rejected');
  if (!Array.isArray(batch) || !Array.isArray(rejected)) return [];
  const places = rejected.map((row) => Number(member(row, 'index')));
  const counted = Number(member(answer, 'accepted')) + Number(member(answer, 'duplicates')) + rejected.length;
  if (counted !== batch.length) return [`${counted} of ${batch.length} messages are answered for`];
  const sound = places.every(
    (place, i) => place >= 0 && place < batch.length && place > (places[i - 1] ?? -1),
  );
  return sound ? [] : [`rejections at ${places}`];
}

/** Operations that hand out or repeat a secret on purpose. */
const TELLS_SECRETS = /^(POST \/api\/keys|\w+ \/api\/sources.*|GET \/v1\/projects.*|GET \/sourceConfig.*)$/;

function secretFaults(
  { isPlain }: Drawn,
  { id }: Operation,
  { text, headers, status }: Answer,
  secrets: ReadonlySet<string>,
): string[] {
  if (TELLS_SECRETS.test(id) && (status < 400 || !isPlain)) return [];
  const all = `${text}\n${[...headers].join('\n')}`;
  return [...secrets].filter((secret) => all.includes(secret)).map(() => 'a secret is in the answer');
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const member = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key] // an object, just checked
    : undefined;
