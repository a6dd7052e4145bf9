// What a definition of a trait or a segment may say, and the file of all definitions.
// Invariant: a parsed definition holds only known fields and can be compiled without further checks.
import { z } from 'zod';
import {
  checkOperand,
  duration,
  event,
  expose,
  KEY_PATTERN,
  key,
  MAX_SEQUENCE_STEPS,
  MAX_WORD_CHARS,
  NUMERIC_OPS,
  name,
  op,
  operand,
  percent,
  where,
  within,
  withinSchema,
  word,
} from './definition-words.ts';
import { type Fault, faultsOf, isRecord, outOfBounds, pointerPart } from './faults.ts';
import { parseFormula } from './formula.ts';
import { parseRetention, type Retention } from './retention.ts';
import { type SurveyDefinition, surveySchema } from './survey-definition.ts';

export type { Expose, NumericOp, Op, Operand, Where, Within } from './definition-words.ts';
export { KEY_PATTERN, NUMERIC_OPS, OPS } from './definition-words.ts';
export { durationMs } from './duration.ts';
export type { Fault } from './faults.ts';
export type { Retention } from './retention.ts';
export type { SurveyDefinition } from './survey-definition.ts';

const property = word.meta({ description: 'A path inside properties' });

const selection = { name, event, where, within, expose };

const countTrait = z.strictObject({ type: z.enum(['count', 'active_days']), ...selection });
const seenTrait = z.strictObject({ type: z.enum(['first_seen', 'last_seen']), ...selection });
const propertyTrait = z.strictObject({
  type: z.enum(['sum', 'avg', 'min', 'max', 'first', 'last', 'unique_count', 'unique_list']),
  ...selection,
  property,
});
const frequentTrait = z.strictObject({
  type: z.literal('most_frequent'),
  ...selection,
  property,
  minCount: z.int().min(1).optional().meta({ description: 'Least occurrences; 1 unless given' }),
});
const formulaTrait = z
  .strictObject({
    type: z.literal('formula'),
    name,
    expression: word.meta({
      description:
        'Over computed traits: + - * / ( ), numbers, keys (in square brackets unless they are [a-z][a-z0-9_]* ' +
        'and no function’s name), min max round coalesce',
    }),
    expose,
  })
  .check(({ value, issues }) => {
    const parsed = parseFormula(value.expression);
    if (!parsed.ok)
      issues.push({ code: 'custom', path: ['expression'], message: parsed.message, input: value.expression });
  });

export const traitSchema = z
  .discriminatedUnion('type', [countTrait, seenTrait, propertyTrait, frequentTrait, formulaTrait], {
    error:
      'must be one of count, sum, avg, min, max, first, last, first_seen, last_seen, most_frequent, ' +
      'unique_count, unique_list, active_days, formula',
  })
  .meta({ id: 'TraitDefinition' });
export type TraitDefinition = z.infer<typeof traitSchema>;
export type TraitType = TraitDefinition['type'];
export type FormulaDefinition = Extract<TraitDefinition, { type: 'formula' }>;
/** A trait computed from messages, which every type but a formula is. */
export type MeasuredDefinition = Exclude<TraitDefinition, FormulaDefinition>;

const traitLeaf = z
  .strictObject({
    trait: word,
    op,
    value: operand,
    for: duration.optional().meta({ description: 'Has compared so without a break for at least this long' }),
  })
  .check(checkOperand);
const computedLeaf = z.strictObject({ computed: key, op, value: operand }).check(checkOperand);
const eventLeaf = z.strictObject({
  event,
  where,
  count: z
    .strictObject({ op: z.enum(NUMERIC_OPS), value: z.int().min(0) })
    .optional()
    .meta({ description: 'How often; at least once unless given' }),
  within,
});
const segmentLeaf = z.strictObject({ segment: key });

const presentStep = z.strictObject({
  event,
  where,
  within: duration
    .optional()
    .meta({ description: 'Less than this after the step before; never on the first' }),
});
const absentStep = z.strictObject({
  absent: z.strictObject({ event, where }),
  within: duration.meta({ description: 'The step holds from this long after the step before' }),
});
export type PresentStep = z.infer<typeof presentStep>;
export type AbsentStep = z.infer<typeof absentStep>;

const sequenceLeaf = z
  .strictObject({
    sequence: z
      .array(
        z.union([presentStep, absentStep], {
          error: 'must be { event, where?, within? } or { absent, within }',
        }),
      )
      .min(2)
      .max(MAX_SEQUENCE_STEPS),
    within,
  })
  .check(({ value, issues }) => {
    value.sequence.forEach((step, i) => {
      const path = ['sequence', i];
      if (i === 0 && 'absent' in step)
        issues.push({ code: 'custom', path, message: 'an absent step must come last', input: step });
      else if (i === 0 && step.within !== undefined)
        issues.push({
          code: 'custom',
          path: [...path, 'within'],
          message: 'is not used by the first step: it has none before it',
          input: step,
        });
      else if ('absent' in step && i < value.sequence.length - 1)
        issues.push({ code: 'custom', path, message: 'an absent step must come last', input: step });
    });
  });
export type SequenceCondition = z.infer<typeof sequenceLeaf>;

const firstLeaf = z.strictObject({ first: event, where, within: withinSchema });

const bucketLeaf = z.strictObject({
  bucket: z
    .strictObject({ salt: z.string().max(MAX_WORD_CHARS), from: percent, to: percent })
    .refine(({ from, to }) => from < to, { path: ['to'], error: 'must be greater than from' })
    .meta({ description: 'A stable share of people: from and to are percent, from included, to not' }),
});

const surveyLeaf = z.strictObject({ survey: word, question: word, op, value: operand }).check(checkOperand);

const groupTraitLeaf = z.strictObject({ trait: word, op, value: operand }).check(checkOperand);

/** What some one group of a person must satisfy: a tree of comparisons of the group's traits. */
export type GroupCondition =
  | z.infer<typeof groupTraitLeaf>
  | { all: GroupCondition[] }
  | { any: GroupCondition[] }
  | { not: GroupCondition };

export const groupConditionSchema: z.ZodType<GroupCondition> = z
  .lazy(() =>
    z.union(
      [
        z.strictObject({ all: z.array(groupConditionSchema) }),
        z.strictObject({ any: z.array(groupConditionSchema) }),
        z.strictObject({ not: groupConditionSchema }),
        groupTraitLeaf,
      ],
      { error: 'must be { trait, op, value } or one of all, any, not' },
    ),
  )
  .meta({ id: 'GroupCondition' });
const groupLeaf = z.strictObject({ group: groupConditionSchema });

/** Who belongs to a segment: a tree of leaves about one person. */
export type Condition =
  | { all: Condition[] }
  | { any: Condition[] }
  | { not: Condition }
  | z.infer<typeof traitLeaf>
  | z.infer<typeof computedLeaf>
  | z.infer<typeof eventLeaf>
  | z.infer<typeof segmentLeaf>
  | SequenceCondition
  | z.infer<typeof firstLeaf>
  | z.infer<typeof bucketLeaf>
  | z.infer<typeof surveyLeaf>
  | { group: GroupCondition };

export const conditionSchema: z.ZodType<Condition> = z
  .lazy(() =>
    z.union(
      [
        z.strictObject({ all: z.array(conditionSchema) }),
        z.strictObject({ any: z.array(conditionSchema) }),
        z.strictObject({ not: conditionSchema }),
        traitLeaf,
        computedLeaf,
        eventLeaf,
        segmentLeaf,
        sequenceLeaf,
        firstLeaf,
        bucketLeaf,
        surveyLeaf,
        groupLeaf,
      ],
      {
        error:
          'must have exactly one of all, any, not, trait, computed, event, sequence, first, segment, bucket, ' +
          'survey, group',
      },
    ),
  )
  .meta({ id: 'Condition' });

const dynamicSegment = z.strictObject({ name, where: conditionSchema, expose });
const staticSegment = z.strictObject({
  name,
  static: z.literal(true).meta({ description: 'A list: people are put in and taken out by hand' }),
  expose,
});

export const segmentSchema = z
  .union([dynamicSegment, staticSegment], { error: 'must have either where or static: true' })
  .meta({ id: 'SegmentDefinition' });
export type SegmentDefinition = z.infer<typeof segmentSchema>;
export type DynamicSegment = z.infer<typeof dynamicSegment>;

export type DefinitionKind = 'traits' | 'segments' | 'surveys';
export const DEFINITION_KINDS: readonly DefinitionKind[] = ['traits', 'segments', 'surveys'];
export type Definition = TraitDefinition | SegmentDefinition | SurveyDefinition;

/** The schema of each kind. */
export const DEFINITION_SCHEMAS = {
  traits: traitSchema,
  segments: segmentSchema,
  surveys: surveySchema,
} as const;

/** What TIDEMARK_CONFIG, `createCollector({ config })` and `tidemark apply` take. */
export interface DefinitionFile {
  traits?: Record<string, TraitDefinition>;
  segments?: Record<string, SegmentDefinition>;
  surveys?: Record<string, SurveyDefinition>;
  retention?: Retention;
}

export interface Definitions {
  traits: TraitDefinition;
  segments: SegmentDefinition;
  surveys: SurveyDefinition;
}

export type Parsed<T> = { ok: true; value: T } | { ok: false; faults: Fault[] };

/** Checks one definition. Never throws; pointers are relative to the definition. */
export function parseDefinition<K extends DefinitionKind>(kind: K, json: unknown): Parsed<Definitions[K]>;
export function parseDefinition(kind: DefinitionKind, json: unknown): Parsed<Definition> {
  const bounds = outOfBounds(json);
  if (bounds) return { ok: false, faults: [bounds] };
  const result = schemaFor(kind, json).safeParse(json);
  return result.success
    ? { ok: true, value: result.data }
    : { ok: false, faults: faultsOf(result.error.issues, json) };
}

/** Of the two kinds of segment the one that is meant, so that faults speak of nothing else. */
function schemaFor(kind: DefinitionKind, json: unknown): z.ZodType<Definition> {
  if (kind === 'traits') return traitSchema;
  if (kind === 'surveys') return surveySchema;
  return isRecord(json) && Object.hasOwn(json, 'static') ? staticSegment : dynamicSegment;
}

/** Checks a definitions file. Pointers start at its top: `/segments/<key>/where/op`. */
export function parseDefinitionFile(json: unknown): Parsed<DefinitionFile> {
  if (!isRecord(json)) return { ok: false, faults: [{ pointer: '', message: 'must be an object' }] };
  const faults: Fault[] = [];
  for (const field of Object.keys(json)) {
    if (field === 'retention' || (DEFINITION_KINDS as readonly string[]).includes(field)) continue;
    faults.push({ pointer: `/${pointerPart(field)}`, message: 'unknown field' });
  }
  const traits = parseSection('traits', json.traits, faults);
  const segments = parseSection('segments', json.segments, faults);
  const surveys = parseSection('surveys', json.surveys, faults);
  const retention = parseRetention(json.retention, faults);
  return faults.length > 0
    ? { ok: false, faults }
    : { ok: true, value: { ...traits, ...segments, ...surveys, ...(retention ? { retention } : {}) } };
}

function parseSection<K extends DefinitionKind>(
  kind: K,
  section: unknown,
  faults: Fault[],
): { [P in K]?: Record<string, Definitions[P]> } {
  if (section === undefined) return {};
  if (!isRecord(section)) {
    faults.push({ pointer: `/${kind}`, message: 'must be an object of definitions by key' });
    return {};
  }
  const parsed: [string, Definitions[K]][] = [];
  for (const [name, json] of Object.entries(section)) {
    const pointer = `/${kind}/${pointerPart(name)}`;
    if (!KEY_PATTERN.test(name)) {
      faults.push({ pointer, message: 'is no key: a-z, 0-9, then also _ . -, at most 64 characters' });
      continue;
    }
    const result = parseDefinition(kind, json);
    if (result.ok) parsed.push([name, result.value]);
    else for (const fault of result.faults) faults.push({ ...fault, pointer: pointer + fault.pointer });
  }
  // A computed key of a generic type widens to an index signature; the key is `kind` itself.
  return { [kind]: Object.fromEntries(parsed) } as { [P in K]?: Record<string, Definitions[P]> };
}
