// How long a page was looked at, and how far down.
// Invariant: time counts once: each event tells what was added since the one before it.
import type { Plugin } from '../types.ts';

/** Tracks `Page Left` with `path`, `engagedMs` and `scrollDepth` (per cent) whenever a page is hidden or left. */
export default function leave(): Plugin {
  let report = (): void => {};
  return {
    before(message) {
      // The page before ends where the next begins.
      if (message.type === 'page') report();
      return message;
    },
    start(analytics) {
      let path = location.pathname;
      let engaged = 0;
      let depth = 0;
      /** When the page came to be looked at; not set while it is not. */
      let since: number | undefined;
      const look = (): void => {
        const time = performance.now();
        if (since !== undefined) engaged += time - since;
        since = document.visibilityState === 'visible' && document.hasFocus() ? time : undefined;
        const { scrollHeight } = document.documentElement;
        depth = Math.max(depth, Math.min(100, Math.round(((scrollY + innerHeight) / scrollHeight) * 100)));
      };
      report = () => {
        look();
        const engagedMs = Math.round(engaged);
        const properties = { path, engagedMs, scrollDepth: depth };
        const isNew = path !== location.pathname;
        engaged = 0;
        if (isNew) {
          path = location.pathname;
          depth = 0;
        }
        if (engagedMs > 0) analytics.track('Page Left', properties);
      };
      const hide = (): void => {
        look();
        if (document.visibilityState === 'hidden') report();
      };
      look();
      // In the capturing phase, before the SDK sends what it has.
      addEventListener('pagehide', report, true);
      document.addEventListener('visibilitychange', hide, true);
      const events = ['focus', 'blur', 'scroll'];
      for (const event of events) addEventListener(event, look, { capture: true, passive: true });
      return () => {
        removeEventListener('pagehide', report, true);
        document.removeEventListener('visibilitychange', hide, true);
        for (const event of events) removeEventListener(event, look, true);
      };
    },
  };
}
