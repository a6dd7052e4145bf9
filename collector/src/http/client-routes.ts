// What other people's browser clients ask for before they send.
// Invariant: a client set up by these answers sends here and nowhere else.
import type { Hono } from 'hono';
import { presentedKey } from './admission.ts';
import { ApiError } from './errors.ts';
import type { HttpParts } from './parts.ts';

export function addClientRoutes(app: Hono, { access, core, originOf }: HttpParts): void {
  app.get('/v1/projects/:writeKey/settings', (c) => {
    const key = c.req.param('writeKey');
    if (access.find(key)?.kind !== 'web')
      throw new ApiError(404, 'unknown_key', 'there is no source with this write key');
    const { host, protocol } = originOf(c.req.raw);
    return c.json(segmentSettings(key, host, protocol));
  });

  const sourceConfig = (request: Request): object => {
    const key = presentedKey(request);
    const record = key === null ? null : access.find(key);
    if (key === null || record?.kind !== 'web')
      throw new ApiError(401, 'invalid_key', 'this write key is unknown or was revoked');
    return rudderConfig(key, access.source(), new Date(core.now()).toISOString());
  };
  app.get('/sourceConfig', (c) => c.json(sourceConfig(c.req.raw)));
  app.get('/sourceConfig/', (c) => c.json(sourceConfig(c.req.raw)));
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
