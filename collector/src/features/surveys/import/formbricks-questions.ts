// Formbricks' questions (elements, in surveys with blocks) as questions of ours.
// Invariant: what a question has and ours has not is noted; a type without a counterpart is noted and left out.
import type { LocalText, QuestionType } from '../../../wire/survey.ts';
import { MAX_TEXT_CHARS } from '../../../wire/survey-definition.ts';
import { type Fields, fieldsOf } from './fields.ts';
import type { DraftQuestion, ImportNote } from './imported.ts';
import { scaleNear } from './scale.ts';
import type { Reading, Texts } from './texts.ts';

const TYPES: Readonly<Record<string, QuestionType>> = {
  openText: 'open_text',
  multipleChoiceSingle: 'single_choice',
  multipleChoiceMulti: 'multiple_choice',
  nps: 'nps',
  cta: 'info',
  rating: 'rating',
  consent: 'consent',
  date: 'date',
  matrix: 'matrix',
  ranking: 'ranking',
  csat: 'csat',
  ces: 'ces',
  // Several fields each: what can be kept is that something is asked.
  address: 'open_text',
  contactInfo: 'open_text',
};
const PARTS: Readonly<Record<string, readonly string[]>> = {
  address: ['addressLine1', 'addressLine2', 'city', 'state', 'zip', 'country'],
  contactInfo: ['firstName', 'lastName', 'email', 'phone', 'company'],
};
/** Points of each scale, where the question does not say. */
const SCALES: Partial<Record<QuestionType, number>> = { rating: 5, csat: 5, ces: 5 };

/** Null for a type that has no counterpart; it is noted. Leaves `logic` and `logicFallback` to `jumpsOf`. */
export function questionOf(fields: Fields, { texts, notes, id }: Reading): DraftQuestion | null {
  const theirs = fields.text('type') ?? '';
  const type = Object.hasOwn(TYPES, theirs) ? TYPES[theirs] : undefined;
  if (type === undefined) {
    fields.note('type', `a question of type "${theirs.slice(0, 40)}" has no counterpart and was left out`);
    return null;
  }
  const local = (name: string): LocalText | undefined => texts.local(fields.take(name), fields.at(name));
  fields.skip('isDraft', 'logic', 'logicFallback', 'buttonLabel', 'backButtonLabel');
  // What no text is given for is a fault that names the place.
  const title = local('headline') ?? '';
  const question: DraftQuestion = { id, type, title };
  describe(question, fields, local);
  if (fields.flag('required') && type !== 'info') question.required = true;
  readScale(question, fields, local);
  readOptions(question, fields, texts, notes);
  readText(question, fields, theirs);
  if (type === 'date' && fields.text('format') !== undefined)
    fields.note('format', 'was left out: a date is asked for as the reader’s browser writes dates');
  if (type === 'info')
    for (const name of ['buttonUrl', 'ctaButtonLabel', 'dismissButtonLabel'] as const)
      if (fields.take(name) !== undefined)
        fields.note(
          name,
          'was left out: an info only has a button that goes on. Put the address into its text',
        );
  fields.skip('buttonExternal');
  const parts = PARTS[theirs];
  if (parts) {
    fields.skip(...parts);
    fields.note(
      'type',
      `"${theirs}" became one open text: ask for each part with a question of its own instead`,
    );
  }
  fields.noteRest('Questions have no such setting here');
  return question;
}

/** Its subheading, its text, or the words beside its box. */
function describe(
  question: DraftQuestion,
  fields: Fields,
  local: (name: string) => LocalText | undefined,
): void {
  const texts = (['subheader', 'html', 'label'] as const).flatMap((name) => {
    const text = local(name);
    return text === undefined ? [] : [{ name, text }];
  });
  const [first, ...others] = texts;
  if (first) question.description = first.text;
  for (const { name } of others)
    fields.note(name, 'was left out: a question has one description. Put both texts into it');
}

function readScale(
  question: DraftQuestion,
  fields: Fields,
  local: (name: string) => LocalText | undefined,
): void {
  const byDefault = SCALES[question.type];
  const isScale = byDefault !== undefined || question.type === 'nps';
  if (!isScale) return;
  const range = fields.number('range') ?? byDefault;
  if (byDefault !== undefined && range !== undefined) question.scale = scaleNear(fields, 'range', range);
  const look = fields.text('scale');
  if (look !== undefined && look !== 'number')
    fields.note('scale', `"${look.slice(0, 40)}" was left out: scales show numbers`);
  const lower = local('lowerLabel');
  const upper = local('upperLabel');
  if (lower === undefined && upper === undefined) return;
  const [least, most] = question.type === 'nps' ? ['0', '10'] : ['1', String(question.scale)];
  question.labels = [
    { id: 'lowest', label: lower ?? (least as string) },
    { id: 'highest', label: upper ?? (most as string) },
  ];
}

function readOptions(question: DraftQuestion, fields: Fields, texts: Texts, notes: ImportNote[]): void {
  const { type } = question;
  if (type === 'matrix') {
    question.options = optionsOf(fields, 'rows', texts, notes);
    question.labels = optionsOf(fields, 'columns', texts, notes);
  } else if (type === 'single_choice' || type === 'multiple_choice' || type === 'ranking') {
    const options = optionsOf(fields, 'choices', texts, notes);
    const others = options.filter(({ id }) => id === 'other');
    question.options = options.filter(({ id }) => id !== 'other');
    if (others.length > 0 && type === 'ranking')
      fields.note('choices', 'the choice "other" was left out: only what is listed can be ranked');
    else if (others.length > 0) {
      question.other = true;
      fields.note('choices', 'the label of "other" was left out: the widget has words of its own for it');
    }
    if (type === 'multiple_choice' && options.some(({ id }) => id === 'none'))
      fields.note('choices', 'the choice "none" may now be chosen beside others. Tell so in its label');
    const hint = fields.take('otherOptionPlaceholder');
    if (hint !== undefined && others.length > 0)
      fields.note('otherOptionPlaceholder', 'was left out: the field for one’s own words has no hint');
  } else return;
  const shuffle = fields.text('shuffleOption');
  if (shuffle !== undefined && shuffle !== 'none')
    fields.note('shuffleOption', 'was left out: options keep their order');
}

/** Choices are `{ id, label }`; rows and columns of older surveys are texts alone. */
function optionsOf(
  fields: Fields,
  name: string,
  texts: Texts,
  notes: ImportNote[],
): { id: string; label: LocalText }[] {
  const options: { id: string; label: LocalText }[] = [];
  fields.list(name).forEach((of, i) => {
    const pointer = `${fields.at(name)}/${i}`;
    const choice = fieldsOf(of, pointer, notes);
    const given = choice.take('label');
    const label = given === undefined ? texts.local(of, pointer) : texts.local(given, `${pointer}/label`);
    const id =
      given === undefined ? texts.plain(of, pointer) : (choice.text('id') ?? texts.plain(given, pointer));
    if (label === undefined || id === undefined)
      notes.push({ pointer, message: 'was left out: it has no text. Give it a label' });
    else if (options.some((known) => known.id === id))
      notes.push({ pointer, message: `was left out: "${id.slice(0, 40)}" is there already` });
    else options.push({ id, label });
    if (given !== undefined) choice.noteRest('Options are an id and a label here');
  });
  return options;
}

function readText(question: DraftQuestion, fields: Fields, theirs: string): void {
  if (theirs !== 'openText') return;
  const input = fields.text('inputType');
  if (input !== undefined && input !== 'text')
    fields.note(
      'inputType',
      `"${input.slice(0, 40)}" was left out: any text is taken. Check it where you use it`,
    );
  if (fields.take('placeholder') !== undefined)
    fields.note('placeholder', 'was left out: put the hint into the description');
  const limit = fields.object('charLimit');
  if (!limit?.flag('enabled')) return;
  const most = limit.number('max');
  if (most !== undefined) question.maxLength = Math.min(Math.max(Math.round(most), 1), MAX_TEXT_CHARS);
  if ((limit.number('min') ?? 0) > 0)
    limit.note('min', 'was left out: an answer may be as short as it likes. Ask for more in the description');
}
