// One question as a form: its words, its field, its error and its buttons.
// Invariant: goes on only with an answer that is right, or none where none is needed.
import type { LocalText, QuestionType } from '../../../collector/src/wire/survey.ts';
import { draw, make } from './dom.ts';
import { choice, consent } from './fields/choice.ts';
import type { Ask, Field } from './fields/field.ts';
import { kano, matrix, maxdiff } from './fields/grids.ts';
import { price } from './fields/price.ts';
import { ranking } from './fields/ranking.ts';
import { scale } from './fields/scale.ts';
import { date, openText } from './fields/written.ts';
import type { Submission } from './submission.ts';
import { say, type Words } from './words.ts';

const FIELDS: Record<QuestionType, (ask: Ask) => Field> = {
  nps: scale,
  csat: scale,
  ces: scale,
  rating: scale,
  single_choice: choice,
  multiple_choice: choice,
  open_text: openText,
  ranking,
  matrix,
  maxdiff,
  kano,
  price_sensitivity: price,
  date,
  consent,
  info: () => ({ element: make('div'), read: () => undefined }),
};
/** Questions that are answered by writing. */
const WRITTEN = /^(open_text|date|price)/;

export interface QuestionParts {
  submission: Submission;
  words: Words;
  language: string;
  /** In the survey's language, with what is piped into it. */
  text(of: LocalText): string;
  announce(text: string): void;
  /** Another question is asked now, or none. */
  onMove(): void;
  /** Closes the survey; none for one that is part of a page. */
  onClose: (() => void) | undefined;
}

const closeButton = (words: Words, click: () => void): HTMLElement =>
  make(
    'button',
    { type: 'button', class: 'z', 'aria-label': words.close, click },
    draw('M6 6l12 12M18 6L6 18'),
  );

export function renderQuestion(parts: QuestionParts): HTMLFormElement {
  const { submission, words, language, text, announce, onMove, onClose } = parts;
  const question = submission.current();
  if (!question) throw new TypeError('no question is left');
  const error = make('p', { class: 'e', id: 'e', role: 'alert' });
  const go = make('button', { class: 'p' });
  const field = (FIELDS[question.type] ?? FIELDS.info)({
    question,
    words,
    language,
    text,
    announce,
    answer: submission.answers[question.id] ?? undefined,
    changed() {
      submission.start();
      complain();
      label();
    },
  });

  function label(): void {
    const answer = field.read();
    const isEmpty = answer === undefined && !question?.required && question?.type !== 'info';
    go.textContent = !submission.peek(answer)
      ? words.send
      : isEmpty && !field.fault?.()
        ? words.skip
        : words.next;
  }

  /** Says what is wrong at its place, or takes it back. */
  function complain(message = '', at?: HTMLElement): void {
    if (error.textContent !== message) error.textContent = message;
    for (const element of form.querySelectorAll('[aria-invalid]')) element.removeAttribute('aria-invalid');
    if (!message) return;
    const place =
      at ?? field.element.querySelector<HTMLElement>('[role=radiogroup],textarea') ?? field.element;
    if (/^(INPUT|TEXTAREA)$/.test(place.tagName) || place.getAttribute('role') === 'radiogroup')
      place.setAttribute('aria-invalid', 'true');
    firstControl(place)?.focus();
  }

  function submit(event: Event): unknown {
    event.preventDefault();
    const answer = field.read();
    const fault = field.fault?.();
    if (fault) return complain(...fault);
    if (question?.required && answer === undefined && question.type !== 'info')
      return complain(WRITTEN.test(question.type) ? words.write : words.choose);
    submission.advance(answer);
    return onMove();
  }

  const form: HTMLFormElement = make(
    'form',
    { novalidate: true, submit },
    make(
      'div',
      { class: 'top' },
      make(
        'div',
        {},
        make('h2', { id: 't', tabindex: -1 }, text(question.title)),
        question.description !== undefined && make('p', { class: 'd', id: 'd' }, text(question.description)),
      ),
      onClose && closeButton(words, onClose),
    ),
    field.element,
    error,
    make(
      'div',
      { class: 'foot' },
      submission.canGoBack() &&
        make(
          'button',
          {
            type: 'button',
            class: 'g',
            click() {
              const answer = field.fault?.() ? undefined : field.read();
              submission.back(answer);
              onMove();
            },
          },
          words.back,
        ),
      question.required && make('span', { class: 'count' }, words.required),
      go,
    ),
  );
  form.addEventListener('keydown', ({ key, ctrlKey, metaKey }) => {
    // Enter alone is a new line there.
    if (key === 'Enter' && (ctrlKey || metaKey)) form.requestSubmit();
  });
  label();
  return form;
}

/** Where the keyboard begins: the chosen radio button of a group, else the first control. */
export function firstControl(element: HTMLElement): HTMLElement | null {
  if (/^(INPUT|TEXTAREA|BUTTON)$/.test(element.tagName)) return element;
  return (
    element.querySelector<HTMLElement>('input:checked') ??
    element.querySelector<HTMLElement>('input:not([hidden]),textarea,button:not(.z,.g)')
  );
}

/** How far it is, for eyes and screen readers. */
export function renderProgress(place: number, total: number, words: Words): HTMLElement {
  const bar = make('i');
  bar.style.setProperty('inline-size', `${(100 * place) / total}%`);
  const label = say(words.progress, { n: place, m: total });
  return make(
    'div',
    {
      class: 'bar',
      role: 'progressbar',
      'aria-label': label,
      'aria-valuemin': 0,
      'aria-valuemax': total,
      'aria-valuenow': place,
    },
    bar,
  );
}
