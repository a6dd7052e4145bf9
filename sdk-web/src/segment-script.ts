// What Segment's own snippet loads once its address is ours: /analytics.js/v1/<writeKey>/analytics.min.js.
// Invariant: calls made before it loaded are replayed in order; a second load changes nothing.
import { createSegmentAnalytics, type SegmentAnalytics, type SegmentOptions } from './segment.ts';

/** Segment's stub: an array of `[method, ...args]` with what `load` was told. */
type SegmentStub = unknown[][] & { _writeKey?: string; _loadOptions?: SegmentOptions };

const { src = '' } = (document.currentScript ?? {}) as HTMLScriptElement; // no SVG element loads this
// Segment's snippet takes another name for its global too. No SVG element here either.
const name = (document.currentScript as HTMLElement | null)?.dataset.globalSegmentAnalyticsKey ?? 'analytics';
// Under a name of the host's choice, of which `Window` cannot say what is there.
const page = window as unknown as Record<
  string,
  SegmentStub | (SegmentAnalytics & { initialized: true }) | undefined
>;
const held = page[name];
const writeKey = (Array.isArray(held) && held._writeKey) || /\/v1\/([^/]+)\//.exec(src)?.[1];

if (src && writeKey && (!held || Array.isArray(held))) {
  const settings = { writeKey, cdnURL: new URL(src).origin };
  const analytics = { ...createSegmentAnalytics(settings, held?._loadOptions), initialized: true } as const;
  page[name] = analytics;
  for (const [method, ...args] of held ?? []) {
    // Any text in place of one of ours: it may be the name of nothing.
    const run = analytics[method as 'track'] as ((...given: unknown[]) => unknown) | undefined;
    run?.(...args);
  }
}
