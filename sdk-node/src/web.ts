// `@tidemark/sdk-node` for Deno, Bun and workers at the edge: web-standard APIs only, without a spool.
// Invariant: importing it starts nothing and needs no node: module.
import { Analytics as Client } from './analytics.ts';
import type { Host } from './host.ts';
import type { AnalyticsOptions } from './options.ts';
import type { AnyEvents } from './params.ts';
import { webHost } from './web-host.ts';

export * from './exports.ts';

/** The client on any web-standard runtime: without `spoolDir` and `handleSignals`. */
export class Analytics<E extends object = AnyEvents> extends Client<E> {
  /**
   * @param host the runtime below; leave it out
   * @throws TypeError as the Node build, and for a `spoolDir`
   */
  constructor(options: AnalyticsOptions, host: Host = webHost) {
    super(options, host);
  }
}

export default Analytics;
