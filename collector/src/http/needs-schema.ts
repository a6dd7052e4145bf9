// How the needs board is described in the OpenAPI document.
// Invariant: every field of an answer of /api/needs is here.
import type { Json } from './openapi-words.ts';

export function needsSchema(): Json {
  const orNull = (schema: Json): Json => ({ oneOf: [schema, { type: 'null' }] });
  const estimate: Json = {
    type: 'object',
    required: ['value', 'interval', 'n'],
    properties: {
      value: { type: 'number' },
      interval: { type: ['array', 'null'], items: { type: 'number' }, minItems: 2, maxItems: 2 },
      n: {},
    },
  };
  const part = (fields: readonly string[]): Json => ({
    type: 'object',
    required: fields,
    properties: Object.fromEntries(fields.map((field) => [field, orNull(estimate)])),
  });
  const stated = part(['importance']);
  for (const field of ['maxdiff', 'kano', 'themes'])
    Object.assign(stated.properties as Json, { [field]: { type: ['object', 'null'] } });
  const revealed = part(['use']);
  Object.assign(revealed.properties as Json, {
    retention: orNull(part(['users', 'nonUsers', 'difference'])),
  });
  const feature: Json = {
    type: 'object',
    required: ['key', 'name', 'surveys', 'event', 'where', 'stated', 'revealed', 'opportunity'],
    properties: {
      key: { type: 'string' },
      name: { type: 'string' },
      surveys: { type: 'array', items: { type: 'string' } },
      event: { type: ['string', 'null'] },
      where: {},
      stated,
      revealed,
      opportunity: orNull(estimate),
    },
  };
  return {
    type: 'object',
    required: ['at', 'within', 'segment', 'surveys', 'people', 'features'],
    properties: {
      at: { type: 'string', format: 'date-time' },
      within: { type: 'string' },
      segment: { type: ['string', 'null'] },
      surveys: { type: 'array', items: { type: 'string' } },
      people: { type: 'integer' },
      features: { type: 'array', items: feature },
    },
  };
}
