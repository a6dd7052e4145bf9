// What an HTTP answer to a batch means, in both SDKs.
// Invariant: a success is the collector's own word; a status alone settles no message.
import type { IngestAnswer } from '../../../collector/src/wire/message.ts';

/** A 2xx without `success` is of something in between, a page to sign in at, say: 0, no answer, so it is sent again. */
export const statusOf = (status: number, body: Partial<IngestAnswer> | null): number =>
  status > 299 || body?.success ? status : 0;
