// PostHog's questions and their branching as questions of ours.
// Invariant: what a question has and ours has not is noted; a branch means what it meant, or is noted.
import type { LocalText, SurveyOption } from '../../../wire/survey.ts';
import { MIN_SCALE } from '../../../wire/survey-definition.ts';
import { END, type Jump, type When } from './branches.ts';
import { type Fields, isRecord } from './fields.ts';
import type { DraftQuestion, ImportNote } from './imported.ts';
import { scaleNear } from './scale.ts';
import type { Reading, Texts } from './texts.ts';

const TYPES = {
  open: 'open_text',
  link: 'info',
  rating: 'rating',
  single_choice: 'single_choice',
  multiple_choice: 'multiple_choice',
} as const;
/** A rating of ten is asked from 0 to 10 there: that is our nps. */
const NPS_SCALE = 10;

/** Null for a type that has no counterpart; it is noted. Leaves `branching` to `jumpsOf`. */
export function questionOf(fields: Fields, { texts, notes, id }: Reading): DraftQuestion | null {
  const theirs = fields.text('type') ?? '';
  const type = Object.hasOwn(TYPES, theirs) ? TYPES[theirs as keyof typeof TYPES] : undefined;
  if (type === undefined) {
    fields.note('type', `a question of type "${theirs.slice(0, 40)}" has no counterpart and was left out`);
    return null;
  }
  const translated = translations(fields);
  const local = (name: string, isMarkup: boolean): LocalText | undefined =>
    texts.local(withTranslations(fields.take(name), translated, name), fields.at(name), isMarkup);
  fields.skip('branching', 'originalQuestionIndex', 'buttonText');
  const question: DraftQuestion = { id, type, title: local('question', false) ?? '' };
  const isMarkup = fields.text('descriptionContentType') !== 'text';
  const description = local('description', isMarkup);
  if (description !== undefined) question.description = description;
  if (!fields.flag('optional') && type !== 'info') question.required = true;
  if (type === 'rating') readScale(question, fields, (name) => local(name, false));
  if (type === 'single_choice' || type === 'multiple_choice')
    readChoices(question, fields, { texts, notes, translated });
  if (type === 'info' && fields.take('link') !== undefined)
    fields.note(
      'link',
      'was left out: an info only has a button that goes on. Put the address into its text',
    );
  fields.noteRest('Questions have no such setting here');
  return question;
}

type Translations = readonly (readonly [language: string, texts: Record<string, unknown>])[];

const translations = (fields: Fields): Translations => {
  const held = fields.take('translations');
  return isRecord(held)
    ? Object.entries(held).flatMap(([name, texts]) => (isRecord(texts) ? [[name, texts] as const] : []))
    : [];
};

/** A text with its translations as `createTexts` reads them. */
export function withTranslations(text: unknown, translated: Translations, name: string): unknown {
  if (translated.length === 0 || typeof text !== 'string') return text;
  const others = translated.map(([language, texts]) => [language, texts[name]] as const);
  return Object.fromEntries([['default', text], ...others.filter(([, other]) => typeof other === 'string')]);
}

function readScale(
  question: DraftQuestion,
  fields: Fields,
  local: (name: string) => LocalText | undefined,
): void {
  const scale = fields.number('scale') ?? 5;
  if (scale === NPS_SCALE) question.type = 'nps';
  else question.scale = scaleNear(fields, 'scale', scale);
  if (scale === MIN_SCALE)
    fields.note(
      'scale',
      'thumbs up is 1 and thumbs down 2 there; a scale rises here: turn it over, or ask a choice',
    );
  if (fields.text('display') === 'emoji') fields.note('display', 'emoji were left out: scales show numbers');
  const lower = local('lowerBoundLabel');
  const upper = local('upperBoundLabel');
  if (lower === undefined && upper === undefined) return;
  const [least, most] = question.type === 'nps' ? ['0', '10'] : ['1', String(question.scale)];
  question.labels = [
    { id: 'lowest', label: lower ?? (least as string) },
    { id: 'highest', label: upper ?? (most as string) },
  ];
}

/** The choice's own text is its id: that is what PostHog's answers hold. The open one, always the last, is `other`. */
function readChoices(
  question: DraftQuestion,
  fields: Fields,
  { texts, notes, translated }: { texts: Texts; notes: ImportNote[]; translated: Translations },
): void {
  const choices = fields.list('choices');
  const isOpen = fields.flag('hasOpenChoice') && choices.length > 0;
  const options: (SurveyOption & { place: number })[] = [];
  choices.forEach((choice, place) => {
    const pointer = `${fields.at('choices')}/${place}`;
    if (isOpen && place === choices.length - 1) {
      notes.push({ pointer, message: 'its label was left out: the widget words one’s own choice' });
      return;
    }
    const id = texts.plain(choice, pointer);
    const words = translated.map(([language, of]) => {
      const list = of.choices;
      return [language, { choice: Array.isArray(list) ? list[place] : undefined }] as const;
    });
    const label = texts.local(withTranslations(choice, words, 'choice'), pointer, false);
    if (id === undefined || label === undefined)
      notes.push({ pointer, message: 'was left out: it has no text' });
    else if (options.some((known) => known.id === id))
      notes.push({ pointer, message: 'was left out: the same choice is there already' });
    else options.push({ id, label, place });
  });
  question.options = options.map(({ id, label }) => (label === id ? id : { id, label }));
  if (isOpen) question.other = true;
  if (fields.flag('shuffleOptions')) fields.note('shuffleOptions', 'was left out: options keep their order');
}

/** Numbers of a scale that PostHog's branching puts together. */
function bucketOf(answer: number, scale: number): string {
  if (scale === NPS_SCALE) return answer <= 6 ? 'detractors' : answer <= 8 ? 'passives' : 'promoters';
  const middle = (scale + 1) / 2;
  return answer < middle ? 'negative' : answer === middle ? 'neutral' : 'positive';
}

/** What comes after the question. `nameOf` gives the name of the question at a place of the survey. */
export function jumpsOf(
  fields: Fields,
  question: DraftQuestion | null,
  place: number,
  nameOf: (place: number) => string,
  notes: ImportNote[],
): Jump[] {
  const branching = fields.object('branching');
  if (!branching) return [];
  const pointer = fields.at('branching');
  const type = branching.text('type');
  const targetOf = (value: unknown): string | null => {
    if (value === END) return END;
    if (value === 'next_question' || value === undefined || value === null) return nameOf(place + 1);
    return typeof value === 'number' && Number.isInteger(value) ? nameOf(value) : null;
  };
  if (type === undefined || type === 'next_question') return [];
  if (type === END) return [{ to: END, pointer }];
  const to = type === 'specific_question' ? targetOf(branching.number('index')) : null;
  if (to !== null) return [{ to, pointer }];
  const values = branching.take('responseValues');
  if (type !== 'response_based' || !isRecord(values) || !question) {
    notes.push({
      pointer,
      message: 'was left out: it is no branching that is known. Set `next` on the question',
    });
    return [];
  }
  const choices = fields.list('choices');
  return Object.entries(values).flatMap(([name, value]) => {
    const at = `${pointer}/responseValues/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const target = targetOf(value);
    const whens = whensOf(name, question, fields, choices);
    if (target !== null && whens) return whens.map((when) => ({ when, to: target, pointer: at }));
    notes.push({
      pointer: at,
      message: 'was left out: there is no such answer or question. Set `next` yourself',
    });
    return [];
  });
}

function whensOf(
  name: string,
  { type, scale, options = [], required }: DraftQuestion,
  fields: Fields,
  choices: readonly unknown[],
): When[] | null {
  if (type === 'nps' || type === 'rating') {
    const points = type === 'nps' ? NPS_SCALE : (scale ?? 5);
    const first = type === 'nps' ? 0 : 1;
    const all = Array.from({ length: points + 1 - first }, (_, i) => i + first);
    const meant = all.filter((answer) => bucketOf(answer, points) === name);
    return meant.length > 0 ? [{ op: 'in', value: meant }] : null;
  }
  if (type !== 'single_choice' || !/^\d{1,3}$/.test(name)) return null;
  const ids = options.map((of) => (typeof of === 'string' ? of : of.id));
  const isOpenOne = fields.flag('hasOpenChoice') && Number(name) === choices.length - 1;
  // Any text that is none of the listed; where it may be left out, no text would count too.
  if (isOpenOne) return required ? [{ op: 'not_in', value: ids }] : null;
  const choice = choices[Number(name)];
  return typeof choice === 'string' && ids.includes(choice.trim())
    ? [{ op: 'eq', value: choice.trim() }]
    : null;
}
