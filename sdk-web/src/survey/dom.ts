// Makes elements.
// Invariant: text goes in as text; nothing here can make markup, a script or an inline style.

type Child = Node | string | false | null | undefined;
type Attributes = Record<string, string | number | boolean | null | undefined | ((event: never) => void)>;

/** @param given attributes; functions listen, true is an empty attribute, null and false are none */
export function make<K extends keyof HTMLElementTagNameMap>(
  name: K,
  given: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(given)) {
    if (typeof value === 'function') element.addEventListener(attribute, value as EventListener);
    else if (value !== false && value !== null && value !== undefined)
      element.setAttribute(attribute, value === true ? '' : `${value}`);
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

/** A drawing of 24 by 24. */
export function draw(...paths: string[]): SVGSVGElement {
  const of = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(of, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  for (const d of paths) {
    const path = document.createElementNS(of, 'path');
    path.setAttribute('d', d);
    svg.append(path);
  }
  return svg;
}
