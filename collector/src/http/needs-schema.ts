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
  /** `more`: fields that are no estimates and may be missing. */
  const part = (fields: readonly string[], more: Json = {}): Json => ({
    type: 'object',
    required: fields,
    properties: { ...Object.fromEntries(fields.map((field) => [field, orNull(estimate)])), ...more },
  });
  const object = { type: ['object', 'null'] };
  const stated = part(['importance'], { maxdiff: object, kano: object, themes: object });
  const revealed = part(['use'], { retention: orNull(part(['users', 'nonUsers', 'difference'])) });
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
