// `@tidemark/sdk-node`: Segment's Node client, on Tidemark's queue.
// Invariant: importing it starts nothing.

export type { FlushResult, Loss, Queued } from '../../sdk-web/src/core/queue.ts';
export {
  type AliasParams,
  Analytics,
  type AnalyticsOptions,
  type Callback,
  type ClosedResult,
  type GroupParams,
  type IdentifyParams,
  type Identity,
  type PageParams,
  type SurveyParams,
  type TrackParams,
} from './analytics.ts';
