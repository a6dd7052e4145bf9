// The words that the OpenAPI document is written with: answers, pages, parameters, who may ask.
// Invariant: what several routes say in the same way is said once.

export type Json = Record<string, unknown>;

/** A schema of the document. */
export const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
/** A body of JSON. */
export const json = (schema: Json): Json => ({ content: { 'application/json': { schema } } });
/** An answer of JSON. */
export const ok = (description: string, schema: Json): Json => ({ description, ...json(schema) });
export const failure = (description: string): Json => ok(description, ref('Error'));
/** A page of a list; `next` is what its place looks like. */
export const page = (schema: Json, next: Json = { type: ['string', 'null'] }): Json => ({
  type: 'object',
  required: ['data', 'next'],
  properties: { data: { type: 'array', items: schema }, next },
});
export const parameter = (name: string, place: 'path' | 'query', description: string): Json => ({
  name,
  in: place,
  required: place === 'path',
  description,
  schema: { type: 'string' },
});
export const paging = [
  { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 1000, default: 50 } },
  parameter('cursor', 'query', '`next` of the previous page'),
];
export const admin = [{ adminKey: [] }];
export const writer = [{ writeKey: [] }];
export const idParameter = parameter(
  'id',
  'path',
  'user:<userId>, anon:<anonymousId> or the profile’s own id',
);
export const keyParameter = parameter('key', 'path', 'a-z, 0-9, then also _ . -, at most 64 characters');
