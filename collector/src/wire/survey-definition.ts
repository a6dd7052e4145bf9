// What a survey's definition may say: one schema for checking, types and OpenAPI.
// Invariant: a parsed definition can be offered, answered and analysed without further checks.
import { z } from 'zod';
import {
  checkOperand,
  duration,
  event,
  exposeSchema,
  instant,
  key,
  op,
  operand,
  percent,
  where,
  word,
} from './definition-words.ts';
import { readDuration } from './duration.ts';
import { readDate } from './instant.ts';
import { QUESTION_TYPES, SCALE_POINTS } from './survey.ts';
import { checkWay, optionId } from './survey-way.ts';
import { patternFault } from './url-pattern.ts';

/** Most questions of a survey: nobody answers more. */
export const MAX_QUESTIONS = 100;
/** Most options of one question. */
export const MAX_OPTIONS = 100;
/** Most languages of a survey. */
export const MAX_LANGUAGES = 50;
/** A scale's points: from yes and no to 0 to 10. */
export const MIN_SCALE = 2;
export const MAX_SCALE = 11;
/** Longest open answer that may be asked for: three of them still fit into one message. */
export const MAX_TEXT_CHARS = 10_000;
/** Most features that a survey may map: a table of more is read by nobody. */
export const MAX_FEATURES = 100;
/** Most words of one feature, and longest of them, in characters. */
const MAX_TERMS = 50;
const MAX_TERM_CHARS = 100;
/** How a language is written: BCP 47, as `lang` takes it. */
export const LANGUAGE = /^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*$/;
const language = z.string().regex(LANGUAGE, {
  error: ({ input }) => {
    const hyphened = String(input).replaceAll('_', '-');
    const meant = LANGUAGE.test(hyphened) ? `; perhaps "${hyphened}"` : '';
    return `must be a language such as "en" or "zh-CN"${meant}`;
  },
});
const QUESTION_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
/** Colours, lengths and fonts on one line: words, numbers and functions that compute; nothing that loads. */
const CSS_VALUE = /^[\w #%,.()'"+/-]{1,200}$/;
const CSS_FUNCTION = /([\w-]*)\(/g;
const CSS_FUNCTIONS: ReadonlySet<string> = new Set(
  'rgb rgba hsl hsla hwb lab lch oklab oklch color color-mix calc min max clamp'.split(' '),
);
/** Most times that a person may be asked within a span: each is told apart in the person's row. */
const MAX_TIMES = 1_000;
/** A key that messages may not have: such an answer would be dropped on the way. */
const RESERVED = '__proto__';
/** Longest wait before a survey shows, ms: no page stays open longer, and a browser's timer ends at 24 days. */
const MAX_DELAY_MS = 3_600_000;

const localText = z
  .union([word, z.record(language, word)], {
    error: 'must be text, or text by language',
  })
  .meta({ description: 'Text, or text by language; the first of `languages` must be there' });

const option = z.union([word, z.strictObject({ id: word, label: localText })], {
  error: 'must be text, or { id, label }',
});

const branch = z.strictObject({
  when: z
    .strictObject({ op, value: operand })
    .check(checkOperand)
    .optional()
    .meta({ description: 'Compares the answer; without it the branch is always taken' }),
  go: word.meta({ description: 'The id of a later question, or "end"' }),
});

const question = z.strictObject({
  id: z
    .string()
    .regex(QUESTION_ID, 'must be letters, digits, then also _ . -, at most 64 characters')
    .refine((id) => id !== 'end', { error: 'must not be "end": branches use that word' }),
  type: z.enum(QUESTION_TYPES),
  title: localText,
  description: localText.optional(),
  required: z.boolean().optional().meta({ description: 'false unless given' }),
  options: z
    .array(option)
    .max(MAX_OPTIONS)
    .optional()
    .meta({ description: 'Choices, items to rank or to weigh; of a matrix its rows' }),
  other: z.boolean().optional().meta({ description: 'Choices: also one of one’s own, as text' }),
  scale: z
    .int()
    .min(MIN_SCALE)
    .max(MAX_SCALE)
    .optional()
    .meta({ description: 'Points of a scale: csat and rating 5, ces 7 unless given; nps is 0 to 10' }),
  labels: z
    .array(option)
    .max(MAX_OPTIONS)
    .optional()
    .meta({ description: 'Of a scale its two ends, or every point; of a matrix its columns' }),
  absent: localText.optional().meta({ description: 'Kano: the question about the feature being absent' }),
  currency: z.string().min(1).max(8).optional().meta({ description: 'Price sensitivity: before the amount' }),
  maxLength: z
    .int()
    .min(1)
    .max(MAX_TEXT_CHARS)
    .optional()
    .meta({ description: 'Open text: 2,000 unless given' }),
  min: z.int().min(0).optional().meta({ description: 'Multiple choice: least choices' }),
  max: z.int().min(1).optional().meta({ description: 'Multiple choice: most choices' }),
  measure: z.enum(['pmf']).optional().meta({
    description:
      'Single choice: pmf is product-market fit; options very, somewhat, not disappointed, then no longer in use',
  }),
  next: z.array(branch).max(MAX_OPTIONS).optional(),
});
export type QuestionDefinition = z.infer<typeof question>;

/** Fields that only some types of question use. */
const USED_BY: Readonly<Record<string, readonly QuestionDefinition['type'][]>> = {
  options: ['single_choice', 'multiple_choice', 'ranking', 'matrix', 'maxdiff'],
  other: ['single_choice', 'multiple_choice'],
  scale: ['nps', 'csat', 'ces', 'rating'],
  labels: ['nps', 'csat', 'ces', 'rating', 'matrix'],
  absent: ['kano'],
  currency: ['price_sensitivity'],
  maxLength: ['open_text'],
  min: ['multiple_choice'],
  max: ['multiple_choice'],
  measure: ['single_choice'],
};
/** Least options of the types that need some: a best and a worst leave one between them. */
const LEAST_OPTIONS: Partial<Record<QuestionDefinition['type'], number>> = {
  single_choice: 2,
  multiple_choice: 1,
  ranking: 2,
  matrix: 1,
  maxdiff: 3,
};

const theme = z.strictObject(
  Object.fromEntries(
    ['accent', 'background', 'text', 'muted', 'border', 'radius', 'font'].map((name) => [
      name,
      z.string().refine(isCssValue, { error: 'must be a colour, a length or a font' }).optional(),
    ]),
  ) as Record<
    'accent' | 'background' | 'text' | 'muted' | 'border' | 'radius' | 'font',
    z.ZodOptional<z.ZodString>
  >, // the names above
);

const target = z.strictObject({
  segment: key.optional(),
  url: word
    .check(({ value, issues }) => {
      const message = patternFault(value);
      if (message) issues.push({ code: 'custom', message, input: value });
    })
    .optional()
    .meta({ description: 'A pattern with *: of the whole address when it holds "://", else of the path' }),
  event: z.strictObject({ event, where }).optional(),
  delay: duration
    .refine((text) => (readDuration(text) ?? 0) <= MAX_DELAY_MS, { error: 'must be at most 1h' })
    .optional(),
  exitIntent: z.boolean().optional().meta({ description: 'When the pointer leaves through the top' }),
  scroll: z.number().min(1).max(100).optional().meta({ description: 'Once so much was scrolled, percent' }),
  sample: percent.optional().meta({ description: 'A stable share of people, percent' }),
});

const frequency = z.strictObject({
  times: z
    .int()
    .min(1)
    .max(MAX_TIMES)
    .optional()
    .meta({ description: 'How often a person is asked within `every`: 1 unless given' }),
  every: duration.optional().meta({ description: '90d unless given' }),
  coolDown: duration.optional().meta({ description: 'Not so soon after any other survey' }),
});

const feature = z.strictObject({
  key,
  name: word,
  event: event.optional().meta({
    description: 'Doing this is using it; without it nothing is known of its use',
  }),
  where,
  maxdiff: word.optional().meta({ description: 'The id of an option of this survey’s maxdiff questions' }),
  kano: word.optional().meta({ description: 'The id of a kano question' }),
  terms: z
    .array(
      z
        .string()
        .max(MAX_TERM_CHARS)
        .regex(/[\p{L}\p{N}]/u, 'must hold a letter or a digit'),
    )
    .min(1)
    .max(MAX_TERMS)
    .optional()
    .meta({
      description: 'Words or phrases that speak of it in open answers; a trailing * takes any ending',
    }),
});
export type FeatureDefinition = z.infer<typeof feature>;

export const surveySchema = z
  .strictObject({
    name: word,
    questions: z.array(question).min(1).max(MAX_QUESTIONS),
    target: target.optional(),
    frequency: frequency.optional(),
    priority: z
      .int()
      .min(-1_000)
      .max(1_000)
      .optional()
      .meta({ description: 'The highest is asked first; 0 unless given' }),
    startAt: instant.optional(),
    endAt: instant.optional(),
    limit: z.int().min(1).optional().meta({ description: 'Most completed submissions' }),
    languages: z
      .array(language)
      .min(1)
      .max(MAX_LANGUAGES)
      .optional()
      .meta({ description: 'The first is the default; ["en"] unless given' }),
    theme: theme.optional(),
    presentation: z.enum(['popover', 'dialog']).optional().meta({ description: 'popover unless given' }),
    thanks: localText.optional(),
    features: z
      .array(feature)
      .min(1)
      .max(MAX_FEATURES)
      .optional()
      .meta({ description: 'For /api/needs: what of the answers and which event belong to which feature' }),
    expose: exposeSchema
      .optional()
      .meta({ description: 'Who may be offered it; public unless said otherwise' }),
  })
  .check(({ value, issues }) => {
    const fault = (path: (string | number)[], message: string): void => {
      issues.push({ code: 'custom', path, message, input: value });
    };
    checkQuestions(value.questions, fault);
    checkWay(value.questions, fault);
    checkLanguages(value, fault);
    checkFeatures(value, fault);
    const { startAt, endAt } = value;
    if (startAt !== undefined && endAt !== undefined && Number(readDate(startAt)) >= Number(readDate(endAt)))
      fault(['endAt'], 'must be after startAt');
  })
  .meta({ id: 'SurveyDefinition' });
export type SurveyDefinition = z.infer<typeof surveySchema>;

type FaultAt = (path: (string | number)[], message: string) => void;

function checkQuestions(questions: readonly QuestionDefinition[], fault: FaultAt): void {
  const place = new Map<string, number>();
  questions.forEach(({ id }, i) => {
    if (place.has(id))
      fault(['questions', i, 'id'], `must be unique: question ${place.get(id)} is "${id}" too`);
    else place.set(id, i);
  });
  questions.forEach((asked, i) => {
    checkFields(asked, (path, message) => fault(['questions', i, ...path], message));
    asked.next?.forEach(({ go }, j) => {
      const to = place.get(go);
      const path = ['questions', i, 'next', j, 'go'];
      if (go === 'end') return;
      if (to === undefined) fault(path, `there is no question "${go}"; give a later question’s id or "end"`);
      else if (to <= i) fault(path, 'must be a later question: going back would never end');
    });
  });
}

function checkFields(asked: QuestionDefinition, fault: FaultAt): void {
  const { type, options = [], labels = [], scale } = asked;
  for (const [field, types] of Object.entries(USED_BY))
    if (asked[field as keyof QuestionDefinition] !== undefined && !types.includes(type))
      fault([field], `is not used by ${type}`);
  const least = LEAST_OPTIONS[type];
  if (least !== undefined && options.length < least)
    fault(['options'], asked.options ? `must have at least ${least}` : 'is required');
  if (type === 'matrix' && labels.length < 2)
    fault(['labels'], asked.labels ? 'must have at least 2' : 'is required');
  if (type === 'nps' && scale !== undefined && scale !== MAX_SCALE)
    fault(['scale'], 'of nps is 0 to 10, which is 11 points; leave it out');
  checkLabels(asked, fault);
  // The ends of a scale may be called alike; choices may not.
  for (const field of type === 'matrix' ? (['options', 'labels'] as const) : (['options'] as const)) {
    const ids = (asked[field] ?? []).map(optionId);
    const twice = ids.findIndex((id, i) => ids.indexOf(id) < i);
    if (twice >= 0) fault([field, twice], `must be unique: "${ids[twice]}" is there twice`);
  }
  if (asked.measure === 'pmf' && options.length !== 3 && options.length !== 4)
    fault(
      ['options'],
      'of pmf are very, somewhat and not disappointed, in that order, then no longer in use',
    );
  for (const [i, of] of options.entries())
    if (optionId(of) === RESERVED) fault(['options', i], `must not be "${RESERVED}"; give it another id`);
  const { min, max } = asked;
  const most = options.length + (asked.other ? 1 : 0);
  if (type === 'multiple_choice')
    for (const field of ['min', 'max'] as const)
      if ((asked[field] ?? 0) > most) fault([field], `must be at most ${most}: there are no more to choose`);
  if (min !== undefined && max !== undefined && min > max) fault(['max'], 'must not be less than min');
}

/** A scale names its two ends or every point. */
function checkLabels({ type, labels, scale }: QuestionDefinition, fault: FaultAt): void {
  const points = type === 'nps' ? MAX_SCALE : (scale ?? SCALE_POINTS[type]);
  if (!labels || type === 'matrix' || labels.length === 2 || labels.length === points) return;
  fault(['labels'], `must be 2, for the ends, or ${points}, one for each point`);
}

/** Whether a value computes a colour, a length or a font and every bracket and quote in it is closed. */
function isCssValue(value: string): boolean {
  if (!CSS_VALUE.test(value)) return false;
  for (const [, name = ''] of value.matchAll(CSS_FUNCTION))
    if (name !== '' && !CSS_FUNCTIONS.has(name.toLowerCase())) return false;
  const count = (character: string): number => value.split(character).length - 1;
  return (
    count('(') === count(')') &&
    count("'") % 2 === 0 &&
    count('"') % 2 === 0 &&
    !value.includes('//') &&
    !value.includes('/*')
  );
}

/** Every text by language holds the default one, and none that the survey does not speak. */
function checkLanguages(survey: SurveyDefinition, fault: FaultAt): void {
  const languages = survey.languages ?? [DEFAULT_LANGUAGE];
  const [first] = languages as [string];
  const lower = languages.map((language) => language.toLowerCase());
  const twice = lower.findIndex((language, i) => lower.indexOf(language) < i);
  if (twice >= 0) fault(['languages', twice], `must be unique: "${languages[twice]}" is there twice`);
  const check = (text: z.infer<typeof localText> | undefined, path: (string | number)[]): void => {
    if (text === undefined || typeof text === 'string') return;
    if (!Object.hasOwn(text, first)) fault(path, `must hold "${first}", the default language`);
    for (const language of Object.keys(text))
      if (!languages.includes(language))
        fault([...path, language], `is none of languages: ${languages.join(', ')}`);
  };
  check(survey.thanks, ['thanks']);
  survey.questions.forEach((asked, i) => {
    for (const field of ['title', 'description', 'absent'] as const)
      check(asked[field], ['questions', i, field]);
    for (const field of ['options', 'labels'] as const)
      asked[field]?.forEach((of, j) => {
        if (typeof of !== 'string') check(of.label, ['questions', i, field, j, 'label']);
      });
  });
}

export const DEFAULT_LANGUAGE = 'en';

/** Every feature's parts are there, and no part is two features'. */
function checkFeatures({ questions, features = [] }: SurveyDefinition, fault: FaultAt): void {
  const weighed = questions.filter(({ type }) => type === 'maxdiff').flatMap(({ options }) => options ?? []);
  const known = {
    maxdiff: { ids: weighed.map(optionId), what: 'option of a maxdiff question' },
    kano: { ids: questions.filter(({ type }) => type === 'kano').map(({ id }) => id), what: 'kano question' },
  };
  features.forEach((one, i) => {
    const isAnothers = (field: 'key' | 'maxdiff' | 'kano'): boolean =>
      features.findIndex((other) => other[field] === one[field]) < i;
    if (isAnothers('key')) fault(['features', i, 'key'], `must be unique: "${one.key}" is there already`);
    if (one.where !== undefined && one.event === undefined)
      fault(['features', i, 'event'], 'is required by where');
    for (const field of ['maxdiff', 'kano'] as const) {
      const id = one[field];
      if (id === undefined) continue;
      const { ids, what } = known[field];
      if (!ids.includes(id)) fault(['features', i, field], `there is no ${what} "${id}"`);
      else if (isAnothers(field))
        fault(['features', i, field], `must be unique: "${id}" is another feature’s`);
    }
  });
}
