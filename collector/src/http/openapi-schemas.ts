// The schemas of the OpenAPI document: what is sent, and what is answered.
// Invariant: definitions are described by the schemas that check them.

import { z } from 'zod';
import { segmentSchema, traitSchema } from '../wire/definitions.ts';
import { surveySchema } from '../wire/survey-definition.ts';
import { eligibilitySchemas } from './eligibility-schema.ts';
import { needsSchema } from './needs-schema.ts';
import { type Json, ref } from './openapi-words.ts';
import { resultSchemas } from './result-schemas.ts';

export function schemas(): Json {
  return {
    ...definitionSchemas(),
    ...resultSchemas(),
    ...eligibilitySchemas(),
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
        context: { type: ['object', 'null'] },
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
        flags: { type: 'array', items: { enum: ['identity_limit', 'anonymous'] } },
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
    const document: Json & { $defs?: Json } = JSON.parse(
      text.replaceAll('#/$defs/', '#/components/schemas/'),
    );
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
