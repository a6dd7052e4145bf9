// How the routes are described that take messages and tell a sender about themselves.
// Invariant: describes only; the routes themselves are in files of their own.
import { failure, type Json, json, ok, parameter, ref, writer } from './openapi-words.ts';

export function ingestPaths(): Json {
  const answer = { 200: ok('What became of each message', ref('IngestAnswer')) };
  const body = (schema: Json): Json => ({ required: true, ...json(schema) });
  const reply = parameter('reply', 'query', '`me` adds the sender’s own exposed view');
  const paths: Json = {
    '/v1/batch': {
      post: {
        summary: 'Store up to 2,000 messages',
        security: writer,
        parameters: [reply],
        requestBody: body({
          type: 'object',
          required: ['batch'],
          properties: {
            batch: { type: 'array', items: ref('Message') },
            sentAt: { type: 'string' },
            context: { type: 'object' },
            writeKey: { type: 'string' },
          },
        }),
        responses: answer,
      },
    },
    '/v1/seen': {
      post: {
        summary: 'Which messages are stored already, so that a client need not send them again',
        security: writer,
        requestBody: body({
          type: 'object',
          required: ['messageIds'],
          properties: { messageIds: { type: 'array', maxItems: 10_000, items: { type: 'string' } } },
        }),
        responses: {
          200: ok('Those of them that are', {
            type: 'object',
            required: ['seen'],
            properties: { seen: { type: 'array', items: { type: 'string' } } },
          }),
          400: failure('Not a list of texts'),
        },
      },
    },
    '/v1/me': {
      get: {
        summary: 'What a person may read about themselves',
        security: writer,
        parameters: ['anonymousId', 'userId', 'userSignature', 'url'].map((name) =>
          parameter(name, 'query', name),
        ),
        responses: {
          200: ok('The exposed view', ref('Me')),
          400: failure('An id or a url that is none'),
          401: failure('Wrong key or signature'),
        },
      },
      post: {
        summary: 'The same, with the fields in the body',
        security: writer,
        requestBody: body({ type: 'object' }),
        responses: { 200: ok('The exposed view', ref('Me')), 401: failure('Wrong key or signature') },
      },
    },
  };
  for (const path of ['/v1/b', '/v1/import', '/beacon/v1/batch']) paths[path] = paths['/v1/batch'];
  for (const [type, ...names] of [
    ['identify', 'i'],
    ['track', 't'],
    ['page', 'p'],
    ['screen', 's'],
    ['group', 'g'],
    ['alias', 'a'],
    ['survey'],
  ] as const)
    for (const name of [type, ...names])
      paths[`/v1/${name}`] = {
        post: {
          summary: `Store one ${type} message`,
          security: writer,
          parameters: [reply],
          requestBody: body(ref('Message')),
          responses: answer,
        },
      };
  return paths;
}
