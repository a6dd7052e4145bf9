// The description of the HTTP API, from the same schemas that check it.
// Invariant: every route is here with every status it answers; definitions are described by their own schema.
import { definitionPaths } from './openapi-definitions.ts';
import { withFailures } from './openapi-failures.ts';
import { ingestPaths } from './openapi-ingest.ts';
import { openPaths } from './openapi-open.ts';
import { operatorPaths } from './openapi-operator.ts';
import { profilePaths } from './openapi-profiles.ts';
import { schemas } from './openapi-schemas.ts';
import type { Json } from './openapi-words.ts';

let cached: Json | undefined;

/** OpenAPI 3.1; made once. */
export function createOpenApi(): Json {
  cached ??= build();
  return cached;
}

function build(): Json {
  return {
    openapi: '3.1.0',
    info: { title: 'Tidemark collector', version: '1', license: { name: 'MIT', identifier: 'MIT' } },
    components: {
      schemas: schemas(),
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
