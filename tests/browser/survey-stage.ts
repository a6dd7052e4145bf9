// What tests of the survey widget share: surveys of every type, a page with the SDK, offers in its answers.
// Invariant: answers are read from what was sent, as the collector took it.
import type { BrowserContext, Page } from 'playwright-core';
import type { JsonObject } from '../../collector/src/wire/message.ts';
import type { OfferedSurvey, QuestionType, SurveyQuestion } from '../../collector/src/wire/survey.ts';
import type { ShowOptions, Surveys } from '../../sdk-web/src/survey/types.ts';
import type { Analytics } from '../../sdk-web/src/types.ts';
import type { Served } from './stage.ts';

export type Sdk = Analytics & { surveys: Surveys };
/** Defined in every page by an init script: what runs there cannot see this file. */
declare const sdk: () => Sdk;

export const options = (...labels: string[]): { id: string; label: string }[] =>
  labels.map((label) => ({ id: label.toLowerCase().replaceAll(' ', '-'), label }));

export function ask(id: string, type: QuestionType, more: Partial<SurveyQuestion> = {}): SurveyQuestion {
  return {
    id,
    type,
    title: `About ${id}`,
    required: false,
    options: [],
    other: false,
    scale: type === 'nps' ? 11 : type === 'ces' ? 7 : 5,
    labels: [],
    maxLength: 2_000,
    next: [],
    ...more,
  };
}

export function survey(
  key: string,
  questions: SurveyQuestion[],
  more: Partial<OfferedSurvey> = {},
): OfferedSurvey {
  return {
    key,
    version: 'v1',
    name: key,
    questions,
    languages: ['en'],
    theme: {},
    presentation: 'popover',
    trigger: {},
    ...more,
  };
}

/** One question of each type, with all that a type can have. */
export const EVERY_TYPE: Record<QuestionType, SurveyQuestion> = {
  nps: ask('q', 'nps', { labels: options('Not at all likely', 'Extremely likely') }),
  csat: ask('q', 'csat', { labels: options('Very unhappy', 'Very happy') }),
  ces: ask('q', 'ces', {
    labels: options('Not at all', 'Hardly', 'A little', 'So so', 'Rather', 'Much', 'Fully'),
  }),
  rating: ask('q', 'rating', { description: 'One star is poor, five are great.' }),
  single_choice: ask('q', 'single_choice', { options: options('Search', 'A friend'), other: true }),
  multiple_choice: ask('q', 'multiple_choice', {
    options: options('Mail', 'Chat', 'Calendar'),
    other: true,
    max: 3,
  }),
  open_text: ask('q', 'open_text', { maxLength: 80, required: true }),
  ranking: ask('q', 'ranking', { options: options('Price', 'Speed', 'Quality') }),
  matrix: ask('q', 'matrix', {
    options: options('Easy', 'Fast'),
    labels: options('No', 'Partly', 'Yes'),
    required: true,
  }),
  maxdiff: ask('q', 'maxdiff', { options: options('Price', 'Speed', 'Quality') }),
  kano: ask('q', 'kano', { absent: 'And without it?' }),
  price_sensitivity: ask('q', 'price_sensitivity', { currency: '€' }),
  date: ask('q', 'date', { required: true }),
  consent: ask('q', 'consent', { description: 'Only about this.' }),
  info: ask('q', 'info', { description: 'Two lines.\nThis is one.' }),
};

/** Has the collector offer these, whatever it has itself; change the list at will. */
export async function offering(context: BrowserContext, offers: OfferedSurvey[]): Promise<void> {
  await context.route('**/v1/batch?reply=me', async (route) => {
    try {
      const answer = await route.fetch();
      if (!answer.ok()) return await route.fulfill({ response: answer });
      const body = (await answer.json()) as { me: { surveys: OfferedSurvey[] } };
      body.me.surveys = offers;
      await route.fulfill({ response: answer, json: body });
    } catch {
      // The collector is down, or the page is gone.
      await route.abort().catch(() => {});
    }
  });
}

/** Survey messages as they were sent, each once, in their order. */
export function surveyMessages({ log }: Served): JsonObject[] {
  const all = new Map<string, JsonObject>();
  for (const { path, body, status } of log) {
    if (!path.startsWith('/v1/batch') || status !== 200) continue;
    for (const message of (JSON.parse(body) as { batch: JsonObject[] }).batch)
      if (message.type === 'survey') all.set(message.messageId as string, message);
  }
  return [...all.values()].sort((a, b) => ((a.messageId as string) < (b.messageId as string) ? -1 : 1));
}

export const statuses = (messages: readonly JsonObject[]): unknown[] => messages.map(({ status }) => status);

/** Shows a survey by the API of the page; false where it cannot be shown. */
export const show = (page: Page, wanted: OfferedSurvey | string, given: ShowOptions = {}): Promise<boolean> =>
  page.evaluate(
    // As JSON: the types of what is passed are too deep for the compiler.
    (text) => {
      const [what, how] = JSON.parse(text) as [string, ShowOptions];
      return sdk().surveys.show(what, how);
    },
    JSON.stringify([wanted, given]),
  );

/** The widget; its shadow tree is open. */
export const widget = (page: Page) => page.locator('tidemark-survey');

export const flush = (page: Page): Promise<unknown> => page.evaluate(() => sdk().flush());

/** The accessible name of what has the focus, or its tag. */
export const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    let at = document.activeElement;
    while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
    return at?.getAttribute('aria-label') || at?.textContent || at?.id || at?.tagName || '';
  });
