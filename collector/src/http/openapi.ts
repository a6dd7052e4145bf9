// The description of the HTTP API, from the same schemas that check it.
// Invariant: every route is here with every status it answers; definitions are described by their own schema.
import { z } from 'zod';
import { segmentSchema, traitSchema } from '../wire/definitions.ts';
import { surveySchema } from '../wire/survey-definition.ts';
import { needsSchema } from './needs-schema.ts';
import { withFailures } from './openapi-failures.ts';
import { openPaths } from './openapi-open.ts';
import { resultSchemas } from './result-schemas.ts';

type Json = Record<string, unknown>;

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const json = (schema: Json): Json => ({ content: { 'application/json': { schema } } });
const ok = (description: string, schema: Json): Json => ({ description, ...json(schema) });
const failure = (description: string): Json => ok(description, ref('Error'));
const page = (schema: Json, next: Json = { type: ['string', 'null'] }): Json => ({
  type: 'object',
  required: ['data', 'next'],
  properties: { data: { type: 'array', items: schema }, next },
});
const parameter = (name: string, place: 'path' | 'query', description: string): Json => ({
  name,
  in: place,
  required: place === 'path',
  description,
  schema: { type: 'string' },
});
const paging = [
  { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 1000, default: 50 } },
  parameter('cursor', 'query', '`next` of the previous page'),
];
const admin = [{ adminKey: [] }];
const writer = [{ writeKey: [] }];
const idParameter = parameter('id', 'path', 'user:<userId>, anon:<anonymousId> or the profile’s own id');
const keyParameter = parameter('key', 'path', 'a-z, 0-9, then also _ . -, at most 64 characters');

let cached: Json | undefined;

/** OpenAPI 3.1; made once. */
export function createOpenApi(): Json {
  cached ??= build();
  return cached;
}

function build(): Json {
  const schemas: Json = {
    ...definitionSchemas(),
    ...resultSchemas(),
    Error: {
      type: 'object',
      required: ['error'],
      properties: {
        error: {
          type: 'object',
          required: ['code', 'message'],
          properties: { code: { type: 'string' }, message: { type: 'string' }, details: {} },
        },
      },
    },
    IngestAnswer: {
      type: 'object',
      required: ['success', 'accepted', 'duplicates', 'rejected'],
      properties: {
        success: { const: true },
        accepted: { type: 'integer' },
        duplicates: { type: 'integer' },
        rejected: {
          type: 'array',
          items: {
            type: 'object',
            properties: {
              index: { type: 'integer' },
              messageId: { type: ['string', 'null'] },
              code: { type: 'string' },
              message: { type: 'string' },
            },
          },
        },
        me: { anyOf: [ref('Me'), ref('MeError')] },
      },
    },
    DayLedger: {
      type: 'object',
      properties: {
        day: { type: 'string', format: 'date' },
        expected: { type: 'integer', description: 'Messages numbered, as far as later ones show' },
        received: { type: 'integer' },
        reported: { type: 'integer', description: 'Losses that the SDKs told of themselves' },
        doubtful: {
          type: 'integer',
          description: 'Page loads whose claim was implausible and was cut to what is plausible',
        },
        completeness: { type: ['number', 'null'], description: 'received / expected' },
      },
    },
    MeError: {
      type: 'object',
      required: ['error'],
      properties: { error: { const: 'invalid_signature' } },
    },
    Me: {
      type: 'object',
      required: ['segments', 'computed', 'surveys'],
      properties: {
        segments: { type: 'array', items: { type: 'string' } },
        computed: { type: 'object' },
        surveys: { type: 'array' },
      },
    },
    Message: {
      type: 'object',
      properties: {
        type: { enum: ['identify', 'track', 'page', 'screen', 'group', 'alias', 'survey'] },
        messageId: { type: 'string', maxLength: 512 },
        userId: { type: ['string', 'null'], maxLength: 512 },
        anonymousId: { type: ['string', 'null'], maxLength: 512 },
        timestamp: { type: ['string', 'number'] },
        context: { type: 'object' },
      },
      additionalProperties: true,
    },
    Profile: {
      type: 'object',
      properties: {
        id: { type: 'string' },
        userId: { type: ['string', 'null'] },
        anonymousIds: { type: 'array', items: { type: 'string' } },
        traits: { type: 'object' },
        computed: { type: 'object' },
        segments: {
          type: 'array',
          items: {
            type: 'object',
            properties: { key: { type: 'string' }, since: { type: 'string', format: 'date-time' } },
          },
        },
        groups: { type: 'array', items: { type: 'object' } },
        firstSeenAt: { type: ['string', 'null'], format: 'date-time' },
        lastSeenAt: { type: ['string', 'null'], format: 'date-time' },
        eventCount: { type: 'integer' },
        flags: { type: 'array', items: { type: 'string' } },
      },
    },
    Transition: {
      type: 'object',
      properties: {
        seq: { type: 'integer' },
        segment: { type: 'string' },
        profileId: { type: 'string' },
        userId: { type: ['string', 'null'] },
        change: { enum: ['entered', 'left'] },
        at: { type: 'string', format: 'date-time' },
        cause: { type: 'object' },
      },
    },
    Key: {
      type: 'object',
      properties: {
        id: { type: 'string' },
        kind: { enum: ['admin', 'web', 'server'] },
        role: { enum: ['admin', 'read'] },
        name: { type: ['string', 'null'] },
        createdAt: { type: 'string', format: 'date-time' },
      },
    },
    Needs: needsSchema(),
    Source: { type: 'object' },
    Rejected: {
      type: 'object',
      properties: {
        id: { type: 'integer' },
        receivedAt: { type: 'string', format: 'date-time' },
        code: { type: 'string' },
        reason: { type: 'string' },
        messageId: { type: ['string', 'null'] },
        message: {},
      },
    },
  };
  return {
    openapi: '3.1.0',
    info: { title: 'Tidemark collector', version: '1', license: { name: 'MIT', identifier: 'MIT' } },
    components: {
      schemas,
      securitySchemes: {
        writeKey: { type: 'http', scheme: 'basic', description: 'The write key as user name' },
        adminKey: { type: 'http', scheme: 'bearer', description: 'An admin key' },
      },
    },
    paths: withFailures({
      ...ingestPaths(),
      ...definitionPaths(),
      ...profilePaths(),
      ...operatorPaths(),
      ...openPaths(),
    }),
  };
}

/** zod gives one document a schema; its shared parts become components of ours. */
function definitionSchemas(): Json {
  const shared: Json = {};
  for (const [name, schema] of [
    ['TraitDefinition', traitSchema],
    ['SegmentDefinition', segmentSchema],
    ['SurveyDefinition', surveySchema],
  ] as const) {
    const text = JSON.stringify(z.toJSONSchema(schema, { io: 'input' }));
    const document = JSON.parse(text.replaceAll('#/$defs/', '#/components/schemas/')) as Json & {
      $defs?: Json;
    }; // JSON of an object
    const { $defs = {}, $schema: _schema, ...own } = document;
    // A schema with an id of its own is among its shared parts, and the document only points there.
    Object.assign(shared, $defs, Object.hasOwn($defs, name) ? {} : { [name]: own });
  }
  return { ...shared, DefinitionView: definitionView };
}

/** A definition as it is read: its own fields beside how far it is. */
const definitionView: Json = {
  type: 'object',
  required: ['key', 'status', 'progress'],
  properties: {
    key: { type: 'string' },
    status: { enum: ['building', 'ready'] },
    progress: { type: 'number', description: '0 to 1' },
    size: { type: 'integer', description: 'Segments only: people in it' },
  },
  additionalProperties: { description: 'The fields of the definition' },
};

function ingestPaths(): Json {
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
  for (const path of ['/v1/b', '/beacon/v1/batch']) paths[path] = paths['/v1/batch'];
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

function definitionPaths(): Json {
  const paths: Json = {};
  for (const [kind, name] of [
    ['traits', 'TraitDefinition'],
    ['segments', 'SegmentDefinition'],
    ['surveys', 'SurveyDefinition'],
  ] as const) {
    paths[`/api/${kind}`] = {
      get: {
        summary: `List ${kind}`,
        security: admin,
        parameters: paging,
        responses: { 200: ok('A page', page(ref('DefinitionView'))) },
      },
    };
    paths[`/api/${kind}/{key}`] = {
      parameters: [keyParameter],
      get: {
        summary: 'Read one',
        security: admin,
        responses: { 200: ok('The definition', ref('DefinitionView')), 404: failure('Unknown') },
      },
      put: {
        summary: 'Create or change one; it is built beside the one in force',
        security: admin,
        requestBody: { required: true, ...json(ref(name)) },
        responses: {
          200: ok('Changed, or as it was', ref('DefinitionView')),
          201: ok('Created', ref('DefinitionView')),
          422: failure('Invalid; details hold pointers'),
        },
      },
      delete: {
        summary: 'Delete one',
        security: admin,
        responses: {
          204: { description: 'Deleted' },
          404: failure('Unknown'),
          409: failure('Another definition needs it'),
        },
      },
    };
  }
  paths['/api/segments/{key}/profiles'] = {
    parameters: [keyParameter],
    get: {
      summary: 'Who is in the segment',
      security: admin,
      parameters: paging,
      responses: { 200: ok('A page', page({ type: 'object' })), 404: failure('Unknown') },
    },
  };
  paths['/api/segments/{key}/profiles/{id}'] = {
    parameters: [keyParameter, idParameter],
    put: {
      summary: 'Put somebody on a static segment, by the very id given',
      security: admin,
      responses: {
        204: { description: 'On it' },
        404: failure('Unknown segment or profile'),
        409: failure('Not a static segment'),
      },
    },
    delete: {
      summary: 'Take an id off a static segment',
      security: admin,
      responses: {
        204: { description: 'Off it' },
        404: failure('Unknown segment or profile'),
        409: failure('Not a static segment'),
      },
    },
  };
  paths['/api/segments/preview'] = {
    post: {
      summary: 'Size and a sample of people of a segment that is not saved',
      security: admin,
      requestBody: { required: true, ...json(ref('SegmentDefinition')) },
      responses: {
        200: ok('Its size and sample', { type: 'object' }),
        422: failure('Invalid; details hold pointers'),
      },
    },
  };
  paths['/api/surveys/{key}/eligibility'] = {
    parameters: [keyParameter],
    get: {
      summary: 'Why somebody would be asked now or not: every gate and what it rests on',
      security: admin,
      parameters: [
        parameter('id', 'query', 'user:<userId>, anon:<anonymousId> or the profile’s own'),
        parameter('url', 'query', 'the page they would be on'),
      ],
      responses: {
        200: ok('The gates', { type: 'object' }),
        400: failure('No id, or a url that is none'),
        404: failure('Unknown survey or profile'),
        409: failure('Still being built'),
      },
    },
  };
  paths['/api/surveys/{key}/responses'] = {
    parameters: [keyParameter],
    get: {
      summary: 'Every submission, one for each sender and submissionId',
      security: admin,
      parameters: paging,
      responses: { 200: ok('A page', page({ type: 'object' })), 404: failure('Unknown') },
    },
  };
  paths['/api/surveys/{key}/results'] = {
    parameters: [keyParameter],
    get: {
      summary: 'Counts, shares and scores with their intervals, funnel, quality, groups and weights',
      description:
        'Exact as of `at`. Figures that cannot be computed are null. docs/survey-results.md says what each means.',
      security: admin,
      parameters: [
        parameter('segment', 'query', 'only its members, as of now'),
        parameter('from', 'query', 'completed, or last heard of, from this day (UTC) or instant on'),
        parameter('to', 'query', 'to the end of this day or to this instant, included'),
        parameter(
          'by',
          'query',
          'tells groups apart: segment:<key>, computed:<key>, trait:<key>, or a key alone, looked for in that order',
        ),
      ],
      responses: {
        200: ok('The results', ref('SurveyResults')),
        400: failure('A bad parameter, an unknown segment or computed trait'),
        404: failure('Unknown survey'),
      },
    },
  };
  paths['/api/needs'] = {
    get: {
      summary: 'Stated need beside revealed use, feature by feature, the greatest opportunity first',
      security: admin,
      parameters: [
        parameter(
          'survey',
          'query',
          'a survey that maps features, repeated for more; all of them by default',
        ),
        parameter('segment', 'query', 'whose answers and use; everybody’s by default'),
        parameter('within', 'query', 'the window of use, such as 30d'),
      ],
      responses: {
        200: ok('The board', ref('Needs')),
        400: failure('No duration, an unknown parameter, or a survey without features'),
        404: failure('Unknown survey or segment'),
        409: failure('The segment is still being built'),
      },
    },
  };
  paths['/api/segments/{key}/transitions'] = {
    parameters: [keyParameter],
    get: {
      summary: 'Who entered and left, in order of commit',
      security: admin,
      parameters: [paging[0], parameter('after', 'query', 'the last seq seen')],
      responses: {
        200: ok('A page', page(ref('Transition'), { type: ['integer', 'null'] })),
        404: failure('Unknown'),
      },
    },
  };
  return paths;
}

function profilePaths(): Json {
  const one = { parameters: [idParameter] };
  const users = (...fields: string[]): Json => ({
    required: true,
    ...json({
      type: 'object',
      required: fields,
      properties: Object.fromEntries(fields.map((field) => [field, { type: 'string' }])),
    }),
  });
  return {
    '/api/profiles': {
      get: {
        summary: 'Find people by id, its beginning, or email',
        security: admin,
        parameters: [
          parameter('q', 'query', 'id, its beginning, or email'),
          parameter('segment', 'query', 'only its members'),
          ...paging,
        ],
        responses: { 200: ok('A page', page(ref('Profile'))), 404: failure('Unknown segment') },
      },
    },
    '/api/profiles/{id}': {
      ...one,
      get: {
        summary: 'One person',
        security: admin,
        responses: { 200: ok('The profile', ref('Profile')), 404: failure('Unknown') },
      },
      delete: {
        summary: 'Erase every trace of one person',
        security: admin,
        parameters: [parameter('suppress', 'query', '`true` also refuses their ids from then on')],
        responses: {
          200: ok('What was removed', { type: 'object' }),
          400: failure('Another parameter, or suppress that is neither true nor false'),
          404: failure('Unknown'),
        },
      },
    },
    '/api/profiles/merge': {
      post: {
        summary: 'Merge one user into another',
        security: admin,
        requestBody: users('from', 'into'),
        responses: {
          200: ok('The survivor', { type: 'object' }),
          404: failure('An unknown user'),
          409: failure('Past 1,000 ids or 100 merges'),
          422: failure('A field that is none'),
        },
      },
    },
    '/api/profiles/unmerge': {
      post: {
        summary: 'Undo every merge made from a user so far',
        security: admin,
        requestBody: users('userId'),
        responses: {
          200: ok('The user', { type: 'object' }),
          404: failure('An unknown user'),
          409: failure('Past 1,000 ids or 100 merges'),
          422: failure('A field that is none'),
        },
      },
    },
    '/api/profiles/{id}/export': {
      ...one,
      get: {
        summary: 'Everything about one person',
        security: admin,
        responses: { 200: ok('Everything', { type: 'object' }), 404: failure('Unknown') },
      },
    },
    '/api/profiles/{id}/segments/{key}/why': {
      parameters: [idParameter, keyParameter],
      get: {
        summary: 'Why somebody is in a segment or not: its condition as a tree, with values and messages',
        security: admin,
        responses: {
          200: ok('The explanation', { type: 'object' }),
          404: failure('Unknown'),
          409: failure('Still being built'),
        },
      },
    },
    '/api/groups/{id}': {
      parameters: [parameter('id', 'path', 'the groupId')],
      get: {
        summary: 'A group’s traits and how many people are in it',
        security: admin,
        responses: { 200: ok('The group', { type: 'object' }), 404: failure('Unknown') },
      },
    },
    '/api/profiles/{id}/events': {
      ...one,
      get: {
        summary: 'Their messages, newest first',
        security: admin,
        parameters: paging,
        responses: { 200: ok('A page', page(ref('Message'))), 404: failure('Unknown') },
      },
    },
    '/api/profiles/{id}/transitions': {
      ...one,
      get: {
        summary: 'Their changes of segment, newest first',
        security: admin,
        parameters: paging,
        responses: { 200: ok('A page', page(ref('Transition'))), 404: failure('Unknown') },
      },
    },
  };
}

function operatorPaths(): Json {
  const id = [parameter('id', 'path', 'its id')];
  return {
    '/api/keys': {
      get: {
        summary: 'List keys, without the keys',
        security: admin,
        parameters: paging,
        responses: { 200: ok('A page', page(ref('Key'))) },
      },
      post: {
        summary: 'Make a key; it is shown this once',
        security: admin,
        requestBody: { required: true, ...json(ref('Key')) },
        responses: { 201: ok('The key', ref('Key')), 422: failure('A field that is none') },
      },
    },
    '/api/keys/{id}': {
      parameters: id,
      delete: {
        summary: 'Revoke a key',
        security: admin,
        responses: {
          204: { description: 'Revoked' },
          404: failure('Unknown'),
          409: failure('The last admin key'),
        },
      },
    },
    '/api/sources': {
      get: {
        summary: 'The sources, with their signing secret for role admin',
        security: admin,
        responses: { 200: ok('All sources', page(ref('Source'))) },
      },
    },
    '/api/sources/{id}': {
      parameters: id,
      get: {
        summary: 'One source',
        security: admin,
        responses: { 200: ok('The source', ref('Source')), 404: failure('Unknown') },
      },
      patch: {
        summary: 'Set requireSignature or allowedOrigins',
        security: admin,
        requestBody: { required: true, ...json({ type: 'object' }) },
        responses: {
          200: ok('The source', ref('Source')),
          404: failure('Unknown'),
          422: failure('A field that is none'),
        },
      },
    },
    '/api/sources/{id}/completeness': {
      parameters: id,
      get: {
        summary: 'How much of what the SDKs numbered arrived, by day (UTC) of event time',
        security: admin,
        parameters: [
          parameter('from', 'query', 'First day, like 2026-06-10; by default six days before `to`'),
          parameter('to', 'query', 'Last day; by default today. At most 31 days'),
        ],
        responses: {
          200: ok('The days with numbered messages', page(ref('DayLedger'))),
          400: failure('Days that are none, or too many'),
          404: failure('Unknown'),
        },
      },
    },
    '/api/sources/{id}/rotate-signing-secret': {
      parameters: id,
      post: {
        summary: 'New signing secret; the old one holds 24 hours more',
        security: admin,
        responses: { 200: ok('The source', ref('Source')), 404: failure('Unknown') },
      },
    },
    '/api/rejected': {
      get: {
        summary: 'Messages that were rejected, newest first',
        security: admin,
        parameters: paging,
        responses: { 200: ok('A page', page(ref('Rejected'))) },
      },
    },
    '/api/rejected/{id}': {
      parameters: id,
      delete: {
        summary: 'Forget one',
        security: admin,
        responses: { 204: { description: 'Forgotten' }, 404: failure('Unknown') },
      },
    },
    '/api/rejected/{id}/replay': {
      parameters: id,
      post: {
        summary: 'Take it again, mended if { message } is given',
        security: admin,
        requestBody: json({ type: 'object', properties: { message: { type: 'object' } } }),
        responses: {
          200: ok('What became of it', ref('IngestAnswer')),
          404: failure('Unknown'),
          422: failure('Too little of it was kept'),
        },
      },
    },
    '/api/openapi.json': {
      get: {
        summary: 'This document',
        security: admin,
        responses: { 200: ok('OpenAPI 3.1', { type: 'object' }) },
      },
    },
  };
}
