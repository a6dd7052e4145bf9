// How the routes are described that show people and groups, merge people and erase them.
// Invariant: describes only; the routes themselves are in files of their own.
import {
  admin,
  failure,
  idParameter,
  type Json,
  json,
  keyParameter,
  ok,
  page,
  paging,
  parameter,
  ref,
} from './openapi-words.ts';

export function profilePaths(): Json {
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
          200: ok('The explanation', {
            type: 'object',
            required: ['segment', 'profileId', 'userId', 'member', 'since', 'at', 'changesAt', 'why'],
            properties: {
              segment: { type: 'string' },
              profileId: { type: 'string' },
              userId: { type: ['string', 'null'] },
              member: { type: 'boolean' },
              since: { type: ['string', 'null'], format: 'date-time' },
              at: { type: 'string', format: 'date-time', description: 'The clock this is true at' },
              changesAt: {
                type: ['string', 'null'],
                format: 'date-time',
                description: 'When time alone will change it; null if it will not',
              },
              anonymous: {
                const: true,
                description: 'Sent with anonymous consent alone: in no segment, whatever the condition says',
              },
              why: {
                type: 'object',
                description: 'The condition as a tree, each part with what its answer rests on',
                properties: {
                  holds: { type: 'boolean' },
                  listed: {
                    type: 'array',
                    items: { type: 'string' },
                    description:
                      'Of a static segment: by which of their ids the person is on it, as user: and anon:',
                  },
                },
              },
            },
          }),
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
