// `@tidemark/sdk-node`: Segment's Node client, on Tidemark's queue.
// Invariant: importing it starts nothing.
import { Analytics as Client } from './analytics.ts';
import type { Host } from './host.ts';
import { nodeHost } from './node-host.ts';
import type { AnalyticsOptions } from './options.ts';
import type { AnyEvents } from './params.ts';

export * from './exports.ts';

/** The client on Node. `Analytics<MyEvents>` checks the names of events and their properties. */
export class Analytics<E extends object = AnyEvents> extends Client<E> {
  /**
   * @param host the runtime below; leave it out
   * @throws TypeError for a missing writeKey, a host that is no http address, or a number out of range
   */
  constructor(options: AnalyticsOptions, host: Host = nodeHost) {
    super(options, host);
  }
}

export default Analytics;
