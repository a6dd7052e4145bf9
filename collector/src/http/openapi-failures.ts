// The failures that many routes share, described once and given to each route that can answer so.
// Invariant: a route's own words about a status win; what is here follows from how the route is asked.
import { failure, type Json } from './openapi-words.ts';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/** Every path with the failures added that follow from its security, its body and its parameters. */
export function withFailures(paths: Json): Json {
  return Object.fromEntries(
    Object.entries(paths).map(([path, item]) => {
      const operations = item as Json; // path items are objects throughout
      return [
        path,
        Object.fromEntries(
          Object.entries(operations).map(([name, operation]) => [
            name,
            METHODS.includes(name) ? withShared(name, operation as Json) : operation, // as above
          ]),
        ),
      ];
    }),
  );
}

function withShared(method: string, operation: Json): Json {
  const own = operation.responses as Json; // every operation has responses
  return { ...operation, responses: { ...sharedFailures(method, operation), ...own } };
}

function sharedFailures(method: string, { security, requestBody, parameters }: Json): Json {
  const key = JSON.stringify(security ?? []);
  const isWriter = key.includes('writeKey');
  const isAdmin = key.includes('adminKey');
  const isPaged = JSON.stringify(parameters ?? []).includes('"limit"');
  const stored = failure('The database takes nothing right now; send again after Retry-After');
  return {
    ...(requestBody || isPaged ? { 400: failure('A body or a parameter that is none') } : {}),
    ...(requestBody ? { 413: failure('Too large') } : {}),
    ...(isWriter
      ? {
          401: failure('Wrong or missing key'),
          403: failure('Pages of this origin may not send with this key'),
          429: failure('Too many requests; ask again after Retry-After'),
        }
      : {}),
    ...(isAdmin
      ? {
          401: failure('An admin key is required'),
          403: failure(
            method === 'get'
              ? 'A page of another origin'
              : 'A page of another origin, or a key with the role read',
          ),
        }
      : {}),
    ...(isWriter || isAdmin ? { 503: stored } : {}),
  };
}
