// `@tidemark/sdk-web` for bundlers.
// Invariant: importing it touches no browser API, so that it may be imported on a server.
export {
  type Analytics,
  type CallOptions,
  createAnalytics,
  type EventMap,
  type Options,
  type User,
} from './client.ts';
export type { FlushResult, Loss, Queued } from './core/queue.ts';
