// The description of a survey's results.
// Invariant: what is always there is required; a figure that cannot be computed is null.
import { type Json, ref } from './openapi-words.ts';

const orNull = (schema: Json): Json => ({ anyOf: [schema, { type: 'null' }] });
const number: Json = { type: ['number', 'null'] };
const integer: Json = { type: 'integer' };
const list = (items: Json): Json => ({ type: 'array', items });
const object = (properties: Record<string, Json>, description?: string): Json => ({
  type: 'object',
  required: Object.keys(properties),
  properties,
  ...(description === undefined ? {} : { description }),
});
const byQuestion = (value: Json): Json => ({ type: 'object', additionalProperties: value });
const flagged = list(object({ submissionId: { type: 'string' }, profileId: { type: 'string' } }));

/** Schemas by name, `SurveyResults` among them. */
export function resultSchemas(): Json {
  return {
    Interval: {
      type: ['array', 'null'],
      items: { type: 'number' },
      minItems: 2,
      maxItems: 2,
      description: 'Lower and upper end, 95 %',
    },
    Estimate: object({ value: { type: 'number' }, interval: ref('Interval'), n: { type: 'number' } }),
    Share: object(
      { count: integer, share: number, interval: ref('Interval') },
      'A part of all with Wilson’s interval',
    ),
    Figure: object({
      figure: { enum: ['nps', 'mean', 'share', 'rank', 'better', 'worse'] },
      of: { type: ['string', 'null'], description: 'Option, item or row; null: the question' },
      value: number,
      interval: ref('Interval'),
      n: integer,
    }),
    QuestionResults: {
      ...object({
        type: { type: 'string' },
        n: { ...integer, description: 'Submissions with a valid answer' },
        invalid: { ...integer, description: 'Answers that the question does not take' },
        seconds: orNull(object({ n: integer, median: { type: 'number' }, mad: { type: 'number' } })),
      }),
      description:
        'By type also: nps, csat, ces, rating `score`, `interval`, `mean`, `distribution` (nps: `margin`, `wald`, detractors, passives, promoters); choices `options` (pmf: `score`, `interval`, `verdict`); consent `score`, `interval`; kano `category`, `better`, `worse`; maxdiff and ranking `items`; matrix `rows`; price_sensitivity `pmc`, `pme`, `idp`, `opp`, `curves`; open_text `themes`; date `earliest`, `median`, `latest`',
      additionalProperties: true,
    },
    SurveyResults: object({
      at: { type: 'string', format: 'date-time', description: 'The instant they are exact at' },
      n: { ...integer, description: 'Completed submissions' },
      partial: { ...integer, description: 'Answered in part' },
      interviews: { ...integer, description: 'Of source interview: only their texts count, in themes' },
      questions: byQuestion(ref('QuestionResults')),
      maxdiff: list({ type: 'object', description: 'Best-worst questions that share items, as one design' }),
      funnel: object({
        shown: integer,
        started: ref('Share'),
        completed: ref('Share'),
        dismissed: ref('Share'),
        preview: integer,
        questions: list(
          object({
            id: { type: 'string' },
            reached: integer,
            answered: integer,
            dropped: integer,
            dropOff: number,
            interval: ref('Interval'),
          }),
        ),
      }),
      timing: object({ n: integer, median: number, mad: number, mean: number, sd: number, speeders: {} }),
      straightLiners: object({
        n: integer,
        count: integer,
        share: orNull(ref('Estimate')),
        submissions: flagged,
      }),
      groups: orNull(
        object({
          by: object({ kind: { enum: ['segment', 'computed', 'trait'] }, key: { type: 'string' } }),
          groups: list(
            object({
              value: {},
              other: { type: 'boolean' },
              n: integer,
              questions: byQuestion(object({ n: integer, figures: list(ref('Figure')) })),
            }),
          ),
          crossTabs: byQuestion(list({ type: 'object' })),
        }),
      ),
      representation: orNull(
        object({
          frame: { ...integer, description: 'People the survey is for' },
          responders: integer,
          outside: { ...integer, description: 'Who answered and is not of the frame now' },
          responseRate: ref('Share'),
          variables: list({ type: 'object' }),
          weighting: { type: ['object', 'null'] },
        }),
      ),
    }),
  };
}
