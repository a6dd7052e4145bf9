// Our browser scripts: the core, the chunks it loads, and what Segment's own snippet asks for.
// Invariant: served as built, from this origin, to pages of every origin; nothing is read from disk here.
import { createHash } from 'node:crypto';
import type { Hono } from 'hono';
import { ApiError } from './errors.ts';
import type { HttpParts } from './parts.ts';

/** Browsers may use a script this long before asking again, seconds. */
const SCRIPT_SECONDS = 300;
/** The chunk that speaks Segment's snippet. */
const SEGMENT_SCRIPT = 'segment.min.js';

/** Paths of the routes below, and wrong ones beside them, whose error a page of another origin should see. */
export const isScriptPath = (path: string): boolean => /^\/(sdk(-[a-z-]+)?\.js$|analytics\.js\/)/.test(path);

export function addScriptRoutes(app: Hono, { script, modules }: HttpParts): void {
  const files = new Map(
    Object.entries({ ...modules, ...(script === null ? {} : { 'sdk.js': script }) }).map(([name, text]) => [
      name,
      { text, etag: `"${createHash('sha256').update(text).digest('base64url').slice(0, 20)}"` },
    ]),
  );

  function answer(name: string, request: Request): Response {
    const file = files.get(name);
    if (!file)
      throw new ApiError(404, 'not_built', `this installation has no ${name}; run \`npm run build\``);
    const headers = {
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': `public, max-age=${SCRIPT_SECONDS}`,
      'cross-origin-resource-policy': 'cross-origin',
      'x-content-type-options': 'nosniff',
      etag: file.etag,
    };
    if (request.headers.get('if-none-match') === file.etag)
      return new Response(null, { status: 304, headers });
    return new Response(file.text, { headers });
  }

  app.get('/sdk.js', (c) => answer('sdk.js', c.req.raw));
  app.get('/:name{sdk-[a-z-]+\\.js}', (c) => answer(c.req.param('name'), c.req.raw));
  app.get('/analytics.js/v1/:writeKey/analytics.min.js', (c) => answer(SEGMENT_SCRIPT, c.req.raw));
}
