// What both builds export beside the client: types, and the one error.
// Invariant: both builds export the same names.

export type { Me } from '../../collector/src/wire/message.ts';
export type { FlushResult, Loss } from '../../sdk-web/src/core/queue.ts';
export type { EmittedError, Events } from './events.ts';
export type {
  HttpClient,
  HttpClientRequest,
  HttpClientResponse,
  HttpFetch,
  HttpRequestEvent,
  HttpResponseEvent,
} from './http-client.ts';
export type { AnalyticsOptions, AnalyticsOptions as AnalyticsSettings } from './options.ts';
export type {
  AliasParams,
  AnyEvents,
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
export type { Plugin } from './plugin.ts';
export { ReadError } from './read-error.ts';
export type { MeQuery, Profile, ProfileId, ReadOptions, SegmentEntry } from './reader.ts';
