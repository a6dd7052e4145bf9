// The script tag: starts from its own attributes and replays what the page called before it loaded.
// Invariant: a second tag on the page changes nothing; calls keep their order and their times.
import { createClient } from './client.ts';
import type { Analytics, Options, Plugin } from './types.ts';

declare global {
  interface Window {
    tidemark?: Analytics | StubCall[];
  }
}

/** A call recorded by the inline stub: `[method, ...args]`, with the time it was made. */
type StubCall = [method: keyof Analytics, ...args: unknown[]] & { t?: number };

function replay(analytics: Analytics, calls: StubCall[]): void {
  for (const call of calls) {
    const [method, ...args] = call;
    // Options may always come last: fourth for page and screen, else third.
    const place = /^(page|screen)$/.test(method) ? 3 : 2;
    if (call.t) args[place] = { timestamp: call.t, ...(args[place] as object | undefined) }; // options, if anything
    // A page may have called what is no method, and with anything.
    const run = analytics[method] as ((...given: unknown[]) => unknown) | undefined;
    run?.(...args);
  }
}

const tag = document.currentScript as HTMLScriptElement | null; // no SVG element loads this
const { use, ...options } = tag?.dataset ?? {};
const held = window.tidemark;
if (tag && options.writeKey && (!held || Array.isArray(held))) {
  const { origin } = new URL(tag.src);
  const analytics = createClient(
    // Attributes are the options' names and texts; numbers among them are only compared.
    { host: origin, ...options } as unknown as Options,
    () => import(`${origin}/sdk-more.js`),
  );
  window.tidemark = analytics;
  if (held) replay(analytics, held);
  // Modules inherit the tag's nonce, and need no element that Trusted Types would guard.
  for (const name of use?.split(' ') ?? [])
    import(`${origin}/sdk-${name}.js`).then(
      ({ default: create }: { default: () => Plugin }) => analytics.use(create()),
      // Nothing is done where it cannot be had.
      Boolean,
    );
}
