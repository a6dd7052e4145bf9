// What surveys offer to a page: their calls, what they tell, and what a showing is made of.
// Invariant: types only; nothing here costs a byte in a page.
import type { SurveyAnswer } from '../../../collector/src/wire/message.ts';
import type { OfferedSurvey } from '../../../collector/src/wire/survey.ts';
import type { Analytics, Fields, Plugin, User } from '../types.ts';
import type { Words } from './words.ts';

export type Answers = Record<string, SurveyAnswer>;

export interface ShowOptions {
  /** Where it goes in the page. Without one: the survey's own presentation, above the page. */
  container?: Element | undefined;
  /** One of the survey's languages. Default: by the page's `lang`, then the browser's, then its first. */
  language?: string | undefined;
  /** Sent along with the answers, never shown. */
  hidden?: Fields | undefined;
  /** Who answers, if not the client's own user, with the proof of it. */
  userId?: string | undefined;
  userSignature?: string | undefined;
  /** Sent along: what made it show. Default `api`; `auto` becomes what its trigger says. */
  trigger?: string | undefined;
}

/** What listeners are given. */
export interface SurveyNews {
  key: string;
  submissionId: string;
  /** All of them so far. */
  answers: Answers;
}

export type SurveyEvent = 'shown' | 'completed' | 'dismissed';

export interface Surveys extends Plugin {
  /** What this visitor may be asked now, as the collector last said; the most important first. */
  list(): OfferedSurvey[];
  /**
   * Shows one at once, whatever its trigger says. Resolves false when it is not on the list, another one is
   * open above the page, or the browser cannot show it.
   * @param survey a key of the list, or a survey of your own finding
   */
  show(survey: string | OfferedSurvey, options?: ShowOptions): Promise<boolean>;
  /** Shows it as it will be and says so; nothing is sent, nothing is stored. */
  preview(survey: OfferedSurvey, options?: ShowOptions): Promise<boolean>;
  /** Listens; the answer stops listening. */
  on(event: SurveyEvent, listener: (news: SurveyNews) => void): () => void;
  /** Takes everything off the page. An unfinished one goes on with the next page. */
  close(): void;
}

/** An unfinished submission, as the next page finds it. */
export interface Kept {
  survey: OfferedSurvey;
  anonymousId: string;
  userId: string | null;
  submissionId: string;
  /** Ids of the questions gone through; the last is the one that is asked. */
  path: string[];
  answers: Answers;
  timings: Record<string, number>;
  /** `done` stays until the collector has taken it off the list; it has the survey's key and who it was, no more. */
  status: 'shown' | 'started' | 'done';
  /** Last change, epoch ms. */
  time: number;
}

/** What the widget is given to show one survey. */
export interface Showing {
  survey: OfferedSurvey;
  analytics: Analytics;
  options: ShowOptions;
  isPreview: boolean;
  loadWords: LoadWords;
  /** Hears a CustomEvent of each `SurveyEvent`, its detail a `SurveyNews`. */
  news: EventTarget;
  /** It is off the page. */
  onGone(): void;
}

/** What shows surveys, once one shows. */
export interface Widget {
  /** Takes it off the page, when that is called; null: it was just finished, and the collector has not heard yet. */
  open(showing: Showing): Promise<(() => void) | null>;
  /** What this person began on another page: due at once. */
  begun(user: User): OfferedSurvey[];
}
export type LoadWidget = () => Promise<Widget>;
/** Loads one language file. */
export type LoadWords = (language: string) => Promise<{ default: Words }>;
