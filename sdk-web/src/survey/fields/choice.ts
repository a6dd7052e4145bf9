// single_choice, multiple_choice and consent: rows to choose, and an answer of one's own.
// Invariant: an option's id, or the text somebody wrote instead.
import { CONSENT_ANSWERS } from '../../../../collector/src/wire/survey.ts';
import { make } from '../dom.ts';
import { say } from '../words.ts';
import { type Ask, type Field, NAMED, radios, row } from './field.ts';

/** The row for an answer of one's own; no id is empty. */
const OWN = '';

export function choice(ask: Ask): Field {
  const { question, words, text, answer } = ask;
  const isMany = question.type === 'multiple_choice';
  const type = isMany ? 'checkbox' : 'radio';
  const given = answer === null || answer === undefined ? [] : [answer].flat().map(String);
  const ids = question.options.map(({ id }) => id);
  const written = question.other && given.find((value) => !ids.includes(value));

  const rows = question.options.map(({ id, label }) =>
    row(ask, type, 'a', id, text(label), given.includes(id)),
  );
  const own = make('input', {
    class: 'i own',
    'aria-label': words.otherText,
    'aria-describedby': 'e',
    placeholder: words.otherText,
    maxlength: question.maxLength,
    input: ask.changed,
  });
  own.value = written || '';
  const { min = 0, max = Number.POSITIVE_INFINITY } = question;
  const hint =
    isMany &&
    make('p', { class: 'd q', id: 'h' }, max < ids.length ? say(words.upTo, { n: max }) : words.any);
  const group = isMany
    ? make('div', { role: 'group', 'aria-labelledby': 't', 'aria-describedby': 'd h e' })
    : radios(ask, NAMED);
  group.append(...rows);
  if (question.other) group.append(row(ask, type, 'a', OWN, words.other, !!written));

  const picked = (): string[] =>
    ([...group.querySelectorAll(`input[type=${type}]`)] as HTMLInputElement[])
      .filter(({ checked }) => checked)
      .map(({ value }) => value);
  const open = (): void => {
    own.hidden = !picked().includes(OWN);
  };
  group.addEventListener('change', open);
  open();
  return {
    element: make('div', {}, hint, group, own),
    read() {
      const values = picked()
        .map((value) => value || own.value.trim())
        .filter(Boolean);
      return isMany ? (values.length ? values : undefined) : values[0];
    },
    fault() {
      const { length } = picked();
      if (picked().includes(OWN) && !own.value.trim()) return [words.write, own];
      if (length && length < min) return [say(words.least, { n: min })];
      return length > max && [say(words.most, { n: max })];
    },
  };
}

export const consent = (ask: Ask): Field =>
  choice({
    ...ask,
    question: {
      ...ask.question,
      other: false,
      options: CONSENT_ANSWERS.map((id, i) => ({ id, label: i ? ask.words.decline : ask.words.accept })),
    },
  });
