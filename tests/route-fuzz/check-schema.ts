// Holds a JSON value against a schema of the OpenAPI document.
// Invariant: a keyword it does not know is an error, so that no rule of the document is passed over.
import { resolve, type Schema } from './document.ts';

/** Say something about what is allowed. */
const CHECKS: Readonly<
  Record<string, (rule: never, value: unknown, at: string, schema: Schema) => string[]>
> = {
  type: (rule: string | readonly string[], value, at) =>
    [rule].flat().some((type) => isOf(type, value)) ? [] : [`${at} must be ${rule}, is ${brief(value)}`],
  enum: (rule: readonly unknown[], value, at) =>
    rule.includes(value) ? [] : [`${at} must be one of ${rule}, is ${brief(value)}`],
  const: (rule: unknown, value, at) => (rule === value ? [] : [`${at} must be ${rule}, is ${brief(value)}`]),
  required: (rule: readonly string[], value, at) =>
    isRecord(value)
      ? rule.filter((key) => !Object.hasOwn(value, key)).map((key) => `${at}/${key} is missing`)
      : [],
  properties: (rule: Readonly<Record<string, Schema>>, value, at) =>
    isRecord(value)
      ? Object.entries(rule).flatMap(([key, schema]) =>
          Object.hasOwn(value, key) ? schemaFaults(schema, value[key], `${at}/${key}`) : [],
        )
      : [],
  additionalProperties: (rule: boolean | Schema, value, at, { properties = {} }) => {
    if (!isRecord(value) || rule === true) return [];
    const others = Object.keys(value).filter((key) => !Object.hasOwn(properties as object, key)); // a record of schemas
    if (rule === false) return others.map((key) => `${at}/${key} is not described`);
    return others.flatMap((key) => schemaFaults(rule, value[key], `${at}/${key}`));
  },
  items: (rule: Schema, value, at) =>
    Array.isArray(value) ? value.flatMap((item, i) => schemaFaults(rule, item, `${at}/${i}`)) : [],
  minItems: (rule: number, value, at) =>
    Array.isArray(value) && value.length < rule ? [`${at} has fewer than ${rule}`] : [],
  maxItems: (rule: number, value, at) =>
    Array.isArray(value) && value.length > rule ? [`${at} has more than ${rule}`] : [],
  maxLength: (rule: number, value, at) =>
    typeof value === 'string' && [...value].length > rule ? [`${at} is longer than ${rule}`] : [],
  minimum: (rule: number, value, at) =>
    typeof value === 'number' && value < rule ? [`${at} is below ${rule}`] : [],
  maximum: (rule: number, value, at) =>
    typeof value === 'number' && value > rule ? [`${at} is above ${rule}`] : [],
  format: (rule: string, value, at) =>
    typeof value === 'string' && !(FORMATS[rule] as RegExp).test(value)
      ? [`${at} is no ${rule}: ${value}`]
      : [], // unknown ones throw
  anyOf: (rule: readonly Schema[], value, at) => someOf(rule, value, at),
  oneOf: (rule: readonly Schema[], value, at) => someOf(rule, value, at),
};
const SILENT = new Set(['description', 'default', '$ref', 'id', 'title']);
const FORMATS: Readonly<Record<string, RegExp>> = {
  date: /^\d{4}-\d\d-\d\d$/,
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
};

/** What is wrong with a value, each with its place; empty: nothing. */
export function schemaFaults(given: Schema, value: unknown, at = ''): string[] {
  const schema = resolve(given);
  return Object.entries(schema).flatMap(([keyword, rule]) => {
    if (SILENT.has(keyword)) return [];
    const check = CHECKS[keyword];
    if (!check) throw new Error(`no check for the keyword ${keyword} of the OpenAPI document`);
    return check(rule as never, value, at, schema); // each check knows the type of its own keyword
  });
}

function someOf(schemas: readonly Schema[], value: unknown, at: string): string[] {
  const all = schemas.map((schema) => schemaFaults(schema, value, at));
  return all.some((faults) => faults.length === 0) ? [] : (all[0] ?? []);
}

function isOf(type: string, value: unknown): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isRecord(value);
  if (type === 'integer') return Number.isInteger(value);
  // JSON Schema's names are JavaScript's for what is left.
  return typeof value === type;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const brief = (value: unknown): string => JSON.stringify(value)?.slice(0, 80) ?? String(value);
