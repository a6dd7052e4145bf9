// Surveys of PostHog, as its API lists them, as definitions of ours.
// Invariant: pure; whatever JSON comes in, definitions or faults come out, and nothing is thrown.
//
// The format is that of posthog-surveys-types.ts in github.com/PostHog/posthog-js and of its surveys API: `questions`
// with `branching` by place, `appearance` for colours and words, `conditions` for where and when, flags for whom.
import { LANGUAGE } from '../../../wire/survey-definition.ts';
import { type Placed, withBranches } from './branches.ts';
import { type Fields, fieldsOf, isRecord, noteButtons } from './fields.ts';
import {
  type Draft,
  emptyDraft,
  faultsOfQuestions,
  finishSurvey,
  type ImportedSurvey,
  type ImportNote,
  keyOf,
} from './imported.ts';
import { jumpsOf, questionOf, withTranslations } from './posthog-questions.ts';
import { readTargeting } from './posthog-targeting.ts';
import { takeQuestionId } from './question-ids.ts';
import { createTexts, type Texts } from './texts.ts';
import { readColours } from './theme.ts';

/** What the texts are in where no translation says so. */
const FIRST_LANGUAGE = 'en';

/** One survey. `keys` are taken already; the new one is added. */
export function importPosthog(json: unknown, pointer: string, keys: Set<string>): ImportedSurvey {
  const notes: ImportNote[] = [];
  const faults: ImportedSurvey['faults'] = [];
  const survey = fieldsOf(json, pointer, notes);
  const name = survey.text('name') ?? 'Survey';
  const key = keyOf(name, keys);
  const draft = emptyDraft();
  const items = survey
    .list('questions')
    .map((of, i) => fieldsOf(of, `${survey.at('questions')}/${i}`, notes));
  const texts = createTexts({ languages: languagesOf(survey, items, draft, notes), notes });
  const taken = new Set<string>();
  const nameOf = (place: number): string => (place >= items.length ? 'end' : `#${place}`);
  const placed = items.map((fields, i): Placed => {
    const { id } = takeQuestionId(fields, i, taken);
    const question = questionOf(fields, { texts, notes, id });
    if (question?.title === '') faults.push({ pointer: fields.at('question'), message: 'is required' });
    return { names: [nameOf(i)], question, jumps: jumpsOf(fields, question, i, nameOf, notes) };
  });
  noteButtons(items, ['buttonText'], survey.at('questions'), notes);
  draft.questions = withBranches(placed, notes);
  faults.push(...faultsOfQuestions(survey.at('questions'), items.length, draft.questions));
  readTargeting(survey, draft, notes);
  readTerms(survey, draft);
  readAppearance(survey, draft, texts);
  survey.skip('id', 'created_at', 'updated_at', 'created_by', 'enable_partial_responses');
  survey.skip('user_access_level', 'translations', 'response_sampling_start_date');
  survey.noteRest('Surveys have no such setting here');
  return finishSurvey(draft, { pointer, key, name: name.slice(0, 1_024), faults, notes });
}

/** Texts are in one language and have translations beside them. */
function languagesOf(
  survey: Fields,
  questions: readonly Fields[],
  draft: Draft,
  notes: ImportNote[],
): string[] {
  const names = [survey, ...questions].flatMap((fields) => {
    const held = fields.take('translations');
    return isRecord(held) ? Object.keys(held) : [];
  });
  const others = [...new Set(names)].filter((name) => LANGUAGE.test(name) && name !== FIRST_LANGUAGE);
  if (others.length === 0) return [FIRST_LANGUAGE];
  notes.push({
    pointer: survey.at('translations'),
    message: `the texts that are no translations are taken for "${FIRST_LANGUAGE}". Change languages if they are not`,
  });
  draft.definition.languages = [FIRST_LANGUAGE, ...others];
  return draft.definition.languages;
}

/** Its dates, its limit, and whether it runs. */
function readTerms(survey: Fields, draft: Draft): void {
  const startAt = survey.text('start_date');
  const endAt = survey.text('end_date');
  const hold = (name: string, message: string): void => {
    draft.held = true;
    survey.note(name, `${message}: it is exposed to nobody. Drop "expose" to ask`);
  };
  if (startAt === undefined) hold('start_date', 'was not launched');
  else draft.definition.startAt = startAt;
  if (endAt !== undefined) draft.definition.endAt = endAt;
  if (survey.flag('archived')) hold('archived', 'was archived');
  const limit = survey.number('responses_limit');
  if (limit !== undefined && limit >= 1) draft.definition.limit = Math.round(limit);
  const type = survey.text('type') ?? 'popover';
  if (type !== 'popover')
    hold('type', `was "${type.slice(0, 40)}", which brings up questions in a way of its own`);
}

function readAppearance(survey: Fields, draft: Draft, texts: Texts): void {
  const look = survey.object('appearance');
  if (!look) return;
  readColours(
    draft,
    [
      ['accent', 'submitButtonColor', look.take('submitButtonColor')],
      ['background', 'backgroundColor', look.take('backgroundColor')],
      ['text', 'textColor', look.take('textColor')],
      ['muted', 'descriptionTextColor', look.take('descriptionTextColor')],
      ['border', 'borderColor', look.take('borderColor')],
      ['radius', 'borderRadius', look.take('borderRadius')],
      ['font', 'fontFamily', look.take('fontFamily')],
    ],
    look,
  );
  const seconds = look.number('surveyPopupDelaySeconds') ?? 0;
  if (seconds >= 1) draft.target.delay = `${Math.round(seconds)}s`;
  readThanks(survey, look, draft, texts);
  const position = look.text('position');
  if (position === 'middle_center') draft.definition.presentation = 'dialog';
  else if (position !== undefined && position !== 'right')
    look.note('position', 'was left out: the card is in the lower right. Place it with your own style');
  if (look.flag('shuffleQuestions'))
    look.note('shuffleQuestions', 'was left out: questions keep their order, which branches go by');
  look.noteRest('A theme is accent, background, text, muted, border, radius and font here');
}

/** Heading and text as one. */
function readThanks(survey: Fields, look: Fields, draft: Draft, texts: Texts): void {
  const isShown = look.take('displayThankYouMessage') !== false;
  const held = survey.take('translations');
  const translated = isRecord(held)
    ? Object.entries(held).flatMap(([name, of]) => (isRecord(of) ? [[name, of] as const] : []))
    : [];
  const name = 'thankYouMessageHeader';
  const thanks = texts.local(withTranslations(look.take(name), translated, name), look.at(name));
  const more = look.take('thankYouMessageDescription');
  look.skip('thankYouMessageDescriptionContentType');
  if (!isShown) return;
  if (thanks !== undefined) draft.definition.thanks = thanks;
  if (more !== undefined)
    look.note(
      'thankYouMessageDescription',
      'was left out: what is said at the end is one text. Add it to thanks',
    );
}
