// `@tidemark/sdk-node`: Segment's Node client, on Tidemark's queue.
// Invariant: importing it starts nothing.

export type { FlushResult, Loss } from '../../sdk-web/src/core/queue.ts';
export { Analytics, type Events } from './analytics.ts';
export type { AnalyticsOptions, Platform } from './options.ts';
export type {
  AliasParams,
  Callback,
  Context,
  GroupParams,
  IdentifyParams,
  Identity,
  Message,
  PageParams,
  SurveyParams,
  TrackParams,
} from './params.ts';
