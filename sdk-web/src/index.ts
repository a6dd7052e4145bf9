// `@tidemark/sdk-web` for bundlers.
// Invariant: importing it touches no browser API, so that it may be imported on a server.
export { createAnalytics } from './client.ts';
export type { EventName, EventProperties } from './core/event-map.ts';
export type { FlushResult, Loss, Queued } from './core/queue.ts';
export type {
  Analytics,
  CallOptions,
  Consent,
  EventMap,
  Options,
  Plugin,
  SurveyOptions,
  User,
} from './types.ts';
