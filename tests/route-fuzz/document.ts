// The collector's own OpenAPI document as the fuzzer reads it: operations, their statuses and schemas.
// Invariant: operations come from the document alone; one that is not there is not asked.
import { createOpenApi } from '../../collector/src/http/openapi.ts';

export type Schema = { readonly [keyword: string]: unknown };

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
}

export interface Operation {
  /** `PUT /api/traits/{key}` */
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly needs: 'write' | 'admin' | 'nothing';
  readonly query: readonly string[];
  readonly bodySchema: Schema | null;
  /** By status; null: no body. */
  readonly answers: ReadonlyMap<number, { type: string; schema: Schema } | null>;
}

interface Described {
  readonly parameters?: readonly Parameter[];
  readonly security?: readonly object[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}
interface Content {
  readonly content?: Readonly<Record<string, { schema: Schema }>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

const document = createOpenApi() as unknown as Document; // its own shape; tests/openapi.test.ts holds it to the routes

export const operations: readonly Operation[] = Object.entries(document.paths).flatMap(([path, item]) =>
  METHODS.flatMap((method) => {
    const described = item[method];
    return described ? [operationOf(method.toUpperCase(), path, described)] : [];
  }),
);

function operationOf(method: string, path: string, described: Described): Operation {
  const security = JSON.stringify(described.security ?? []);
  const json = described.requestBody?.content?.['application/json'];
  return {
    id: `${method} ${path}`,
    method,
    path,
    needs: security.includes('adminKey') ? 'admin' : security.includes('writeKey') ? 'write' : 'nothing',
    query: (described.parameters ?? []).filter((one) => one.in === 'query').map(({ name }) => name),
    bodySchema: json?.schema ?? null,
    answers: new Map(
      Object.entries(described.responses).map(([status, { content }]) => {
        const [first] = Object.entries(content ?? {});
        return [Number(status), first ? { type: first[0], schema: first[1].schema } : null];
      }),
    ),
  };
}

/** A schema, with the one it refers to in its place. */
export function resolve(schema: Schema): Schema {
  const { $ref } = schema;
  if (typeof $ref !== 'string') return schema;
  const named = document.components.schemas[$ref.slice('#/components/schemas/'.length)];
  if (!named) throw new Error(`the document refers to ${$ref}, which is not there`);
  return resolve(named);
}
