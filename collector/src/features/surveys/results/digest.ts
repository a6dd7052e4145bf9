// What results keep of one submission: its answers as their questions read them, how far it got, and its times.
// Invariant: small whatever was sent; nothing that no question asks for is kept.
import { type Comparison, compileComparison } from '../../../engine/comparison.ts';
import type { SubmissionView } from '../../../engine/submission.ts';
import type { Value } from '../../../engine/values.ts';
import type { SurveyRecord } from '../../../ingest/core.ts';
import { questionOf } from '../../../ingest/survey-offer.ts';
import type { SurveyDefinition } from '../../../wire/definitions.ts';
import type { JsonValue, SurveyStatus } from '../../../wire/message.ts';
import type { SurveyQuestion } from '../../../wire/survey.ts';
import { isEmptyAnswer } from './kind.ts';
import { type Answer, KINDS } from './kinds.ts';

/** Whose words they are; `preview`: the author trying the survey out. */
export type Source = 'respondent' | 'interview' | 'preview';

export interface Digest {
  source: Source;
  status: SurveyStatus;
  language: string | null;
  /** By place of the question: null for what is no answer to it, undefined where there is none. */
  answers: readonly (Answer | null | undefined)[];
  /** By place of the question, ms; undefined where nothing was measured. */
  timings: readonly (number | undefined)[];
  /** Places of the questions it came to; the last is where one was given up. */
  path: readonly number[];
  /** When it was completed, or last heard of, epoch ms. */
  time: number;
  /** From the first sign of it to its completion, ms; null where either is not known. */
  tookMs: number | null;
}

export type Submission = SurveyRecord<Digest>;

/** Valid answers to the question at that place. */
export function answersTo(submissions: readonly Submission[], place: number): Answer[] {
  const answers: Answer[] = [];
  for (const { content } of submissions) {
    const answer = content.answers[place];
    if (answer !== undefined && answer !== null) answers.push(answer);
  }
  return answers;
}

/** Longer than this somebody went away, ms: a day. */
const MAX_TOOK_MS = 86_400_000;

/** Every digest of one survey, all of one definition. */
export function digestFor({ questions }: SurveyDefinition): (view: SubmissionView) => Digest {
  const asked = questions.map(questionOf);
  const follow = pathFinder(asked);
  return (view) => {
    const answers = asked.map((question) => readAnswer(question, own(view.answers, question.id)));
    const { completed, started, partial, shown } = view.at;
    const begun = started ?? shown ?? partial;
    const tookMs = completed === undefined || begun === undefined ? null : completed - begun;
    return {
      source: view.source === 'interview' || view.source === 'preview' ? view.source : 'respondent',
      status: view.status,
      language: view.language?.slice(0, MAX_LANGUAGE_CHARS) ?? null,
      answers,
      timings: asked.map(({ id }) => timeOf(own(view.timings, id))),
      path: follow(view.answers, view.status),
      time: completed ?? view.lastAt,
      tookMs: tookMs !== null && tookMs > 0 && tookMs <= MAX_TOOK_MS ? tookMs : null,
    };
  };
}

/** Of a language tag: no real one is longer. */
const MAX_LANGUAGE_CHARS = 35;

function readAnswer(question: SurveyQuestion, raw: JsonValue | undefined): Answer | null | undefined {
  return raw === undefined || isEmptyAnswer(raw) ? undefined : KINDS[question.type].read(raw, question);
}

function own<T>(record: Record<string, T>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

const timeOf = (ms: number | undefined): number | undefined =>
  ms !== undefined && Number.isFinite(ms) && ms >= 0 && ms <= MAX_TOOK_MS ? ms : undefined;

/**
 * The way through the questions that the answers led to, as pages go it: the first branch whose `when` holds, else
 * the next question. One that was not completed ends at the first question without an answer after the last
 * that has one. A branch by the clock is taken as of 1970: that way is not known any more.
 */
function pathFinder(questions: readonly SurveyQuestion[]) {
  const places = new Map(questions.map(({ id }, i) => [id, i]));
  const branches = questions.map(({ next }) =>
    next.map(({ when, go }) => ({
      when: when
        ? compileComparison(when.op as Parameters<typeof compileComparison>[0], when.value as JsonValue)
        : null,
      to: go === 'end' ? questions.length : (places.get(go) ?? questions.length),
    })),
  );
  const nextOf = (place: number, answer: JsonValue | undefined): number =>
    branches[place]?.find(({ when }) => holds(when, answer))?.to ?? place + 1;
  return (answers: Record<string, JsonValue>, status: SurveyStatus): number[] => {
    const path: number[] = [];
    let last = -1;
    for (let place = 0; place < questions.length; ) {
      const { id, type } = questions[place] as SurveyQuestion; // within the questions
      const answer = own(answers, id);
      path.push(place);
      if (!isEmptyAnswer(answer) || type === 'info') last = isEmptyAnswer(answer) ? last : path.length - 1;
      place = nextOf(place, answer);
    }
    if (status === 'completed') return path;
    return path.slice(0, last + 2);
  };
}

const holds = (when: Comparison | null, answer: JsonValue | undefined): boolean =>
  when === null || when.test((answer ?? undefined) as Value, 0);
