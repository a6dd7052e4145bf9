// What somebody is doing, as far as the batch they just sent says.
// Invariant: only messages of the sender of the last one count: a batch may hold several people's.
import { stampOf } from '../../engine/stamp.ts';
import type { AcceptedMessage } from '../../wire/accepted.ts';
import type { JsonObject } from '../../wire/message.ts';
import { isObject } from '../../wire/shape.ts';
import type { Moment } from './decide.ts';

/** What the sender of the last message is doing: the page they are on, and their own messages of the batch. */
export function momentOf(last: AcceptedMessage | null, messages: readonly AcceptedMessage[]): Moment {
  const own = messages.filter(
    ({ userId, anonymousId }) =>
      (userId !== null && userId === last?.userId) ||
      (anonymousId !== null && anonymousId === last?.anonymousId),
  );
  const urls = own.map(({ body }) => pageUrlOf(body)).filter((url) => url !== null);
  return {
    url: urls[urls.length - 1] ?? null,
    messages: own.map(({ type, name, groupId, body, ...stamped }) => ({
      stamp: stampOf(stamped),
      type,
      event: type === 'track' ? name : null,
      groupId,
      body: () => body,
    })),
  };
}

function pageUrlOf({ context }: JsonObject): string | null {
  const page = isObject(context) ? context.page : null;
  return isObject(page) && typeof page.url === 'string' ? page.url : null;
}
