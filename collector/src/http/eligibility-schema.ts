// The description of why somebody is asked a survey or not.
// Invariant: gates may be added; what is there keeps its meaning.
import type { Json } from './openapi-words.ts';

const nullable = (type: string): Json => ({ type: [type, 'null'] });
const answer: Json = { type: ['boolean', 'null'], description: 'null: nobody knows but the page' };

/** `Eligibility` and what it is made of. */
export function eligibilitySchemas(): Json {
  return {
    SurveyGate: {
      type: 'object',
      required: ['gate', 'holds'],
      properties: {
        gate: {
          enum: ['expose', 'open', 'segment', 'sample', 'frequency', 'coolDown', 'url', 'event'],
          description: '`expose` only where the survey is not offered to everybody',
        },
        holds: answer,
      },
      additionalProperties: true,
      description: 'One gate and what its answer rests on',
    },
    Eligibility: {
      type: 'object',
      required: ['survey', 'profileId', 'eligible', 'offered', 'reason', 'unknown', 'gates', 'page', 'last'],
      properties: {
        survey: { type: 'string' },
        profileId: { type: 'string' },
        eligible: { type: 'boolean', description: 'Every gate is known to hold' },
        offered: { type: 'boolean', description: 'Eligible, and among the surveys offered at a time' },
        reason: { ...nullable('string'), description: 'Why it is not offered' },
        unknown: { type: 'array', items: { type: 'string' }, description: 'Gates without an answer' },
        gates: { type: 'array', items: { $ref: '#/components/schemas/SurveyGate' } },
        page: {
          type: 'object',
          required: ['delay', 'exitIntent', 'scroll'],
          properties: {
            delay: nullable('string'),
            exitIntent: { type: 'boolean' },
            scroll: nullable('number'),
          },
          description: 'What is left to the page',
        },
        last: { ...nullable('object'), description: 'What was decided in answer to their last batch' },
      },
    },
  };
}
