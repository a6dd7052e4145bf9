// What every message says about its surroundings.
// Invariant: read afresh for each message; a field the browser will not tell is left out.
import { LIBRARY_VERSION } from './version.ts';

/** Segment's `context.page`. */
export function readPage(): Record<string, string> {
  const { href, pathname, search } = location;
  return { path: pathname, referrer: document.referrer, search, title: document.title, url: href };
}

/** Segment's `context`: page, locale, time zone, screen, campaign, library. */
export function readContext(): Record<string, unknown> {
  let campaign: Record<string, string> | undefined;
  for (const [name, value] of new URLSearchParams(location.search)) {
    if (name.startsWith('utm_'))
      campaign = { ...campaign, [name === 'utm_campaign' ? 'name' : name.slice(4)]: value };
  }
  return {
    page: readPage(),
    userAgent: navigator.userAgent,
    locale: navigator.language,
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    screen: { width: screen.width, height: screen.height, density: devicePixelRatio },
    campaign,
    library: { name: '@tidemark/sdk-web', version: LIBRARY_VERSION },
  };
}
