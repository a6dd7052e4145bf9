// Shows one survey: a card in a corner, a modal dialog, or a part of the page.
// Invariant: the card never takes the focus; whoever was inside gets back to where they were; nothing of it is
// left when it is closed.
import type { LocalText, OfferedSurvey } from '../../../collector/src/wire/survey.ts';
import { attempt } from '../attempt.ts';
import type { User } from '../types.ts';
import { paint } from './colour.ts';
import { draw, make } from './dom.ts';
import { localText, pipe, wordsOf } from './flow.ts';
import { readKept } from './kept.ts';
import { directionOf, fileOf, languagesOf } from './language.ts';
import { firstControl, renderProgress, renderQuestion } from './question.ts';
import { css } from './style.ts';
import { createSubmission } from './submission.ts';
import type { Showing } from './types.ts';
import { english, LANGUAGES, say } from './words.ts';

/** Screen readers hear a change of what was there a moment before, ms. */
const ANNOUNCE_MS = 150;
/** Said by then; whoever reads on must not find it twice, ms. */
const ANNOUNCED_MS = 2_000;
/** A card that said thanks goes by itself, ms. */
const THANKS_MS = 8_000;

let sheet: CSSStyleSheet | undefined;
function styles(): CSSStyleSheet {
  if (sheet) return sheet;
  sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  return sheet;
}

/**
 * Shows a survey.
 * @returns takes it off the page, what is unfinished stays so; or null, see `Widget`
 * @throws where the browser cannot show it
 */
export async function open(showing: Showing): Promise<(() => void) | null> {
  const { survey, analytics, options, isPreview, loadWords, onGone } = showing;
  // Who asks for it by name may have it.
  const isAsked = isPreview || options.trigger !== 'auto';
  const kept = readKept(analytics.user());
  if (!isAsked && kept.some((one) => one.status === 'done' && one.survey.key === survey.key)) return null;
  const languages = languagesOf(survey.languages, options.language);
  const [language = ''] = languages;
  const file = fileOf(language, LANGUAGES);
  // Its questions are worth showing with English buttons too.
  const words = file
    ? await loadWords(file).then(
        (module) => module.default,
        () => english,
      )
    : english;
  const { traits } = analytics.user();
  const submission = createSubmission(showing, language);

  const { container } = options;
  const form = container ? 'inline' : survey.presentation;
  const host = document.createElement('tidemark-survey');
  const shadow = host.attachShadow({ mode: 'open' });
  shadow.adoptedStyleSheets = [styles()];
  const probes = ['pa', 'pb'].map((name) => make('span', { class: name, 'aria-hidden': 'true' }));
  const status = make('div', { class: 'v', role: 'status' });
  const look = { inline: 'card in', popover: 'card pop', dialog: 'card' }[form];
  const named = { 'aria-labelledby': 't', tabindex: -1 };
  const card =
    form === 'dialog'
      ? make('dialog', { class: look, ...named })
      : make('section', {
          class: look,
          ...named,
          ...(form === 'popover' && { popover: 'manual', role: 'dialog' }),
        });
  const root = make('div', { class: 'r', lang: language, dir: directionOf(language) }, ...probes, card);
  // Inside the dialog: what is outside of a modal one is not heard.
  (form === 'dialog' ? card : root).append(status);
  for (const [name, value] of Object.entries(survey.theme)) root.style.setProperty(`--t-${name}`, value);
  shadow.append(root);

  const plainText = (of: LocalText): string => localText(of, languages);
  const describe = (id: string): string =>
    wordsOf(
      survey.questions.find((question) => question.id === id),
      submission.answers[id],
      plainText,
      words,
    );
  const text = (of: LocalText): string => pipe(plainText(of), describe, traits);

  const cleanUps: (() => void)[] = [];
  const listen = (target: EventTarget, name: string, run: (event: never) => void): void => {
    target.addEventListener(name, run as EventListener);
    cleanUps.push(() => target.removeEventListener(name, run as EventListener));
  };
  function later(ms: number, run: () => void): void {
    const timer = setTimeout(run, ms);
    cleanUps.push(() => clearTimeout(timer));
  }
  const announce = (message: string): void => {
    status.textContent = '';
    later(ANNOUNCE_MS, () => {
      status.textContent = message;
    });
    later(ANNOUNCED_MS, () => {
      status.textContent = '';
    });
  };

  let isGone = false;
  /** Where the focus was before it came in here. */
  let from: Element | null = document.activeElement;
  function close(): void {
    if (isGone) return;
    isGone = true;
    const hadFocus = host.contains(document.activeElement);
    for (const cleanUp of cleanUps) cleanUp();
    if (form === 'dialog') (card as HTMLDialogElement).close();
    host.remove();
    if (hadFocus && from?.isConnected) (from as HTMLElement).focus?.();
    onGone();
  }
  function dismiss(): void {
    submission.dismiss();
    close();
  }
  const onClose = form === 'inline' ? undefined : dismiss;

  function render(): void {
    const question = submission.current();
    const { length } = survey.questions;
    const place = question ? survey.questions.indexOf(question) + 1 : length;
    const parts = { submission, words, language, text, announce, onMove: move, onClose };
    const hasFocus = shadow.activeElement !== null;
    const content = question ? renderQuestion(parts) : renderThanks();
    if (isPreview) content.prepend(make('p', { class: 'pre', role: 'note' }, words.preview));
    for (const child of [...card.children]) if (child !== status) child.remove();
    if (question && length > 1) card.append(renderProgress(place, length, words));
    card.append(content);
    card.scrollTop = 0;
    if (hasFocus) focusInside();
  }

  function move(): void {
    // The card keeps the focus while its content changes.
    if (shadow.activeElement) card.focus({ preventScroll: true });
    render();
    const question = submission.current();
    if (form === 'inline') host.scrollIntoView?.({ block: 'nearest' });
    const { questions } = survey;
    announce(
      question ? say(words.progress, { n: questions.indexOf(question) + 1, m: questions.length }) : thanks(),
    );
    if (!question && form === 'popover') later(THANKS_MS, close);
  }

  const thanks = (): string => text(survey.thanks ?? words.thanks);
  const renderThanks = (): HTMLElement =>
    make(
      'div',
      { class: 'done' },
      draw('M5 12.5l4.5 4.5L19 7.5'),
      make('h2', { id: 't', tabindex: -1 }, thanks()),
      onClose && make('button', { type: 'button', class: 'p', click: close }, words.close),
    );

  /** To the first control; on a phone that would bring up its keyboard, so to the title. */
  function focusInside(): void {
    const control = firstControl(card);
    const isWritten = control?.matches('textarea,input.i');
    const isTouched = attempt(() => matchMedia('(pointer:coarse)').matches);
    const target = control && !(isWritten && isTouched) ? control : shadow.querySelector<HTMLElement>('#t');
    target?.focus({ preventScroll: true });
  }

  listen(host, 'focusin', ({ relatedTarget }: FocusEvent) => {
    if (relatedTarget && !host.contains(relatedTarget as Node)) from = relatedTarget as Element;
  });
  if (onClose)
    listen(host, 'keydown', (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.defaultPrevented || form === 'dialog') return;
      // Not for the page's own dialogs too.
      event.stopPropagation();
      dismiss();
    });
  if (form === 'dialog')
    listen(card, 'cancel', (event: Event) => {
      event.preventDefault();
      dismiss();
    });
  listen(document, 'visibilitychange', () => submission.look(!document.hidden));

  render();
  (container ?? document.body).append(host);
  if (form === 'popover') attempt(() => card.showPopover());
  if (form === 'dialog') (card as HTMLDialogElement).showModal();
  const repaint = (): void => paint(root, probes[0] as Element, probes[1] as Element);
  repaint();
  attempt(() => listen(matchMedia('(prefers-color-scheme: dark)'), 'change', repaint));
  if (form === 'dialog') focusInside();
  if (form === 'popover') announce(words.arrived);
  submission.shown();
  return close;
}

/** What this person began on another page: due at once. */
export const begun = (user: User): OfferedSurvey[] =>
  readKept(user)
    .filter(({ status }) => status === 'started')
    .map(({ survey }) => ({ ...survey, trigger: {} }));
