// `@tidemark/sdk-web` for bundlers.
// Invariant: importing it touches no browser API, so that it may be imported on a server.
import { createClient } from './client.ts';
import type { EventProperties } from './core/event-map.ts';
import type { Analytics, Options } from './types.ts';

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

/** @throws TypeError when writeKey or host is missing or no URL */
export function createAnalytics<E extends EventProperties = Record<string, Record<string, unknown>>>(
  options: Options,
): Analytics<E> {
  const { writeKey, host, page, onError } = options;
  if (!writeKey || !host) throw new TypeError('writeKey and host are required');
  return createClient<E>(
    { ...options, page: page === false ? 'off' : page },
    () => import('./more.ts'),
    (analytics) => {
      if (onError) analytics.on('error', onError);
    },
  );
}
