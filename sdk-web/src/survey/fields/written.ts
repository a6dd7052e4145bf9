// open_text and date: what is written into one field.
// Invariant: text as it was written, without the white space around it; a date as YYYY-MM-DD.
import { make } from '../dom.ts';
import { say } from '../words.ts';
import { type Ask, type Field, NAMED } from './field.ts';

/** The characters that are left are told once they are so few. */
const FEW_LEFT = 100;

export function openText({ question, words, answer, changed }: Ask): Field {
  const { maxLength, required } = question;
  const left = make('div', { class: 'count', id: 'n' });
  const area = make('textarea', {
    maxlength: maxLength,
    rows: 4,
    dir: 'auto',
    'aria-required': required && 'true',
    'aria-labelledby': 't',
    'aria-describedby': 'd n e',
    input() {
      count();
      changed();
    },
  });
  const count = (): void => {
    const n = maxLength - area.value.length;
    left.textContent = n <= FEW_LEFT ? say(words.left, { n }) : '';
  };
  area.value = typeof answer === 'string' ? answer : '';
  count();
  return { element: make('div', {}, area, left), read: () => area.value.trim() || undefined };
}

export function date({ question, words, answer, changed }: Ask): Field {
  const input = make('input', {
    class: 'i',
    type: 'date',
    max: '9999-12-31',
    'aria-required': question.required && 'true',
    ...NAMED,
    input: changed,
  });
  if (typeof answer === 'string') input.value = answer;
  return {
    element: input,
    read: () => input.value || undefined,
    // Half a date reads as none.
    fault: () => !input.validity.valid && [words.date, input],
  };
}
