// Clicks and sent forms by themselves.
// Invariant: never a value that somebody typed or chose; nothing inside `data-tm-ignore`.
import type { Analytics, Fields, Plugin } from '../types.ts';

/** What a click means something on. */
const CLICKABLE =
  'a,button,summary,[role=button],[role=link],[role=tab],[role=menuitem],input[type=submit],input[type=button],[data-tm-event]';
/** Characters kept of a label. */
const MAX_LABEL = 80;

const labelOf = (element: Element): string | undefined => {
  const text = element.getAttribute('aria-label') ?? element.textContent ?? '';
  return text.replace(/\s+/g, ' ').trim().slice(0, MAX_LABEL) || undefined;
};

/** `data-tm-plan="pro"` is the property `plan`; `data-tm-event` and `data-tm-ignore` are for us. */
function ownProperties(element: Element): Fields {
  const properties: Fields = {};
  for (const { name, value } of element.attributes)
    if (/^data-tm-(?!event$|ignore$)/.test(name)) properties[name.slice(8)] = value;
  return properties;
}

const withoutQuery = (address: string | null): string | undefined =>
  address?.replace(/[?#].*/, '') || undefined;

/** Tracks `Element Clicked` and `Form Submitted`; `data-tm-event` gives another name. */
export default function autocapture(): Plugin {
  function capture(
    analytics: Analytics,
    element: Element | null | undefined,
    name: string,
    properties: Fields,
  ): void {
    if (!element || element.closest('[data-tm-ignore]')) return;
    analytics.track(element.getAttribute('data-tm-event') ?? name, {
      tag: element.tagName.toLowerCase(),
      id: element.id || undefined,
      ...properties,
      ...ownProperties(element),
    });
  }
  return {
    start(analytics) {
      const click = (event: Event): void => {
        const element = (event.composedPath()[0] as Element | undefined)?.closest?.(CLICKABLE);
        if (element)
          capture(analytics, element, 'Element Clicked', {
            // A field's label is its value.
            label: element.tagName === 'INPUT' ? undefined : labelOf(element),
            href: withoutQuery(element.getAttribute('href')),
          });
      };
      const submit = (event: Event): void => {
        const form = event.target as HTMLFormElement;
        capture(analytics, form, 'Form Submitted', {
          name: form.getAttribute('name') ?? undefined,
          action: withoutQuery(form.getAttribute('action')),
        });
      };
      // Before the page's own listeners, which may stop the event.
      addEventListener('click', click, true);
      addEventListener('submit', submit, true);
      return () => {
        removeEventListener('click', click, true);
        removeEventListener('submit', submit, true);
      };
    },
  };
}
