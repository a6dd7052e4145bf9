// /api: for people who run the collector, with admin keys, from the same origin only.
// Invariant: role `read` only reads; a write key gets 401 here, a wrong definition 422 with pointers.
import type { Context, Hono } from 'hono';
import type { DefinitionView, MergeResult } from '../ingest/core.ts';
import { stringifyAnyDepth } from '../wire/clean.ts';
import { DEFINITION_KINDS, KEY_PATTERN, parseDefinition } from '../wire/definitions.ts';
import type { JsonObject, JsonValue } from '../wire/message.ts';
import { MAX_KEY_NAME_CHARS } from './access.ts';
import { bearerKey } from './admission.ts';
import { invalidField, limitOf, notFound, pageOf, pageOfRows } from './api-words.ts';
import { readJson, readJsonObject } from './body.ts';
import { ApiError } from './errors.ts';
import type { KeyRecord, KeyType, Source } from './key-record.ts';
import type { HttpParts } from './parts.ts';
import { replayRejected } from './replay.ts';

/** People shown of a segment that is tried out. */
const DEFAULT_SAMPLE = 10;
const UNKNOWN_ADMIN_KEY = 'this admin key is unknown or was revoked; `tidemark keys` lists those there are';
const KEY_KINDS: readonly KeyType[] = ['web', 'server', 'admin'];

export function addApiRoutes(app: Hono, parts: HttpParts): void {
  app.use('/api/*', async (c, next) => {
    requireAdmin(parts, c);
    await next();
  });
  addKeyRoutes(app, parts);
  addDefinitionRoutes(app, parts);
  addProfileRoutes(app, parts);
  addRejectedRoutes(app, parts);
  app.get('/api/openapi.json', async (c) => {
    // Loaded when it is asked for, which is hardly ever: it would make every start slower.
    const { createOpenApi } = await import('./openapi.ts');
    return c.json(createOpenApi());
  });
}

function requireAdmin({ access }: HttpParts, c: Context): KeyRecord {
  const site = c.req.header('sec-fetch-site');
  if (site === 'cross-site' || site === 'same-site')
    throw new ApiError(403, 'cross_origin', '/api is not for pages of other origins');
  const key = bearerKey(c.req.raw);
  const record = key === null ? null : access.find(key);
  if (record?.kind !== 'admin') {
    const what = record ? `this is a ${record.kind} write key; ` : '';
    const how = `${what}an admin key is required, as Authorization: Bearer <admin key>`;
    const isUnknown = key !== null && record === null;
    throw new ApiError(401, 'invalid_key', isUnknown ? UNKNOWN_ADMIN_KEY : how);
  }
  const reads = c.req.method === 'GET' || c.req.method === 'HEAD';
  if (record.role === 'read' && !reads)
    throw new ApiError(403, 'read_only', 'this key has the role "read" and may only GET');
  return record;
}

function addKeyRoutes(app: Hono, parts: HttpParts): void {
  const { access } = parts;
  const view = ({ id, kind, role, name, createdAt }: KeyRecord) => ({
    id,
    kind,
    ...(role === null ? {} : { role }),
    name,
    createdAt,
  });
  app.get('/api/keys', (c) =>
    c.json(pageOfRows(c, access.keys().map(view), ({ createdAt, id }) => `${createdAt} ${id}`)),
  );
  app.post('/api/keys', async (c) => {
    const { kind, role, name, ...rest } = await readJsonObject(c.req.raw);
    const [unknown] = Object.keys(rest);
    if (unknown !== undefined) throw invalidField(`/${unknown}`, 'unknown field');
    // `includes` takes only what may be in the list: that is what is asked.
    if (!KEY_KINDS.includes(kind as KeyType))
      throw invalidField('/kind', 'must be "admin", "web" or "server"');
    if (role !== undefined && (kind !== 'admin' || (role !== 'admin' && role !== 'read')))
      throw invalidField('/role', 'must be "admin" or "read", for admin keys only');
    if (name !== undefined && (typeof name !== 'string' || name.length > MAX_KEY_NAME_CHARS))
      throw invalidField('/name', `must be text of at most ${MAX_KEY_NAME_CHARS} characters`);
    const made = await access.create({ kind: kind as KeyType, role, name }); // checked against KEY_KINDS
    return c.json({ ...view(made.record), key: made.key }, 201);
  });
  app.delete('/api/keys/:id', async (c) => {
    const done = await access.revoke(c.req.param('id'));
    if (done === 'unknown') throw notFound('key');
    if (done === 'last')
      throw new ApiError(409, 'last_admin_key', 'this is the last admin key; make another one first');
    return c.body(null, 204);
  });

  const viewSource = (c: Context, source: Source) => {
    const { id, name, requireSignature, allowedOrigins, createdAt, signingSecret } = source;
    const shown = { id, name, requireSignature, allowedOrigins, createdAt };
    return requireAdmin(parts, c).role === 'admin' ? { ...shown, signingSecret } : shown;
  };
  app.get('/api/sources', (c) => c.json({ data: [viewSource(c, access.source())], next: null }));
  app.get('/api/sources/:id', (c) => c.json(viewSource(c, sourceOf(c))));
  app.patch('/api/sources/:id', async (c) => {
    sourceOf(c);
    const body = await readJsonObject(c.req.raw);
    return c.json(viewSource(c, await access.updateSource(sourceChange(body))));
  });
  app.post('/api/sources/:id/rotate-signing-secret', async (c) => {
    sourceOf(c);
    return c.json(viewSource(c, await access.rotateSigningSecret()));
  });
  function sourceOf(c: Context): Source {
    const source = access.source();
    if (c.req.param('id') !== source.id) throw notFound('source');
    return source;
  }
}

function sourceChange({
  requireSignature,
  allowedOrigins,
  ...rest
}: JsonObject): Partial<Pick<Source, 'requireSignature' | 'allowedOrigins'>> {
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw invalidField(`/${unknown}`, 'unknown field');
  const change: Partial<Pick<Source, 'requireSignature' | 'allowedOrigins'>> = {};
  if (requireSignature !== undefined) {
    if (typeof requireSignature !== 'boolean')
      throw invalidField('/requireSignature', 'must be true or false');
    change.requireSignature = requireSignature;
  }
  if (allowedOrigins !== undefined) {
    if (!Array.isArray(allowedOrigins))
      throw invalidField('/allowedOrigins', 'must be a list of origins such as "https://shop.example"');
    change.allowedOrigins = allowedOrigins.map((origin, i) => {
      if (typeof origin !== 'string' || !URL.canParse(origin) || new URL(origin).origin !== origin)
        throw invalidField(
          `/allowedOrigins/${i}`,
          'must be an origin such as "https://shop.example", without a path',
        );
      return origin;
    });
  }
  return change;
}

function addDefinitionRoutes(app: Hono, { core }: HttpParts): void {
  const view = ({ key, definition, status, progress, size }: DefinitionView) => ({
    key,
    ...definition,
    status,
    progress,
    ...(size === undefined ? {} : { size }),
  });
  for (const kind of DEFINITION_KINDS) {
    const what = kind.slice(0, -1);
    app.get(`/api/${kind}`, async (c) => {
      const all = (await core.definitions(kind)).map(view);
      return c.json(pageOfRows(c, all, ({ key }) => key));
    });
    app.get(`/api/${kind}/:key`, async (c) => {
      const found = await core.definition(kind, c.req.param('key'));
      if (!found) throw notFound(what);
      return c.json(view(found));
    });
    app.put(`/api/${kind}/:key`, async (c) => {
      const key = c.req.param('key');
      if (!KEY_PATTERN.test(key))
        throw new ApiError(
          422,
          'invalid',
          `"${key}" is no key: a-z, 0-9, then also _ . -, at most 64 characters`,
          { details: [{ pointer: '', message: 'the key in the path is not allowed' }] },
        );
      const parsed = parseDefinition(kind, await readJson(c.req.raw));
      if (!parsed.ok) throw invalidDefinition(parsed.faults);
      const result = await core.putDefinition(kind, key, parsed.value);
      if (!result.ok) throw invalidDefinition(result.faults);
      return c.json(view(result.view), result.created ? 201 : 200);
    });
    app.delete(`/api/${kind}/:key`, async (c) => {
      const done = await core.deleteDefinition(kind, c.req.param('key'));
      if (done === 'unknown') throw notFound(what);
      if (done !== 'deleted')
        throw new ApiError(409, 'needed', `it is needed by: ${done.neededBy.join(', ')}`, {
          details: done.neededBy,
        });
      return c.body(null, 204);
    });
  }
  app.get('/api/segments/:key/profiles', async (c) => {
    const page = await core.segmentProfiles(c.req.param('key'), pageOf(c));
    if (!page) throw notFound('segment');
    return c.json(page);
  });
  const setListed = async (c: Context, on: boolean): Promise<Response> => {
    const key = c.req.param('key') ?? '';
    const done = await core.setListed(key, c.req.param('id') ?? '', on);
    if (done === 'unknown_segment') throw notFound('segment');
    if (done === 'unknown_profile') throw notFound('profile');
    if (done === 'not_static')
      throw new ApiError(409, 'not_static', `"${key}" is no list: its members follow from its condition`);
    return c.body(null, 204);
  };
  app.put('/api/segments/:key/profiles/:id', (c) => setListed(c, true));
  app.delete('/api/segments/:key/profiles/:id', (c) => setListed(c, false));
  app.post('/api/segments/preview', async (c) => {
    const parsed = parseDefinition('segments', await readJson(c.req.raw));
    if (!parsed.ok) throw invalidDefinition(parsed.faults);
    if ('static' in parsed.value)
      throw invalidDefinition([{ pointer: '/static', message: 'a list has nothing to preview' }]);
    const sample = limitOf(c, DEFAULT_SAMPLE);
    const result = await core.preview(parsed.value, { sample, signal: c.req.raw.signal });
    if (!result.ok) throw invalidDefinition(result.faults);
    return c.json(result.view);
  });
  app.get('/api/segments/:key/transitions', async (c) => {
    const after = c.req.query('after') || '0';
    if (!/^\d{1,15}$/.test(after))
      throw new ApiError(400, 'invalid_cursor', 'after must be the seq of a transition');
    const page = await core.segmentTransitions(c.req.param('key'), {
      limit: limitOf(c),
      after: Number(after),
    });
    if (!page) throw notFound('segment');
    return c.json(page);
  });
}

function invalidDefinition(faults: readonly { pointer: string; message: string }[]): ApiError {
  const [first] = faults;
  const message = first
    ? `${first.pointer || 'the definition'} ${first.message}`
    : 'the definition is invalid';
  return new ApiError(422, 'invalid', message, { details: faults });
}

function addProfileRoutes(app: Hono, { core }: HttpParts): void {
  app.get('/api/profiles', async (c) => {
    const { limit, cursor } = pageOf(c);
    const page = await core.profiles({
      q: c.req.query('q') || null,
      segment: c.req.query('segment') || null,
      limit,
      cursor,
    });
    if (page === 'unknown_segment') throw notFound('segment');
    return c.json(page);
  });
  app.get('/api/profiles/:id', async (c) => {
    const profile = await core.profile(c.req.param('id'));
    if (!profile) throw notFound('profile');
    return c.json(profile);
  });
  app.delete('/api/profiles/:id', async (c) => {
    // It cannot be undone or done again: a mistyped parameter must not be passed over.
    const unknown = Object.keys(c.req.query()).find((name) => name !== 'suppress');
    if (unknown !== undefined)
      throw new ApiError(400, 'invalid_parameter', `there is no parameter "${unknown}"; there is suppress`);
    const suppress = c.req.query('suppress') ?? 'false';
    if (suppress !== 'true' && suppress !== 'false')
      throw new ApiError(400, 'invalid_parameter', 'suppress must be true or false');
    const receipt = await core.erase(c.req.param('id'), { suppress: suppress === 'true' });
    if (!receipt) throw notFound('profile');
    return c.json({ erased: receipt });
  });
  app.post('/api/profiles/merge', async (c) => {
    const body = await readJsonObject(c.req.raw);
    const [from, into] = userIdsOf(body, ['from', 'into']);
    if (from === into) throw invalidField('/into', 'must be another user than from');
    return c.json(mergeAnswer(await core.merge(from as string, into as string))); // one for each name asked for
  });
  app.post('/api/profiles/unmerge', async (c) => {
    const [userId] = userIdsOf(await readJsonObject(c.req.raw), ['userId']);
    return c.json(mergeAnswer(await core.unmerge(userId as string))); // likewise
  });
  app.get('/api/groups/:id', async (c) => {
    const group = await core.group(c.req.param('id'));
    if (!group) throw notFound('group');
    return c.json(group);
  });
  app.get('/api/profiles/:id/events', async (c) => {
    const page = await core.events(c.req.param('id'), pageOf(c));
    if (!page) throw notFound('profile');
    return c.json(page);
  });
  app.get('/api/profiles/:id/segments/:key/why', async (c) => {
    const key = c.req.param('key');
    const why = await core.why(c.req.param('id'), key);
    if (why === 'unknown_profile') throw notFound('profile');
    if (why === 'unknown_segment') throw notFound('segment');
    if (why === 'building')
      throw new ApiError(
        409,
        'building',
        `"${key}" is being built for the first time; ask again once it is ready`,
      );
    return c.json(why);
  });
  app.get('/api/profiles/:id/export', async (c) => {
    const pieces = await core.export(c.req.param('id'));
    if (!pieces) throw notFound('profile');
    c.header('content-type', 'application/json');
    c.header('content-disposition', 'attachment; filename="profile.json"');
    return c.body(streamOf(pieces));
  });
  app.get('/api/profiles/:id/transitions', async (c) => {
    const page = await core.profileTransitions(c.req.param('id'), pageOf(c));
    if (!page) throw notFound('profile');
    return c.json(page);
  });
}

/** User ids of a body that holds these fields and nothing else. */
function userIdsOf(body: JsonObject, fields: readonly string[]): string[] {
  const unknown = Object.keys(body).find((field) => !fields.includes(field));
  if (unknown !== undefined) throw invalidField(`/${unknown}`, 'unknown field');
  return fields.map((field) => {
    const value = body[field];
    const id = typeof value === 'number' ? String(value) : value;
    if (typeof id !== 'string' || id === '') throw invalidField(`/${field}`, 'must be a userId');
    return id;
  });
}

function mergeAnswer(result: MergeResult): { userId: string; id: string; undone?: number } {
  if (result.done) {
    const { userId, profileId: id, undone } = result;
    return { userId, id, ...(undone === undefined ? {} : { undone }) };
  }
  if (result.why === 'unknown')
    throw new ApiError(
      404,
      'not_found',
      `there is no user "${result.userId}"; give the userId itself, as messages have it`,
    );
  throw new ApiError(
    409,
    'merge_not_allowed',
    'this merge would take the profile past its limit of 1,000 ids or 100 merges',
  );
}

/** Made piece by piece, as fast as it is read. */
function streamOf(pieces: AsyncIterable<string>): ReadableStream<Uint8Array> {
  const source = pieces[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await source.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await source.return?.();
    },
  });
}

function addRejectedRoutes(app: Hono, parts: HttpParts): void {
  const { core } = parts;
  const idOf = (c: Context): number => {
    const text = c.req.param('id') ?? '';
    if (!/^\d{1,15}$/.test(text)) throw notFound('rejected message');
    return Number(text);
  };
  app.get('/api/rejected', async (c) => {
    const page: unknown = await core.rejected(pageOf(c));
    // Anybody may have sent them, nested however deep.
    return c.body(stringifyAnyDepth(page as JsonValue), 200, { 'content-type': 'application/json' }); // a page is JSON
  });
  app.delete('/api/rejected/:id', async (c) => {
    if (!(await core.removeRejected(idOf(c)))) throw notFound('rejected message');
    return c.body(null, 204);
  });
  app.post('/api/rejected/:id/replay', async (c) => {
    const answer = await replayRejected(parts, idOf(c), c.req.raw);
    if (!answer) throw notFound('rejected message');
    return c.json(answer);
  });
}
