// Surveys of Formbricks, as its management API and its export give them, as definitions of ours.
// Invariant: pure; whatever JSON comes in, definitions or faults come out, and nothing is thrown.
//
// The format is that of packages/types/surveys in github.com/formbricks/formbricks: surveys with `questions`, and
// newer ones with `blocks` of `elements`. Every text is `{ default, <language>: ... }`; answers are compared by
// rules of conditions and actions; triggers name actions; `#recall:<id>/fallback:<text>#` fills in an answer.
import { LANGUAGE } from '../../../wire/survey-definition.ts';
import { type Placed, withBranches } from './branches.ts';
import { type Fields, fieldsOf, isRecord, noteButtons } from './fields.ts';
import { jumpsOf } from './formbricks-logic.ts';
import { questionOf } from './formbricks-questions.ts';
import { readTargeting } from './formbricks-targeting.ts';
import {
  type Draft,
  emptyDraft,
  faultsOfQuestions,
  finishSurvey,
  type ImportedSurvey,
  type ImportNote,
  keyOf,
} from './imported.ts';
import { questionId, takeQuestionId } from './question-ids.ts';
import { createTexts, type Texts } from './texts.ts';
import { readColours } from './theme.ts';

const BUTTONS = ['buttonLabel', 'backButtonLabel'] as const;

/** One survey. `keys` are taken already; the new one is added. */
export function importFormbricks(json: unknown, pointer: string, keys: Set<string>): ImportedSurvey {
  const notes: ImportNote[] = [];
  const faults: ImportedSurvey['faults'] = [];
  const survey = fieldsOf(json, pointer, notes);
  const name = survey.text('name') ?? 'Survey';
  const key = keyOf(name, keys);
  const draft = emptyDraft();
  const items = itemsOf(survey, notes);
  const taken = new Set<string>();
  const ids = new Map<string, string>();
  const numbered = items.map((item, i) => {
    const { id, theirs } = takeQuestionId(item.fields, i, taken);
    if (theirs !== undefined && !ids.has(theirs)) ids.set(theirs, id);
    return { ...item, id, names: theirs === undefined ? item.names : [...item.names, theirs] };
  });
  const texts = createTexts({
    languages: languagesOf(survey, draft, notes),
    notes,
    prepare: (text, at) => withAnswers(text, at, ids, notes),
  });
  const endings = readEndings(survey, draft, texts, notes);
  const placed = numbered.map(({ fields, logic, names, id }): Placed => {
    const question = questionOf(fields, { texts, notes, id });
    if (question?.title === '') faults.push({ pointer: fields.at('headline'), message: 'is required' });
    return { names, question, jumps: logic ? jumpsOf(logic, question, names, endings, notes) : [] };
  });
  const welcome = welcomeOf(survey, texts, notes, taken);
  const buttons = items.flatMap(({ fields, logic }) =>
    logic && logic !== fields ? [fields, logic] : [fields],
  );
  noteButtons(buttons, BUTTONS, survey.pointer, notes);
  draft.questions = withBranches(welcome ? [welcome, ...placed] : placed, notes);
  faults.push(...faultsOfQuestions(survey.at('questions'), items.length, draft.questions));
  readTargeting(survey, draft, notes);
  readTerms(survey, draft);
  readStyle(survey, draft);
  noteTheRest(survey);
  return finishSurvey(draft, { pointer, key, name: name.slice(0, 1_024), faults, notes });
}

interface Item {
  fields: Fields;
  /** Where the rules that apply after it are: its own, or its block's after the block's last. */
  logic: Fields | null;
  /** What jumps may call it besides its id: a block's id stands for its first. */
  names: string[];
}

function itemsOf(survey: Fields, notes: ImportNote[]): Item[] {
  const blocks = survey.list('blocks');
  const questions = survey.list('questions');
  if (blocks.length === 0)
    return questions.map((of, i) => {
      const fields = fieldsOf(of, `${survey.at('questions')}/${i}`, notes);
      return { fields, logic: fields, names: [] };
    });
  return blocks.flatMap((of, i) => {
    const block = fieldsOf(of, `${survey.at('blocks')}/${i}`, notes);
    const id = block.text('id');
    const elements = block.list('elements');
    block.skip('name', 'logic', 'logicFallback', ...BUTTONS);
    if (elements.length > 1)
      block.note('elements', 'its questions are asked one after the other, each on a card of its own');
    block.noteRest('Blocks are only questions here');
    return elements.map((element, j) => ({
      fields: fieldsOf(element, `${block.at('elements')}/${j}`, notes),
      logic: j === elements.length - 1 ? block : null,
      names: j === 0 && id !== undefined ? [id] : [],
    }));
  });
}

/** The default first; disabled ones are left out. */
function languagesOf(survey: Fields, draft: Draft, notes: ImportNote[]): string[] {
  const found: { code: string; isDefault: boolean }[] = [];
  survey.list('languages').forEach((of, i) => {
    const pointer = `${survey.at('languages')}/${i}`;
    const entry = isRecord(of) ? of : { language: of };
    const code = isRecord(entry.language) ? entry.language.code : entry.language;
    if (typeof code !== 'string' || !LANGUAGE.test(code))
      notes.push({ pointer, message: 'was left out: its code is none that a page could have, such as "de"' });
    else if (entry.enabled === false && entry.default !== true)
      notes.push({ pointer, message: `"${code}" was left out: it was not enabled` });
    else if (!found.some((known) => known.code === code))
      found.push({ code, isDefault: entry.default === true });
  });
  const first = found.find(({ isDefault }) => isDefault) ?? found[0];
  if (!first) return ['en'];
  const languages = [first.code, ...found.filter((of) => of !== first).map(({ code }) => code)];
  draft.definition.languages = languages;
  return languages;
}

/** `#recall:<id>/fallback:<text>#` is `{{answer.<id>|<text>}}` where the id is a question's. */
function withAnswers(
  text: string,
  pointer: string,
  ids: ReadonlyMap<string, string>,
  notes: ImportNote[],
): string {
  return text.replace(/#recall:([\w-]{1,64})\/fallback:([^#]*)#/g, (_, id: string, fallback: string) => {
    const words = fallback.replace(/[{}|]/g, ' ').replaceAll('nbsp', ' ').trim();
    const question = ids.get(id);
    if (question !== undefined) return `{{answer.${question}|${words}}}`;
    notes.push({
      pointer,
      message: `"${id}" is no question: its fallback text was put in. A trait goes as {{trait.<key>|...}}`,
    });
    return words;
  });
}

/** The ids of the endings, which jumps may name; the first one's words are said at the end. */
function readEndings(survey: Fields, draft: Draft, texts: Texts, notes: ImportNote[]): Set<string> {
  const endings = survey.list('endings');
  const ids = new Set<string>();
  endings.forEach((of, i) => {
    const ending = fieldsOf(of, `${survey.at('endings')}/${i}`, notes);
    const id = ending.text('id');
    if (id !== undefined) ids.add(id);
    ending.skip('type');
    if (i > 0) {
      notes.push({
        pointer: ending.pointer,
        message: 'was left out: a survey has one ending. Say what matters in an info before it',
      });
      return;
    }
    const thanks = texts.local(ending.take('headline'), ending.at('headline'));
    if (thanks !== undefined) draft.definition.thanks = thanks;
    ending.noteRest('An ending is one text here');
  });
  return ids;
}

/** A welcome card is an info before the first question. */
function welcomeOf(survey: Fields, texts: Texts, notes: ImportNote[], taken: Set<string>): Placed | null {
  const card = survey.object('welcomeCard');
  if (!card?.flag('enabled')) return null;
  const title = texts.local(card.take('headline'), card.at('headline'));
  const description = texts.local(card.take('html'), card.at('html'));
  card.noteRest('An info is two texts here');
  if (title === undefined) {
    notes.push({ pointer: card.at('headline'), message: 'the welcome card was left out: it has no text' });
    return null;
  }
  const id = questionId('welcome', 0, taken);
  const question = {
    id,
    type: 'info' as const,
    title,
    ...(description === undefined ? {} : { description }),
  };
  return { names: [], question, jumps: [] };
}

/** Its dates, its limit, and whether it runs. */
function readTerms(survey: Fields, draft: Draft): void {
  const startAt = survey.text('runOnDate');
  const endAt = survey.text('closeOnDate');
  if (startAt !== undefined) draft.definition.startAt = startAt;
  if (endAt !== undefined) draft.definition.endAt = endAt;
  const limit = survey.number('autoComplete');
  if (limit !== undefined && limit >= 1) draft.definition.limit = Math.round(limit);
  const status = survey.text('status');
  if (status !== undefined && status !== 'inProgress' && status !== 'scheduled') {
    draft.held = true;
    survey.note('status', `was "${status.slice(0, 40)}": it is exposed to nobody. Drop "expose" to ask`);
  }
  if (survey.text('type') === 'link') {
    draft.held = true;
    survey.note(
      'type',
      'was answered by a link: it is exposed to nobody. Drop "expose" to offer it in pages, or to whoever follows its link',
    );
  }
}

function readStyle(survey: Fields, draft: Draft): void {
  const styling = survey.object('styling');
  if (styling?.flag('overwriteThemeStyling')) {
    const light = (name: string): unknown => {
      const colour = styling.object(name);
      if (colour?.text('dark') !== undefined)
        colour.note(
          'dark',
          'was left out: a theme has one set of colours. Set --tm- variables in your dark style',
        );
      return colour?.take('light');
    };
    const roundness = styling.number('roundness');
    readColours(
      draft,
      [
        ['accent', 'brandColor', light('brandColor')],
        ['background', 'cardBackgroundColor', light('cardBackgroundColor')],
        ['text', 'questionColor', light('questionColor')],
        ['border', 'cardBorderColor', light('cardBorderColor')],
        ['radius', 'roundness', roundness === undefined ? undefined : `${roundness}px`],
      ],
      styling,
    );
    styling.noteRest('A theme is accent, background, text, muted, border, radius and font here');
  }
  const own = survey.object('projectOverwrites');
  if (!own) return;
  readColours(draft, [['accent', 'brandColor', own.take('brandColor')]], own);
  const placement = own.text('placement');
  if (placement === 'center') draft.definition.presentation = 'dialog';
  else if (placement !== undefined && placement !== 'bottomRight')
    own.note('placement', 'was left out: the card is in the lower right. Place it with your own style');
  own.noteRest('A theme has no such colour here');
}

/** What has no counterpart, each with what to do instead. */
function noteTheRest(survey: Fields): void {
  const hidden = survey.object('hiddenFields');
  if (hidden?.flag('enabled') && hidden.list('fieldIds').length > 0)
    hidden.note('fieldIds', 'need no list here: send them as `hidden` with the answers');
  survey.skip('id', 'createdAt', 'updatedAt', 'createdBy', 'environmentId', 'workspaceId', 'resultShareKey');
  survey.skip('questions', 'blocks');
  const single = survey.object('singleUse');
  if (single?.flag('enabled')) single.note('enabled', 'was left out: links are not for single use');
  const captcha = survey.object('recaptcha');
  if (captcha?.flag('enabled'))
    captcha.note('enabled', 'was left out: use userSignature against forged answers');
  if (survey.take('surveyClosedMessage') !== undefined)
    survey.note('surveyClosedMessage', 'was left out: a closed survey is not shown');
  survey.noteRest('Surveys have no such setting here');
}
