// Surveys as pages are offered them and as people answer them: what the SDKs share with the collector.
// Invariant: types and constants only, no imports: nothing here runs in a page.

/** Text in one language, or by language (BCP 47): the survey's first language is the one always there. */
export type LocalText = string | Record<string, string>;

export const QUESTION_TYPES = [
  'nps',
  'csat',
  'ces',
  'rating',
  'single_choice',
  'multiple_choice',
  'open_text',
  'ranking',
  'matrix',
  'maxdiff',
  'kano',
  'price_sensitivity',
  'date',
  'consent',
  'info',
] as const;
export type QuestionType = (typeof QUESTION_TYPES)[number];

/** Points of each scale unless its question says otherwise; nps has always these, from 0. */
export const SCALE_POINTS: Partial<Record<QuestionType, number>> = { nps: 11, csat: 5, ces: 7, rating: 5 };

/** Something to choose: `id` is what an answer holds. Plain text in a definition stands for both. */
export interface SurveyOption {
  id: string;
  label: LocalText;
}

/** Where to go after a question: the first branch whose `when` holds; without any, the next question. */
export interface Branch {
  /** Compares the answer; none: always. */
  when?: { op: string; value?: unknown };
  /** The id of a later question, or `end`. */
  go: string;
}

/** One question as a page is given it: every option an object, every default filled in. */
export interface SurveyQuestion {
  id: string;
  type: QuestionType;
  /** May hold `{{answer.<question id>}}` and `{{trait.<key>}}`, each with a fallback after `|`. */
  title: LocalText;
  description?: LocalText;
  /** Default false. */
  required: boolean;
  /** Choices, items to rank or to weigh; of a matrix its rows. */
  options: SurveyOption[];
  /** Also a choice of one's own: the answer is then the text itself. */
  other: boolean;
  /** Points of a scale: 11 from 0 for nps, else counted from 1. */
  scale: number;
  /** Of a scale its two ends or every point; of a matrix its columns. */
  labels: SurveyOption[];
  /** Kano: the question about the feature being absent. */
  absent?: LocalText;
  /** Price sensitivity: shown before the amount. */
  currency?: string;
  /** Open text: most characters. */
  maxLength: number;
  /** Multiple choice: least and most choices. */
  min?: number;
  max?: number;
  /** Single choice: its options ask how disappointed one would be, for product-market fit. */
  measure?: 'pmf';
  next: Branch[];
}

/** CSS variables of the widget, without their leading `--tm-`. */
export type SurveyTheme = Partial<
  Record<'accent' | 'background' | 'text' | 'muted' | 'border' | 'radius' | 'font', string>
>;

/** When the page shows a survey that it was offered: all of what is there. */
export interface SurveyTrigger {
  /** Milliseconds to wait. */
  delayMs?: number;
  /** Only when the pointer leaves through the top of the page. */
  exitIntent?: boolean;
  /** Only once so much of the page was scrolled through, percent. */
  scroll?: number;
}

/** A survey as `me.surveys` carries it: the collector has decided that this person may be asked. */
export interface OfferedSurvey {
  key: string;
  /** Changes with the definition: sent along with answers. */
  version: string;
  name: string;
  questions: SurveyQuestion[];
  /** The first is the default. */
  languages: string[];
  theme: SurveyTheme;
  presentation: SurveyPresentation;
  trigger: SurveyTrigger;
  /** Said after the last question. */
  thanks?: LocalText;
}

/** How a survey appears: a card in a corner that never takes the focus, or a modal dialog. */
export type SurveyPresentation = 'popover' | 'dialog';

/** Answers to a `kano` question. */
export const KANO_ANSWERS = ['like', 'must-be', 'neutral', 'live-with', 'dislike'] as const;
export type KanoAnswer = (typeof KANO_ANSWERS)[number];

/** Answers to a `price_sensitivity` question, cheapest first: each an amount as decimal text. */
export const PRICE_POINTS = ['tooCheap', 'cheap', 'expensive', 'tooExpensive'] as const;
export type PricePoint = (typeof PRICE_POINTS)[number];

/** Answers to a `consent` question. */
export const CONSENT_ANSWERS = ['accepted', 'declined'] as const;

/** Most characters of an open answer unless the question says otherwise. */
export const DEFAULT_MAX_TEXT_CHARS = 2_000;
