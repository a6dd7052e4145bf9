// Cross-origin rules: pages of any origin may send; /api is for the same origin only.
// Invariant: every answer of an open path carries them, errors and preflights too; no cookie is read or set.
import { isScriptPath } from './script-routes.ts';

/** How long browsers may remember a preflight, seconds; Chromium caps it at two hours. */
const PREFLIGHT_SECONDS = 7_200;

const OPEN_PREFIXES = ['/v1/', '/beacon/', '/sourceConfig'];

/** Paths that pages of other origins use. */
export function isOpenPath(path: string): boolean {
  return path === '/v1' || isScriptPath(path) || OPEN_PREFIXES.some((prefix) => path.startsWith(prefix));
}

export function preflight(request: Request): Response {
  const headers: Record<string, string> = {
    'access-control-allow-methods': 'GET, POST, OPTIONS',
    'access-control-max-age': String(PREFLIGHT_SECONDS),
    'content-length': '0',
  };
  const asked = request.headers.get('access-control-request-headers');
  if (asked) headers['access-control-allow-headers'] = asked;
  if (request.headers.get('access-control-request-private-network') === 'true')
    headers['access-control-allow-private-network'] = 'true';
  return withCors(request, new Response(null, { status: 204, headers }));
}

export function withCors(request: Request, response: Response): Response {
  const { headers } = response;
  headers.set('vary', 'Origin');
  const origin = request.headers.get('origin');
  if (origin !== null) {
    headers.set('access-control-allow-origin', origin);
    headers.set('access-control-allow-credentials', 'true');
    headers.set('access-control-expose-headers', 'Retry-After');
  }
  return response;
}
