// The description of the HTTP API against the routes there are.
// Invariant: what a route answers to is described, and what is described is answered.
import { expect, it } from 'vitest';
import { createApp } from '../collector/src/app.ts';
import { createOpenApi } from '../collector/src/http/openapi.ts';
import { createCore } from '../collector/src/ingest/create-core.ts';

it('describes every route, and no other', async () => {
  const core = await createCore({ database: ':memory:', now: () => 0 });
  const { routes } = await createApp({ core });
  const answered = routes.routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)(?:\{[^}]*\})?/g, '{$1}')}`);
  const { paths } = createOpenApi() as { paths: Record<string, object> };
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods)
      .filter((method) => method !== 'parameters')
      .map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(described.sort()).toEqual([...new Set(answered)].sort());
  await core.close();
});
