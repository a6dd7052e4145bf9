// What few pages need, in a chunk of its own: taking over what earlier pages left, and compressing.
// Invariant: until the collector has answered, what is taken over stays stored where it was; given in order,
// not by name, since each chunk shortens names on its own.
import { attempt } from './attempt.ts';
import type { Queued } from './core/queue.ts';
import { JOURNAL, journals, type MessageStore, type StoredRecord } from './store.ts';

/** Unsent messages older than this are given up, ms: 30 days. */
const MAX_AGE_MS = 30 * 86_400_000;

/** Looks for room this often at most, ms. */
const ROOM_MS = 100;

/** Pages that are gone, whose locks this page holds, by its own instance. */
const adopted = new Set<string>();
/** Records taken over so far. */
const taken = new Set<string>();

/**
 * Takes over the messages of pages that are gone and hands over those that the collector does not have.
 * @param isLeft whether an owner's records may be taken over, once its lock is free
 * @param ask answers which of these ids the collector has
 * @param take takes a message; false while there is no room
 */
export async function recover(
  isLeft: (owner: string) => boolean,
  transact: MessageStore['transact'],
  claim: MessageStore['claim'],
  enlist: MessageStore['enlist'],
  drop: MessageStore['drop'],
  ask: (messageIds: string[]) => Promise<readonly string[]>,
  take: (message: Queued) => boolean,
  flush: () => Promise<unknown>,
  lose: (code: string, message: Queued) => void,
): Promise<void> {
  const readAll = async (): Promise<[key: string, owner: string, messages: Queued[]][]> => {
    const records = await transact('readonly', (table) => table.getAll()).catch(() => []);
    const all = (records as StoredRecord[]).map(([owner, messages]): [string, string, Queued[]] => [
      `${owner}.${messages[0]?.messageId}`,
      owner,
      messages,
    ]);
    for (const key of journals()) {
      const messages = attempt(() => JSON.parse(localStorage[key]) as Queued[]); // written by journal
      if (messages) all.push([key, key.slice(JOURNAL.length), messages]);
    }
    return all;
  };
  for (const [, owner] of await readAll())
    if (isLeft(owner) && !adopted.has(owner) && (await claim(owner))) adopted.add(owner);
  // Read again: until its lock was ours, a page may have written more.
  const found = new Map<string, Queued>();
  for (const [key, owner, messages] of await readAll()) {
    if (!isLeft(owner) || !adopted.has(owner) || taken.has(key)) continue;
    taken.add(key);
    // What a journal holds may be in a record as well.
    const more = messages.filter((message) => !found.has(message.messageId));
    if (!more.length) attempt(() => delete localStorage[key]);
    enlist(key, more);
    for (const message of more) found.set(message.messageId, message);
  }
  if (!found.size) return;
  const seen = new Set(await ask([...found.keys()]));
  const messages = [...found.values()];
  drop(messages.filter((message) => seen.has(message.messageId)));
  for (const message of messages) {
    if (seen.has(message.messageId)) continue;
    if (Date.now() - Date.parse(message.timestamp as string) > MAX_AGE_MS) {
      lose('too_old', message);
      drop([message]);
    }
    // What finds no room stays stored until there is some, here or on a later page.
    else
      for (;;) {
        const isTaken = attempt(() => take(message));
        if (isTaken) break;
        if (isTaken === undefined) {
          // One that JSON cannot write must not keep the others back.
          lose('invalid_field', message);
          drop([message]);
          break;
        }
        await flush();
        await new Promise((resolve) => setTimeout(resolve, ROOM_MS));
      }
  }
}

/** The text compressed, or the text where the browser cannot (before 2023). */
export async function gzip(text: string): Promise<Blob | string> {
  try {
    const stream = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'));
    return await new Response(stream).blob();
  } catch {
    return text;
  }
}
