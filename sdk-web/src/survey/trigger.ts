// When surveys show: hears what the collector offers, waits for the right moment, loads the rest then.
// Invariant: one at a time above the page; none while a dialog of the page is open; nothing once it is not
// offered any more, except what was begun.
import type { OfferedSurvey } from '../../../collector/src/wire/survey.ts';
import type { Analytics } from '../types.ts';
import type { LoadWidget, LoadWords, ShowOptions, SurveyNews, Surveys } from './types.ts';

/** How often it looks whether the page is free, ms. */
const BUSY_MS = 500;

export function createTrigger(loadWidget: LoadWidget, loadWords: LoadWords): Surveys {
  let analytics: Analytics;
  let offers: OfferedSurvey[] = [];
  /** Each survey that was on the list waits for its moment, once; this gives it up. */
  const armed = new Map<string, AbortController>();
  /** A listener that throws is the page's own error, and stops nobody else. */
  const news = new EventTarget();
  /** Of every survey shown, gone or not. */
  const closers: (() => void)[] = [];
  /** One above the page. */
  let isTaken = false;
  let stop = (): void => {};

  /** Dialogs of the page, whatever makes them: not only declared as such but seen. */
  const isBusy = (): unknown =>
    isTaken ||
    document.hidden ||
    [...document.querySelectorAll('dialog[open],[role*=dialog],[aria-modal=true]')].some(
      (element) =>
        // Browsers before 2024 cannot tell: there every one counts.
        element.checkVisibility?.({ opacityProperty: true, visibilityProperty: true }) ?? true,
    );

  async function arm(survey: OfferedSurvey): Promise<void> {
    const { key, trigger } = survey;
    const { delayMs, scroll, exitIntent } = trigger;
    if (armed.has(key)) return;
    const controller = new AbortController();
    const { signal } = controller;
    armed.set(key, controller);
    const pause = (ms: number): Promise<unknown> =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, ms);
        signal.onabort = () => clearTimeout(timer);
      });
    const happens = (name: string): Promise<Event> =>
      new Promise((resolve) => {
        document.addEventListener(name, resolve, { signal, once: true });
      });
    if (delayMs) await pause(delayMs);
    while (scroll && ((scrollY + innerHeight) / document.documentElement.scrollHeight) * 100 < scroll)
      await happens('scroll');
    while (exitIntent) {
      const { relatedTarget, clientY } = (await happens('mouseout')) as MouseEvent;
      if (!relatedTarget && clientY <= 0) break;
    }
    while (isBusy()) await pause(BUSY_MS);
    if (!signal.aborted) await show(survey, { trigger: 'auto' });
  }

  async function show(
    wanted: string | OfferedSurvey,
    options: ShowOptions = {},
    isPreview = false,
  ): Promise<boolean> {
    const survey = offers.find(({ key }) => key === wanted) ?? (wanted as OfferedSurvey);
    const { container } = options;
    if (!survey.key || (isTaken && !container)) return false;
    armed.get(survey.key)?.abort();
    // From now on, so that the next one waits while this one loads.
    if (!container) isTaken = true;
    const onGone = (): void => {
      if (!container) isTaken = false;
    };
    try {
      const widget = await loadWidget();
      const close = await widget.open({
        survey,
        analytics,
        options,
        isPreview,
        loadWords,
        news,
        onGone,
      });
      if (close) return !!closers.push(close);
    } catch {
      // The browser cannot show it, or the rest could not be had.
    }
    onGone();
    return false;
  }

  /** Goes on with what another page began; fails where storage is refused or the rest cannot be had. */
  async function resume(): Promise<void> {
    if (/"started"/.test(localStorage['tm.j.surveys'])) (await loadWidget()).begun(analytics.user()).map(arm);
  }

  const surveys: Surveys = {
    list: () => offers,
    show,
    preview: (survey, options) => show(survey, options, true),
    on(event, listener) {
      const run = ({ detail }: CustomEventInit<SurveyNews>): void => listener(detail as SurveyNews);
      news.addEventListener(event, run as EventListener);
      return () => news.removeEventListener(event, run as EventListener);
    },
    close() {
      stop();
      for (const controller of armed.values()) controller.abort();
      for (const close of closers) close();
    },
    start(client) {
      analytics = client;
      // For the script tag: `tidemark.surveys`.
      Object.assign(client, { surveys });
      stop = client.on('me', (me) => {
        offers = me.surveys;
        for (const [key, controller] of armed)
          if (!offers.some((survey) => survey.key === key)) {
            controller.abort();
            // Offered again, it is another one.
            armed.delete(key);
          }
        offers.map(arm);
      });
      resume().catch(() => {});
      return surveys.close;
    },
  };
  return surveys;
}
