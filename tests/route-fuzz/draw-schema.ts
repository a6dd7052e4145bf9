// Draws a value that a schema of the OpenAPI document allows, from words that mean something to the collector.
// Invariant: what it draws satisfies the schema's shape; rules that no schema can say it may break.
import { DEVICES, FORMULA_KEYS, SEGMENT_KEYS, SURVEYS, TRAIT_KEYS, USERS } from '../oracle/script.ts';
import type { Random } from '../random.ts';
import { resolve, type Schema } from './document.ts';
import type { Drawable } from './json-text.ts';

/** Deeper than this optional parts are left out and unions take their last, which has no parts of its kind. */
const MAX_DEPTH = 6;

/** Words that fit some pattern each, and most of which name something. */
const WORDS = [
  ...[...TRAIT_KEYS, ...FORMULA_KEYS, ...SEGMENT_KEYS, ...SURVEYS, ...USERS, ...DEVICES],
  ...['a', 'b', 'ab', 'a*', '*', '$page', '$survey', '$identify', 'v', 'tag', 'o.b', 'properties.v', 'name'],
  ...['5s', '1m', '30d', '100w', '2026-06-10', '2026-06-10T12:00:10Z', 'en', 'zh-CN', 'end', 'score', 'why'],
  ...['t1 + 1', 'min(t1, [t2])', 'coalesce(t1, 0) / t2', '/cart/*', 'https://shop.example/*', '#fff', '4px'],
] as const;

export function drawFrom(given: Schema, dice: Random, depth = 0): Drawable {
  const schema = resolve(given);
  const union = (schema.anyOf ?? schema.oneOf) as readonly Schema[] | undefined;
  if (union) return drawFrom(depth > MAX_DEPTH ? (union.at(-1) ?? {}) : dice.pick(union), dice, depth + 1);
  if (schema.const !== undefined) return schema.const as Drawable; // JSON
  if (Array.isArray(schema.enum)) return dice.pick<Drawable>(schema.enum);
  const type = Array.isArray(schema.type) ? dice.pick<unknown>(schema.type) : schema.type;
  switch (type) {
    case 'object':
      return drawObject(schema, dice, depth);
    case 'array': {
      const least = Number(schema.minItems ?? 0);
      const length = least + (depth > MAX_DEPTH ? 0 : dice.below(3));
      return Array.from({ length }, () => drawFrom((schema.items ?? {}) as Schema, dice, depth + 1));
    }
    case 'string':
      return drawText(schema, dice);
    case 'integer':
    case 'number': {
      const least = Number(schema.minimum ?? schema.exclusiveMinimum ?? 0);
      const most = Math.min(Number(schema.maximum ?? schema.exclusiveMaximum ?? least + 120), least + 120);
      return (
        least + dice.below(Math.max(1, most - least)) + (type === 'number' && dice.chance(0.2) ? 0.5 : 0)
      );
    }
    case 'boolean':
      return dice.chance(0.5);
    case 'null':
      return null;
    default:
      return dice.pick(WORDS);
  }
}

function drawObject(schema: Schema, dice: Random, depth: number): Drawable {
  const {
    properties = {},
    required = [],
    additionalProperties,
  } = schema as {
    properties?: Readonly<Record<string, Schema>>;
    required?: readonly string[];
    additionalProperties?: boolean | Schema;
  }; // a schema of an object
  const made: { [key: string]: Drawable } = {};
  for (const [key, member] of Object.entries(properties))
    if (required.includes(key) || dice.chance(depth > MAX_DEPTH ? 0 : 0.35))
      made[key] = drawFrom(member, dice, depth + 1);
  if (typeof additionalProperties === 'object' && dice.chance(0.5))
    made[dice.pick(['en', 'zh', 'v'])] = drawFrom(additionalProperties, dice, depth + 1);
  return made;
}

function drawText(schema: Schema, dice: Random): string {
  if (typeof schema.pattern !== 'string') return dice.pick(WORDS);
  const pattern = new RegExp(schema.pattern, 'u');
  for (let left = 40; left > 0; left--) {
    const word = dice.pick(WORDS);
    if (pattern.test(word)) return word;
  }
  return dice.pick(WORDS);
}
