// Rows for the conformance suite, and what its areas work on.
// Invariant: every field that a test does not name has the same value each time.
import type { AcceptedMessage, RefusedMessage } from '../../wire/accepted.ts';
import { fakeMessage } from '../../wire/fake-message.ts';
import type { Changes, NewMessage, NodeRow, PersonWrite, Store } from '../port.ts';

/** What the tests of an area work on. */
export interface Bench {
  /** Another, empty one for each test. */
  readonly store: Store;
  /** A commit that must be taken. */
  commit(changes: Partial<Changes>): Promise<void>;
}

/** A node that is its own survivor. */
export const node = (id: number, kind: NodeRow['kind'], ext: string): NodeRow => ({
  id,
  kind,
  ext,
  publicId: `p_${id}`,
  root: id,
});

/** A message `seq` ms after 1,000, of node 1. */
export function message(
  seq: number,
  more: Partial<AcceptedMessage> & { node?: number; device?: number | null; pending?: boolean } = {},
): NewMessage {
  const { node: filed = 1, device = null, pending = false, ...fields } = more;
  const accepted = fakeMessage({
    messageId: `m${seq}`,
    userId: 'ada',
    name: 'Order Completed',
    time: 1_000 + seq,
    receivedAt: 2_000,
    text: `{"n":${seq}}`,
    ...fields,
  });
  return { message: accepted, seq, node: filed, device, pending };
}

/** A row to be written in place of that version. */
export const person = (id: number, version: number, more: Partial<PersonWrite> = {}): PersonWrite => ({
  id,
  version,
  due: null,
  built: 1,
  text: `{"id":${id}}`,
  email: null,
  ...more,
});

/** A refused message. */
export const refused = (messageId: string | null, more: Partial<RefusedMessage> = {}): RefusedMessage => ({
  code: 'invalid_field',
  reason: 'because',
  messageId,
  kind: 'web',
  receivedAt: 1,
  sentAt: null,
  text: '{}',
  ...more,
});
