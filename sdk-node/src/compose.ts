// Makes the complete message of one call.
// Invariant: what it answers is plain JSON, fixed for ever; only SnapshotFault is thrown.
import { uuidv7 } from '../../sdk-web/src/core/ids.ts';
import { LIBRARY_VERSION } from '../../sdk-web/src/version.ts';
import type { Platform } from './options.ts';
import type { Fields, Message } from './params.ts';
import { snapshot } from './snapshot.ts';

const LIBRARY = { name: '@tidemark/sdk-node', version: LIBRARY_VERSION };

/**
 * The caller's fields, with `type`, an id, a time and the library's name.
 * @throws SnapshotFault when they are too deep or too large
 */
export function composeMessage(type: string, params: unknown, platform: Platform): Message {
  const { messageId, timestamp, context, ...fields } = fieldsOf(snapshot(params));
  // Stamped at each request; a caller's own would pass for the sender's clock.
  delete fields.sentAt;
  return {
    ...fields,
    type,
    messageId: idOf(messageId) ?? uuidv7(platform.now(), platform.fill),
    timestamp: timeOf(timestamp) ?? new Date(platform.now()).toISOString(),
    context: { ...fieldsOf(context), library: LIBRARY },
  };
}

export const hasIdentity = ({ userId, anonymousId }: Message): boolean =>
  isPresent(userId) || isPresent(anonymousId);

const isPresent = (id: unknown): boolean => id !== undefined && id !== null && id !== '';

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};

const idOf = (id: unknown): string | undefined =>
  typeof id === 'number' ? String(id) : typeof id === 'string' && id !== '' ? id : undefined;

/** Text and numbers are the collector's to read, and to refuse. */
const timeOf = (time: unknown): string | number | undefined =>
  typeof time === 'number' || (typeof time === 'string' && time !== '') ? time : undefined;
