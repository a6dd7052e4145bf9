// What other people's browser clients ask for before they send, and our own script.
// Invariant: a client set up by these answers sends here and nowhere else.
import { createHash } from 'node:crypto';
import type { Hono } from 'hono';
import { presentedKey } from './admission.ts';
import { ApiError } from './errors.ts';
import type { HttpParts } from './parts.ts';

/** Browsers may use the script this long before asking again, seconds. */
const SCRIPT_SECONDS = 300;

export function addClientRoutes(app: Hono, { access, core, originOf, script }: HttpParts): void {
  app.get('/v1/projects/:writeKey/settings', (c) => {
    const key = c.req.param('writeKey');
    if (access.find(key)?.kind !== 'web')
      throw new ApiError(404, 'unknown_key', 'there is no source with this write key');
    const { host, protocol } = originOf(c.req.raw);
    return c.json(segmentSettings(key, host, protocol));
  });

  const sourceConfig = (request: Request): object => {
    const key = presentedKey(request, new URL(request.url), undefined);
    const record = key === null ? null : access.find(key);
    if (key === null || record?.kind !== 'web')
      throw new ApiError(401, 'invalid_key', 'this write key is unknown or was revoked');
    return rudderConfig(key, access.source(), new Date(core.now()).toISOString());
  };
  app.get('/sourceConfig', (c) => c.json(sourceConfig(c.req.raw)));
  app.get('/sourceConfig/', (c) => c.json(sourceConfig(c.req.raw)));

  const etag =
    script === null ? '' : `"${createHash('sha256').update(script).digest('base64url').slice(0, 20)}"`;
  app.get('/sdk.js', (c) => {
    if (script === null)
      throw new ApiError(404, 'not_built', 'this installation has no sdk.js; run `npm run build`');
    const headers = {
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': `public, max-age=${SCRIPT_SECONDS}`,
      'cross-origin-resource-policy': 'cross-origin',
      'x-content-type-options': 'nosniff',
      etag,
    };
    if (c.req.header('if-none-match') === etag) return new Response(null, { status: 304, headers });
    return new Response(script, { headers });
  });
}

/** The settings Segment's browser client reads; `integrations` names us as its one destination. */
function segmentSettings(key: string, host: string, protocol: string): object {
  const enabled = { __default: { enabled: true, integrations: {} } };
  return {
    integrations: {
      'Segment.io': {
        apiKey: key,
        apiHost: `${host}/v1`,
        protocol: protocol.replace(':', ''),
        unbundledIntegrations: [],
        addBundledMetadata: true,
      },
    },
    plan: { track: enabled, identify: enabled, group: enabled },
    edgeFunction: {},
    analyticsNextEnabled: true,
    middlewareSettings: {},
    enabledMiddleware: {},
    // The client's own metrics would go to its maker; a rate of 0 sends none.
    metrics: { sampleRate: 0 },
    legacyVideoPluginsEnabled: false,
    remotePlugins: [],
  };
}

function rudderConfig(
  key: string,
  source: { id: string; name: string; createdAt: string },
  now: string,
): object {
  return {
    source: {
      id: source.id,
      name: source.name,
      writeKey: key,
      enabled: true,
      config: { statsCollection: { errors: { enabled: false }, metrics: { enabled: false } } },
      destinations: [],
      dataplanes: {},
      workspaceId: source.id,
      createdAt: source.createdAt,
      updatedAt: source.createdAt,
    },
    updatedAt: now,
  };
}
