// One answering of one survey: where it is, what was answered, what is sent and kept.
// Invariant: one submissionId from first shown to finished, reloads included; each answer is sent at least
// once, and an answer that no longer belongs is taken back with null.
import type { SurveyAnswer, SurveyStatus } from '../../../collector/src/wire/message.ts';
import type { SurveyQuestion } from '../../../collector/src/wire/survey.ts';
import { attempt } from '../attempt.ts';
import { uuidv7 } from '../core/ids.ts';
import { nextOf } from './flow.ts';
import { keep, readKept } from './kept.ts';
import type { Answers, Kept, Showing, SurveyEvent, SurveyNews } from './types.ts';

/** Below this all answers go along at the end; a message may have 32 KiB, characters. */
const MAX_ANSWERS_CHARS = 8_000;

export interface Submission {
  /** The question asked now; undefined once it is finished. */
  current(): SurveyQuestion | undefined;
  answers: Answers;
  /** What this answer would lead to; undefined is the end. */
  peek(answer: SurveyAnswer | undefined): SurveyQuestion | undefined;
  canGoBack(): boolean;
  shown(): void;
  /** Somebody touched it. */
  start(): void;
  /** Takes the answer and goes on; undefined is none. */
  advance(answer: SurveyAnswer | undefined): void;
  /** To the question before; what was chosen is remembered. */
  back(answer: SurveyAnswer | undefined): void;
  dismiss(): void;
  /** Stops and starts counting the time: the page is hidden. */
  look(isSeen: boolean): void;
}

/** As the core makes the end of an id, which it has no byte to share. */
const random = (): string =>
  attempt(() => crypto.randomUUID().slice(18)) ??
  '-axxx-xxxxxxxxxxxx'.replace(/x/g, () => ((Math.random() * 16) | 0).toString(16));

export function createSubmission(showing: Showing, language: string): Submission {
  const { survey, analytics, options, isPreview } = showing;
  const { hidden, userId, userSignature, trigger } = options;
  const user = analytics.user();
  const { exitIntent, scroll, delayMs } = survey.trigger;
  const cause = exitIntent ? 'exit' : scroll ? 'scroll' : delayMs ? 'delay' : 'offer';
  const reason = trigger === 'auto' ? cause : (trigger ?? 'api');
  const person = { ...user, userId: userId ?? user.userId };
  const find = (id: string | undefined): SurveyQuestion | undefined =>
    survey.questions.find((question) => question.id === id);
  const kept = isPreview ? undefined : readKept(person).find((one) => one.survey.key === survey.key);
  // Of another version only what is still asked can go on.
  const old = kept?.path?.every(find) ? kept : undefined;
  const submissionId = old?.submissionId ?? uuidv7(Date.now(), random);
  // Without a prototype: a question may be called `constructor`.
  const answers: Answers = Object.assign(Object.create(null), old?.answers);
  const timings: Record<string, number> = Object.assign(Object.create(null), old?.timings);
  const path: string[] = [...(old?.path ?? [survey.questions[0]?.id as string])];
  let status: Kept['status'] = old?.status ?? 'shown';
  /** When the present question came to be looked at. */
  let since: number | undefined;

  const current = (): SurveyQuestion | undefined => find(path[path.length - 1]);
  function tell(event: SurveyEvent): void {
    const detail: SurveyNews = { key: survey.key, submissionId, answers: { ...answers } };
    showing.news.dispatchEvent(new CustomEvent(event, { detail }));
  }

  function count(isSeen = true): void {
    const id = path[path.length - 1];
    const now = performance.now();
    if (id && since !== undefined) timings[id] = Math.round((timings[id] ?? 0) + now - since);
    since = isSeen ? now : undefined;
  }

  function remember(): void {
    if (isPreview) return;
    const { anonymousId } = user;
    const { key } = survey;
    const who = { anonymousId, userId: person.userId, time: Date.now() };
    // Of a finished one only that it is.
    if (status === 'done') keep(key, { survey: { key }, status, ...who } as Kept);
    else keep(key, { survey, status, ...who, submissionId, path, answers, timings });
  }

  function send(state: SurveyStatus, given: Answers): void {
    remember();
    if (isPreview) return;
    analytics.survey(survey.key, given, {
      submissionId,
      status: state,
      version: survey.version,
      language,
      trigger: reason,
      timings,
      ...(hidden && { hidden }),
      ...(userId && { userId, userSignature }),
    });
  }

  /** Writes an answer down and answers what of it is new. */
  function write(id: string, answer: SurveyAnswer | undefined): Answers {
    const before = answers[id] ?? null;
    if (JSON.stringify(before) === JSON.stringify(answer ?? null)) return {};
    answers[id] = answer ?? null;
    return { [id]: answer ?? null };
  }

  function start(): void {
    if (status !== 'shown') return;
    status = 'started';
    send('started', {});
  }

  function end(state: 'completed' | 'dismissed', given: Answers): void {
    const last = { ...given };
    // Another way was taken: what was answered on the first one does not count.
    if (state === 'completed')
      for (const id in answers) if (!path.includes(id) && answers[id] !== null) last[id] = answers[id] = null;
    path.push('');
    status = 'done';
    const all = { ...answers, ...last };
    send(state, state === 'completed' && JSON.stringify(all).length < MAX_ANSWERS_CHARS ? all : last);
    tell(state);
  }

  return {
    answers,
    current,
    peek: (answer) => nextOf(survey, current() as SurveyQuestion, answer, Date.now()),
    canGoBack: () => path.length > 1,
    shown() {
      count();
      if (!old) send('shown', {});
      tell('shown');
    },
    start,
    advance(answer) {
      const question = current();
      if (!question) return;
      start();
      count();
      const next = nextOf(survey, question, answer, Date.now());
      const given = write(question.id, answer);
      if (!next) {
        end('completed', given);
        return;
      }
      path.push(next.id);
      if (Object.keys(given).length) send('partial', given);
      else remember();
    },
    back(answer) {
      count();
      const question = current();
      const given = question ? write(question.id, answer) : {};
      path.pop();
      if (Object.keys(given).length) send('partial', given);
      else remember();
    },
    dismiss() {
      if (!current()) return;
      count();
      end('dismissed', {});
    },
    look: count,
  };
}
