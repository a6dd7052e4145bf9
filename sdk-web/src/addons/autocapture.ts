// Clicks and sent forms by themselves.
// Invariant: never a value that somebody typed or chose; nothing inside `data-tm-ignore`.
import { attempt } from '../attempt.ts';
import type { Analytics, Fields, Plugin } from '../types.ts';

/** What a click means something on. */
const CLICKABLE =
  'a,button,summary,[role=button],[role=link],[role=tab],[role=menuitem],input[type=submit],input[type=button],[data-tm-event]';
/** Characters kept of a label. */
const MAX_LABEL = 80;

/** Where a text is somebody's: typed, chosen, or about to be changed. */
const FIELD = 'input,textarea,select,[contenteditable]:not([contenteditable=false i])';

// A form answers with its field where one is named as a property or a method is: these are asked past it.
const attribute = (element: Element, name: string): string | null =>
  Element.prototype.getAttribute.call(element, name);
const closest = (element: Element, selector: string): Element | null =>
  Element.prototype.closest.call(element, selector);

const labelOf = (element: Element): string | undefined => {
  if (closest(element, FIELD) || Element.prototype.querySelector.call(element, FIELD)) return undefined;
  const text = attribute(element, 'aria-label') ?? element.textContent ?? '';
  return text.replace(/\s+/g, ' ').trim().slice(0, MAX_LABEL) || undefined;
};

/** `data-tm-plan="pro"` is the property `plan`; `data-tm-event` and `data-tm-ignore` are for us. */
function ownProperties(element: Element): Fields {
  const properties: Fields = {};
  for (const name of Element.prototype.getAttributeNames.call(element))
    if (/^data-tm-(?!event$|ignore$)/.test(name)) properties[name.slice(8)] = attribute(element, name);
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
    if (!element || closest(element, '[data-tm-ignore]')) return;
    analytics.track(attribute(element, 'data-tm-event') ?? name, {
      tag: element instanceof HTMLFormElement ? 'form' : element.localName,
      id: attribute(element, 'id') || undefined,
      ...properties,
      ...ownProperties(element),
    });
  }
  return {
    start(analytics) {
      // What is no element, such as the document, has nothing to be captured.
      const click = (event: Event): void =>
        attempt(() => {
          const element = closest(event.composedPath()[0] as Element, CLICKABLE);
          if (element)
            capture(analytics, element, 'Element Clicked', {
              label: labelOf(element),
              href: withoutQuery(attribute(element, 'href')),
            });
        });
      const submit = (event: Event): void =>
        attempt(() => {
          const form = event.target as HTMLFormElement;
          capture(analytics, form, 'Form Submitted', {
            name: attribute(form, 'name') ?? undefined,
            action: withoutQuery(attribute(form, 'action')),
          });
        });
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
