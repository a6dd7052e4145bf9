// How the routes are described that only whoever runs the collector needs: keys, sources, refused messages.
// Invariant: describes only; the routes themselves are in files of their own.
import { admin, failure, type Json, json, ok, page, paging, parameter, ref } from './openapi-words.ts';

export function operatorPaths(): Json {
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
