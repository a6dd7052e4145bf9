// The words that definitions of every kind are made of: keys, durations, comparisons, tests of one message.
// Invariant: what parses here compiles without further checks.
import { z } from 'zod';
import { DURATION_PATTERN, readDuration } from './duration.ts';
import { readDate } from './instant.ts';

/** Keys of traits, segments and surveys. */
export const KEY_PATTERN = /^[a-z0-9][a-z0-9_.-]{0,63}$/;
/** Longest name, event name, path or trait name in a definition, in characters. */
export const MAX_WORD_CHARS = 1_024;
/** Most values `in` and `not_in` may list: longer lists belong into a trait or another segment. */
export const MAX_LISTED_VALUES = 1_000;
/** Longest sequence: a funnel of more steps is several segments. */
export const MAX_SEQUENCE_STEPS = 20;

export const NUMERIC_OPS = ['eq', 'neq', 'gt', 'gte', 'lt', 'lte'] as const;
export const OPS = [
  ...NUMERIC_OPS,
  'contains',
  'not_contains',
  'starts_with',
  'ends_with',
  'in',
  'not_in',
  'exists',
  'not_exists',
  'includes',
  'before',
  'after',
  'within_last',
  'within_next',
] as const;

export type NumericOp = (typeof NUMERIC_OPS)[number];
export type Op = (typeof OPS)[number];

export const word = z.string().min(1).max(MAX_WORD_CHARS);
export const key = z
  .string()
  .regex(KEY_PATTERN, 'must be a key: a-z, 0-9, then also _ . -, at most 64 characters');
export const name = word.optional();

export const exposeSchema = z
  .enum(['none', 'verified', 'public'])
  .meta({ description: 'Who besides the admin may read it about themselves; none unless said otherwise' });
export type Expose = z.infer<typeof exposeSchema>;
export const expose = exposeSchema.optional();

export const duration = z
  .string()
  .regex(DURATION_PATTERN, 'must be a duration such as "30d" (s m h d w)')
  .refine((text) => !DURATION_PATTERN.test(text) || readDuration(text) !== undefined, {
    error: 'must be a duration from 1s to 100 years',
  })
  .meta({ description: 'A whole number and a unit: s m h d w' });

/** What `readDate` accepts, for those whose date it refused. */
const A_DATE = 'an ISO 8601 date (YYYY-MM-DD, optionally Thh:mm[:ss[.fff]] and Z or an offset)';

export const instant = z
  .string()
  .refine((text) => readDate(text) !== undefined, { error: `must be ${A_DATE}` })
  .meta({ description: 'YYYY-MM-DD, optionally Thh:mm[:ss[.fff]] and Z or an offset (none is UTC)' });

const range = z
  .strictObject({ from: instant, to: instant })
  // A date that is none has its own fault: whatever it is compared with, it is not later.
  .refine(({ from, to }) => !((readDate(from) ?? Number.NaN) > (readDate(to) ?? Number.NaN)), {
    path: ['to'],
    error: 'must not be before from',
  });

export const withinSchema = z
  .union([duration, range], { error: 'must be a duration such as "30d", or { from, to }' })
  .meta({ id: 'Within' });
export type Within = z.infer<typeof withinSchema>;
export const within = withinSchema.optional();

const scalar = z.union([z.string(), z.number(), z.boolean()], {
  error: 'must be text, a number or true/false',
});
export const operand = z
  .union([scalar, z.array(scalar).max(MAX_LISTED_VALUES), z.null()], {
    error: `must be text, a number, true/false or a list of at most ${MAX_LISTED_VALUES.toLocaleString('en')} of them`,
  })
  .optional();
export type Operand = z.infer<typeof operand>;

export const op = z.enum(OPS);

/** Says what is wrong with the value given to an op, or nothing. */
function operandFault(op: Op, value: Operand): string | undefined {
  if (op === 'exists' || op === 'not_exists') return value == null ? undefined : `is not used by ${op}`;
  if (value == null) return 'is required';
  switch (op) {
    case 'in':
    case 'not_in':
      return Array.isArray(value) ? undefined : `must be a list for ${op}`;
    case 'contains':
    case 'not_contains':
    case 'starts_with':
    case 'ends_with':
      return typeof value === 'string' ? undefined : `must be text for ${op}`;
    case 'within_last':
    case 'within_next':
      return typeof value === 'string' && readDuration(value) !== undefined
        ? undefined
        : `must be a duration such as "30d" for ${op}`;
    case 'before':
    case 'after':
      return typeof value === 'string' && readDate(value) !== undefined
        ? undefined
        : `must be ${A_DATE} for ${op}`;
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return isOrdered(value) ? undefined : `must be a number, a numeric text or ${A_DATE} for ${op}`;
    default:
      return Array.isArray(value) ? `must be text, a number or true/false for ${op}` : undefined;
  }
}

const NUMERIC_TEXT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

function isOrdered(value: Operand): boolean {
  if (typeof value === 'number') return true;
  if (typeof value !== 'string') return false;
  if (readDate(value) !== undefined) return true;
  return value.length <= MAX_WORD_CHARS && NUMERIC_TEXT.test(value) && Number.isFinite(Number(value));
}

export function checkOperand({ value, issues }: z.core.ParsePayload<{ op: Op; value?: Operand }>): void {
  const fault = operandFault(value.op, value.value);
  if (fault) issues.push({ code: 'custom', path: ['value'], message: fault, input: value.value });
}

const whereLeaf = z.strictObject({ path: word, op, value: operand }).check(checkOperand);

/** A test of one message: a comparison at a path from its top, or a tree of such. */
export type Where = z.infer<typeof whereLeaf> | { all: Where[] } | { any: Where[] } | { not: Where };

export const whereSchema: z.ZodType<Where> = z
  .lazy(() =>
    z.union(
      [
        z.strictObject({ all: z.array(whereSchema) }),
        z.strictObject({ any: z.array(whereSchema) }),
        z.strictObject({ not: whereSchema }),
        whereLeaf,
      ],
      { error: 'must be { path, op, value } or one of all, any, not' },
    ),
  )
  .meta({ id: 'Where' });
export const where = whereSchema.optional();

export const event = word.meta({
  description:
    'A track event, $page, $screen, $identify, $group, $survey, or * for every message but alias; ' +
    'a trailing * matches a prefix of track names',
});
export const percent = z.number().min(0).max(100);
