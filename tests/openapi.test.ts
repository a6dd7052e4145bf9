// The description of the HTTP API against the routes there are.
// Invariant: what a route answers to is described, and what is described is answered.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createCollector } from '@tidemark/collector';
import { expect, it } from 'vitest';
import { createApp } from '../collector/src/app.ts';
import { createOpenApi } from '../collector/src/http/openapi.ts';
import { createCore } from '../collector/src/ingest/create-core.ts';

/** A route that answers JSON. */
interface Described {
  get: {
    responses: {
      200: { content: { 'application/json': { schema: { required: string[]; properties: object } } } };
    };
  };
}

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

it('describes every field of why somebody is in a segment', async () => {
  const adminKey = 'admin-key-for-openapi';
  const writeKey = 'web-key-for-openapi';
  const collector = await createCollector({ database: ':memory:', adminKey, writeKey });
  const ask = async (method: string, path: string, body?: object): Promise<object> => {
    const init = { method, headers: { authorization: `Bearer ${adminKey}` } };
    const request = new Request(`http://x${path}`, body ? { ...init, body: JSON.stringify(body) } : init);
    return (await (await collector.fetch(request)).json()) as object;
  };
  await ask('PUT', '/api/segments/all', { where: { event: 'E' } });
  await ask('POST', '/v1/track', { writeKey, userId: 'u', event: 'E' });
  await collector.tick();
  const why = await ask('GET', '/api/profiles/user:u/segments/all/why');
  await collector.close();
  const route = '/api/profiles/{id}/segments/{key}/why';
  const { paths } = createOpenApi() as { paths: Record<string, Described> };
  const schema = paths[route]?.get.responses[200].content['application/json'].schema;
  expect([...(schema?.required ?? [])].sort()).toEqual(Object.keys(why).sort());
  expect(Object.keys(schema?.properties ?? {}).sort()).toEqual([...Object.keys(why), 'anonymous'].sort());
});

it('has every code of an error on the page of the HTTP API, at its status', () => {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const sources = readdirSync(`${root}collector/src`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => readFileSync(`${root}collector/src/${name}`, 'utf8'));
  const answered = sources.flatMap((text) =>
    [...text.matchAll(/new ApiError\(\s*(\d{3}),\s*'(\w+)'/g)].map(([, status, code]) => `${status} ${code}`),
  );
  const page = readFileSync(`${root}docs/http-api.md`, 'utf8');
  const documented = [...page.matchAll(/^\| (\d{3}) +\| (.*) \|$/gm)].flatMap(([, status, codes]) =>
    [...(codes ?? '').matchAll(/`([a-z]+(?:_[a-z]+)*)`/g)].map(([, code]) => `${status} ${code}`),
  );
  expect(answered.length).toBeGreaterThan(20);
  for (const one of new Set(answered)) expect(documented).toContain(one);
});

it('leads by every reference to a schema that says something', () => {
  const document = createOpenApi() as { components: { schemas: Record<string, object> } };
  const named = new Set(
    [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name),
  );
  expect(named.size).toBeGreaterThan(10);
  for (const name of named) {
    const schema = document.components.schemas[name ?? ''];
    expect(schema, name).toBeDefined();
    expect(Object.keys(schema ?? {}), name).not.toEqual(['$ref']);
  }
});

it('answers no CSV: whoever adds it must keep spreadsheets from running cells that begin with = + - @ tab or CR', () => {
  const types = [...JSON.stringify(createOpenApi()).matchAll(/"content":\{"([^"]+)"/g)].map(
    ([, type]) => type,
  );
  expect([...new Set(types)].sort()).toEqual([
    'application/json',
    'text/css',
    'text/html',
    'text/javascript',
    'text/plain',
  ]);
});
