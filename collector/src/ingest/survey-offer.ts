// A survey's definition as a page is given it: every default filled in, nothing about whom it is for.
// Invariant: what decides who is asked (segment, sample, URL, event) never leaves the collector.
import { createHash } from 'node:crypto';
import { canonical } from '../engine/values.ts';
import type { SurveyDefinition } from '../wire/definitions.ts';
import { durationMs } from '../wire/duration.ts';
import type { JsonValue } from '../wire/message.ts';
import {
  DEFAULT_MAX_TEXT_CHARS,
  type LocalText,
  type OfferedSurvey,
  SCALE_POINTS,
  type SurveyOption,
  type SurveyQuestion,
  type SurveyTrigger,
} from '../wire/survey.ts';
import { DEFAULT_LANGUAGE, type QuestionDefinition } from '../wire/survey-definition.ts';

export function offerOf(key: string, definition: SurveyDefinition): OfferedSurvey {
  const { name, questions, languages = [DEFAULT_LANGUAGE], theme = {}, thanks } = definition;
  return {
    key,
    version: versionOf(definition),
    name,
    questions: questions.map(questionOf),
    languages,
    // Optional keys only: the schema leaves out what was not given.
    theme: JSON.parse(JSON.stringify(theme)) as OfferedSurvey['theme'],
    presentation: definition.presentation ?? 'popover',
    trigger: triggerOf(definition),
    ...(thanks === undefined ? {} : { thanks }),
  };
}

/** Eight hexadecimal digits that change with the definition. */
export function versionOf(definition: SurveyDefinition): string {
  const text = canonical(JSON.parse(JSON.stringify(definition)) as JsonValue); // without keys that are undefined
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

export function questionOf(asked: QuestionDefinition): SurveyQuestion {
  const { id, type, title, description, absent, currency, min, max, measure } = asked;
  return {
    id,
    type,
    title,
    ...(description === undefined ? {} : { description }),
    required: asked.required ?? false,
    options: (asked.options ?? []).map(optionOf),
    other: asked.other ?? false,
    scale: asked.scale ?? SCALE_POINTS[type] ?? 0,
    labels: (asked.labels ?? []).map(optionOf),
    ...(absent === undefined ? {} : { absent }),
    ...(currency === undefined ? {} : { currency }),
    maxLength: asked.maxLength ?? DEFAULT_MAX_TEXT_CHARS,
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    ...(measure === undefined ? {} : { measure }),
    next: (asked.next ?? []).map(({ when, go }) => ({
      ...(when ? { when: { op: when.op, ...(when.value === undefined ? {} : { value: when.value }) } } : {}),
      go,
    })),
  };
}

const optionOf = (of: string | { id: string; label: LocalText }): SurveyOption =>
  typeof of === 'string' ? { id: of, label: of } : of;

function triggerOf({ target }: SurveyDefinition): SurveyTrigger {
  const { delay, exitIntent, scroll } = target ?? {};
  return {
    ...(delay === undefined ? {} : { delayMs: durationMs(delay) }),
    ...(exitIntent ? { exitIntent } : {}),
    ...(scroll === undefined ? {} : { scroll }),
  };
}
