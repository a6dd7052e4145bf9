// What every message says about its surroundings.
// Invariant: read afresh for each message; a field the browser will not tell is left out.
import { LIBRARY_VERSION } from './version.ts';

/** Segment's `context.page`. */
export function readPage(): Record<string, string> {
  return {
    path: location.pathname,
    referrer: document.referrer,
    search: location.search,
    title: document.title,
    url: location.href,
  };
}

/** The campaign an address names: utm_* without that, and click ids (gclid, fbclid, msclkid, wbraid...). */
export function readCampaign(url: string): Record<string, string> | undefined {
  let campaign: Record<string, string> | undefined;
  for (const [name, value] of new URL(url).searchParams) {
    if (!/^utm_.|cl(k)?id$|braid$/.test(name)) continue;
    campaign = { ...campaign, [name === 'utm_campaign' ? 'name' : name.replace('utm_', '')]: value };
  }
  return campaign;
}

/** Asked once: it takes longer than all the rest. */
let timezone: string | undefined;

/** Segment's `context`. */
export function readContext(): Record<string, unknown> {
  timezone ??= Intl.DateTimeFormat().resolvedOptions().timeZone;
  return {
    page: readPage(),
    userAgent: navigator.userAgent,
    locale: navigator.language,
    timezone,
    screen: { width: screen.width, height: screen.height, density: devicePixelRatio },
    campaign: readCampaign(location.href),
    library: { name: '@tidemark/sdk-web', version: LIBRARY_VERSION },
  };
}
