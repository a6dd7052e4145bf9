// What a question's field is given and what it gives; and the parts that several fields are made of.
// Invariant: native controls: arrows, labels and states come from the browser.
import type { SurveyAnswer } from '../../../../collector/src/wire/message.ts';
import type { LocalText, SurveyOption, SurveyQuestion } from '../../../../collector/src/wire/survey.ts';
import { make } from '../dom.ts';
import type { Words } from '../words.ts';

export interface Ask {
  question: SurveyQuestion;
  words: Words;
  language: string;
  text(of: LocalText): string;
  /** What was answered before. */
  answer: SurveyAnswer | undefined;
  /** The answer may be another one now. */
  changed(): void;
  /** Says something to screen readers. */
  announce(text: string): void;
}

export interface Field {
  element: HTMLElement;
  /** The answer; undefined is none. */
  read(): SurveyAnswer | undefined;
  /** What is wrong with it, and where. None is not wrong here. */
  fault?(): [message: string, at?: HTMLElement | undefined] | false | undefined;
}

/** Ties a control to the question's title, description and error. */
export const NAMED = { 'aria-labelledby': 't', 'aria-describedby': 'd e' };

/** A group of radio buttons. */
export const radios = ({ question }: Ask, given: Parameters<typeof make>[1], ...children: HTMLElement[]) =>
  make('div', { role: 'radiogroup', 'aria-required': question.required && 'true', ...given }, ...children);

/** A row to choose: a radio button or a checkbox with its label. */
export function row(
  ask: Ask,
  type: 'radio' | 'checkbox',
  name: string,
  value: string,
  label: string,
  checked: boolean,
): HTMLLabelElement {
  return make(
    'label',
    { class: 'row' },
    make('input', { type, name, value, checked, change: ask.changed }),
    make('span', {}, label),
  );
}

/** A radio button that is a cell with something in it. */
export function cell(
  ask: Ask,
  name: string,
  value: string | number,
  checked: boolean,
  label: string | null,
  content: Node | string,
): HTMLLabelElement {
  return make(
    'label',
    { class: 'c' },
    make('input', { type: 'radio', name, value, checked, 'aria-label': label, change: ask.changed }),
    make('b', { 'aria-hidden': label !== null && 'true' }, content),
  );
}

/** The chosen value of a group. */
export const chosen = (element: HTMLElement, name: string): string | undefined =>
  ([...element.querySelectorAll('input')] as HTMLInputElement[]).find(
    (input) => input.name === name && input.checked,
  )?.value;

/** Chips with words on them, one group. */
export const chips = (
  ask: Ask,
  name: string,
  options: readonly SurveyOption[],
  answer: string | undefined,
): HTMLElement =>
  make(
    'div',
    { class: 'chips' },
    ...options.map(({ id, label }) => cell(ask, name, id, id === answer, null, ask.text(label))),
  );

/** A record's text, whatever an old answer holds. */
export function textAt(answer: SurveyAnswer | undefined, key: string): string | undefined {
  const value = answer && typeof answer === 'object' ? (answer as Record<string, unknown>)[key] : undefined;
  return typeof value === 'string' ? value : undefined;
}
