// The HTTP application: every route, one error handler, CORS where pages of other origins come.
// Invariant: `fetch` always answers; what fails inside is told to `onError` and shows as a plain 500.
import { randomBytes, randomUUID } from 'node:crypto';
import { Hono } from 'hono';
import { routePath } from 'hono/route';
import { type Access, createAccess } from './http/access.ts';
import { addApiRoutes } from './http/api-routes.ts';
import { createBodyRoom } from './http/body-room.ts';
import { addressOf, type CallerOptions, type IpChoice, originOf } from './http/caller.ts';
import { addClientRoutes } from './http/client-routes.ts';
import { isOpenPath, preflight, withCors } from './http/cors.ts';
import { createDecoder } from './http/decoder.ts';
import { ApiError, errorResponse, toApiError } from './http/errors.ts';
import { addHealthRoutes } from './http/health-routes.ts';
import { addIngestRoutes } from './http/ingest-routes.ts';
import type { FixedKeys } from './http/key-record.ts';
import { addLedgerRoutes } from './http/ledger-routes.ts';
import { addMeRoutes } from './http/me-routes.ts';
import type { Gauges } from './http/metrics.ts';
import { addNeedsRoutes } from './http/needs-routes.ts';
import type { Traffic } from './http/parts.ts';
import { createRateLimit, DEFAULT_REQUESTS_PER_MINUTE } from './http/rate-limit.ts';
import { addScriptRoutes } from './http/script-routes.ts';
import type { FirstRun } from './http/start-keys.ts';
import { addSurveyPageRoutes } from './http/survey-page-routes.ts';
import { addSurveyRoutes } from './http/survey-routes.ts';
import type { Core } from './ingest/core.ts';
import { createAgentReader } from './wire/user-agent.ts';

export interface AppOptions extends Partial<CallerOptions> {
  core: Core;
  keys?: FixedKeys;
  /** Makes random keys where nobody was shown any yet, to be announced by whoever asks for it. Default false. */
  makesKeys?: boolean;
  /** The browser SDK's text. */
  script?: string | null;
  /** Its chunks, by file name. */
  modules?: Readonly<Record<string, string>>;
  /** Requests a minute of one key and address, or `off`. Default 1,200; loopback is exempt. */
  rateLimit?: number | 'off';
  /** What is kept of the addresses of web keys' senders, as `context.ip`. Default `none`. */
  ip?: IpChoice;
  /** Hears of failures that were answered with 500 or 503, unless `onRequest` does, and of a thread that ended. */
  onError?: (error: unknown) => void;
  /** Hears of what the operator should mend, in words and without a secret: each matter once. */
  onWarning?: (what: string) => void;
  /** Hears of each request once it is answered, preflights excepted. */
  onRequest?: (told: RequestTold) => void;
  /** What the process knows of itself, for /metrics. */
  gauges?: Gauges;
}

/** What may be logged of a request: nothing of whoever sent it. */
export interface RequestTold {
  /** Made here; the answer carries it as X-Request-Id. */
  id: string;
  method: string;
  /** The route's pattern, such as `/api/profiles/:id`; empty where there is none. */
  route: string;
  status: number;
  /** Milliseconds until the answer began. */
  ms: number;
  /** What went wrong inside, for 500 and above. */
  error?: unknown;
}

export interface App {
  fetch(request: Request, env?: unknown): Promise<Response>;
  access: Access;
  /** What is to be shown once, with `makesKeys`; null where it was. */
  firstRun: FirstRun | null;
  /** Which of `keys` are not taken: those that were revoked or rotated away, and are the same since. */
  refused: readonly (keyof FixedKeys)[];
  /** The application itself, for more routes. */
  routes: Hono;
  /** Ends its thread; what is under way there is answered 503. The core is not closed. */
  close(): Promise<void>;
}

/** What is true of every answer: its type is what it says, and it is kept by nobody unless it says so itself. */
function guarded(answer: Response): Response {
  const { headers } = answer;
  headers.set('x-content-type-options', 'nosniff');
  if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
  return answer;
}

/** As much of a path as its author needs to recognise it by, in characters. */
const MAX_SHOWN_PATH_CHARS = 200;

/** A path for an answer. Some clients have a key in theirs, and an answer may end up in a log. */
function withoutKeys(path: string, access: Access): string {
  const isLong = path.length > MAX_SHOWN_PATH_CHARS;
  // Cut after a whole part: of half a key nobody can tell that it is one.
  const start = isLong ? path.slice(0, path.lastIndexOf('/', MAX_SHOWN_PATH_CHARS) + 1) : path;
  const parts = start.split('/').map((part) => (part !== '' && access.find(part) ? '…' : part));
  return parts.join('/') + (isLong ? '…' : '');
}

const countOne = <T>(counts: Map<T, number>, name: T): unknown =>
  counts.set(name, (counts.get(name) ?? 0) + 1);

function tellOfRequests(app: Hono, onRequest: (told: RequestTold) => void): void {
  const run = randomBytes(4).toString('hex');
  let count = 0;
  app.use('*', async (c, next) => {
    const from = performance.now();
    const id = `${run}-${(++count).toString(36)}`;
    await next();
    c.header('x-request-id', id);
    const { status } = c.res;
    const route = routePath(c, -1);
    const ms = Math.round(performance.now() - from);
    const known = c.error && status >= 500 ? { error: toApiError(c.error).options.cause ?? c.error } : {};
    onRequest({ id, method: c.req.method, route: /^\/?\*$/.test(route) ? '' : route, status, ms, ...known });
  });
}

/** Methods that some route has for this very path. */
function methodsAt(app: Hono, path: string): string[] {
  const methods = new Set<string>();
  // Middleware answers to every method and to none.
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])
    if (app.router.match(method, path)[0].some(([[, route]]) => route.method === method)) methods.add(method);
  return [...methods];
}

export async function createApp(options: AppOptions): Promise<App> {
  const {
    core,
    keys = {},
    makesKeys = false,
    script = null,
    modules = {},
    rateLimit = DEFAULT_REQUESTS_PER_MINUTE,
    onError,
    onWarning = () => {},
    onRequest,
    gauges = {},
    ip = 'none',
  } = options;
  const traffic: Traffic = { answered: new Map(), refused: new Map() };
  const caller: CallerOptions = {
    trustProxyHops: options.trustProxyHops ?? 0,
    publicUrl: options.publicUrl ?? null,
  };
  const { access, firstRun, refused } = await createAccess(core, keys, { makesKeys });
  const decoder = createDecoder(onError);
  const parts = {
    core,
    access,
    limit: createRateLimit(rateLimit),
    room: createBodyRoom(),
    decoder,
    traffic,
    gauges,
    keepIp: ip,
    onTrouble: (error: unknown) => onError?.(error),
    onSecretInPage: once((keyId) =>
      onWarning(
        `the secret key ${keyId} came with an Origin, as a web page sends it, where anybody can read it: give the ` +
          'page a web key and revoke this one (`tidemark keys`)',
      ),
    ),
    newId: randomUUID,
    readAgent: createAgentReader(),
    addressOf: (request: Request, env: unknown) => addressOf(request, env, caller),
    originOf: (request: Request) => originOf(request, caller),
    script,
    modules,
  };
  const app = new Hono();
  if (onRequest) tellOfRequests(app, onRequest);
  addIngestRoutes(app, parts);
  addMeRoutes(app, parts);
  addClientRoutes(app, parts);
  addScriptRoutes(app, parts);
  addSurveyPageRoutes(app, parts);
  addHealthRoutes(app, parts);
  addApiRoutes(app, parts);
  addLedgerRoutes(app, parts);
  addSurveyRoutes(app, parts);
  addNeedsRoutes(app, parts);
  app.notFound((c) => {
    const { method, path } = c.req;
    const shown = withoutKeys(path, access);
    const others = methodsAt(app, path).filter((other) => other !== method);
    if (others.length === 0) {
      const hint =
        path === '/'
          ? '; this is a Tidemark collector: /healthz, and /api/openapi.json with an admin key'
          : '';
      return errorResponse(new ApiError(404, 'not_found', `there is nothing at ${method} ${shown}${hint}`));
    }
    const answer = errorResponse(
      new ApiError(405, 'method_not_allowed', `${shown} takes ${others.join(', ')}, not ${method}`),
    );
    answer.headers.set('allow', others.join(', '));
    return answer;
  });
  app.onError((error) => {
    const known = toApiError(error);
    if (known.status === 429) countOne(traffic.refused, known.code);
    if (known.status >= 500 && !onRequest) onError?.(known.options.cause ?? error);
    return errorResponse(known);
  });

  async function fetch(request: Request, env?: unknown): Promise<Response> {
    const start = request.url.indexOf('/', 8);
    const path = request.url.slice(start < 0 ? request.url.length : start).split('?', 1)[0] ?? '/';
    const open = isOpenPath(path);
    if (open && request.method === 'OPTIONS') return preflight(request);
    const answer = guarded(await app.fetch(request, env as object | undefined)); // Hono's bindings, passed through
    countOne(traffic.answered, answer.status);
    return open ? withCors(request, answer) : answer;
  }
  return { fetch, access, firstRun, refused, routes: app, close: () => decoder.close() };
}

/** Calls `tell` the first time each text is given. There are no more keys than an operator made. */
function once(tell: (text: string) => void): (text: string) => void {
  const told = new Set<string>();
  return (text) => {
    if (told.has(text)) return;
    told.add(text);
    tell(text);
  };
}
