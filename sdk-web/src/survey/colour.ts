// Colours that can be read: a palette for the background there is, and a text colour for the accent.
// Invariant: contrast as WCAG 2.2 defines it; colours are set by the object model, which no policy forbids.
import { attempt } from '../attempt.ts';

/** Relative luminance, 0 to 1 (WCAG 2.2, definition of that name). */
export function luminance(channels: readonly number[]): number {
  const [red = 0, green = 0, blue = 0] = channels.map((c) =>
    c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Black or white, whichever is easier to read on it: at least 4.5 to 1 for every colour. */
export const readableOn = (light: number): string => ((light + 0.05) ** 2 > 0.0525 ? '#000' : '#fff');

/** The probe's background is mixed in srgb, which every browser writes as `color(srgb r g b)`, 0 to 1. */
function measure(probe: Element): number {
  const [red, green, blue] = (getComputedStyle(probe).backgroundColor.match(/[\d.]+(?:e-?\d+)?/g) ?? []).map(
    Number,
  );
  return luminance([red ?? 1, green ?? 1, blue ?? 1]);
}

/**
 * Sets `--on-accent`, and the class `dark` where the background is dark, whoever chose it.
 * @param probes elements whose background is the accent and the background
 */
export function paint(root: HTMLElement, accent: Element, background: Element): void {
  const isDark = attempt(() => matchMedia('(prefers-color-scheme: dark)').matches) ?? false;
  root.classList.toggle('dark', isDark);
  root.classList.toggle('dark', measure(background) < 0.18);
  root.style.setProperty('--on-accent', readableOn(measure(accent)));
}
