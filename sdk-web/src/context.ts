// What every message says about its surroundings.
// Invariant: read afresh for each message and never throws; a field the browser will not tell is left out.
import { LIBRARY_VERSION } from './version.ts';

/** Segment's `context`: page, locale, time zone, screen, campaign, library. */
export function readContext(): Record<string, unknown> {
  const { href, pathname, search } = location;
  const campaign: Record<string, string> = {};
  new URLSearchParams(search).forEach((value, name) => {
    if (name.startsWith('utm_')) campaign[name === 'utm_campaign' ? 'name' : name.slice(4)] = value;
  });
  return {
    page: { path: pathname, referrer: document.referrer, search, title: document.title, url: href },
    userAgent: navigator.userAgent,
    locale: navigator.language,
    timezone: timezone(),
    screen: { width: screen.width, height: screen.height, density: devicePixelRatio },
    ...(Object.keys(campaign).length ? { campaign } : {}),
    library: { name: '@tidemark/sdk-web', version: LIBRARY_VERSION },
  };
}

function timezone(): string | undefined {
  try {
    return Intl.DateTimeFormat().resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}
