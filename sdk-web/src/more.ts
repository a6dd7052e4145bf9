// What few pages need, in a chunk of its own: taking over what earlier pages left, and compressing.
// Invariant: until the collector has answered, what is taken over stays stored where it was; given in order,
// not by name, since each chunk shortens names on its own.
import { attempt } from './attempt.ts';
import type { Queued } from './core/queue.ts';
import { JOURNAL, journals, type MessageStore } from './store.ts';
import { REQUEST_LIMIT_MS } from './transport.ts';

/** Unsent messages older than this are given up, ms: 30 days. */
const MAX_AGE_MS = 30 * 86_400_000;

/** Looks for room this often at most, ms. */
const ROOM_MS = 100;

/** What one client has taken over: pages that are gone, whose locks it holds, and their records. */
interface Estate {
  owners: Set<string>;
  keys: Set<string>;
}
/** By each client's own `transact`: with a client that is closed its locks are free again. */
const estates = new WeakMap<MessageStore['transact'], Estate>();

/** The messages of a record, each with its context: see `pack` in the store. */
function unpack(text: string): Queued[] {
  const messages: Queued[] = [];
  let context: unknown;
  for (const line of text.split('\n'))
    if (line.startsWith('[')) [context] = JSON.parse(line);
    else if (line) messages.push({ ...JSON.parse(line), context });
  return messages;
}

/**
 * Takes over the messages of pages that are gone and hands over those that the collector does not have.
 * @param own the client's own name, `<writeKey>.<instance>`: of others with this key it may take over what they left
 * @param signal gives the question up
 * @param isHeldUp whether nothing may be sent now, the question neither
 * @param take takes a message; false while there is no room
 */
export async function recover(
  own: string,
  transact: MessageStore['transact'],
  claim: MessageStore['claim'],
  enlist: MessageStore['enlist'],
  drop: MessageStore['drop'],
  endpoint: string,
  writeKey: string,
  signal: AbortSignal,
  isHeldUp: () => boolean | undefined,
  take: (message: Queued) => boolean,
  flush: () => Promise<unknown>,
  lose: (code: string, message: Queued) => void,
): Promise<void> {
  const { owners, keys } = estates.get(transact) ?? { owners: new Set(), keys: new Set() };
  estates.set(transact, { owners, keys });
  const isLeft = (owner: string): boolean => owner.startsWith(`${writeKey}.`) && owner !== own;
  const readAll = async (): Promise<[key: string, owner: string, text: string][]> => {
    let names: IDBRequest<IDBValidKey[]> | undefined;
    const texts = await transact('readonly', (table) => {
      names = table.getAllKeys();
      return table.getAll();
    }).catch(() => []);
    return [
      ...texts.map((text, i): [string, string, string] => {
        const key = String(names?.result[i]);
        // `<owner>.<number>.<bytes>`
        return [key, key.replace(/\.\d+\.\d+$/, ''), text];
      }),
      ...journals().map((key): [string, string, string] => [
        key,
        key.slice(JOURNAL.length),
        localStorage[key],
      ]),
    ];
  };
  for (const [, owner] of await readAll())
    if (isLeft(owner) && !owners.has(owner) && (await claim(owner))) owners.add(owner);
  // Read again: until its lock was ours, a page may have written more.
  const found = new Map<string, Queued>();
  for (const [key, owner, text] of await readAll()) {
    if (!isLeft(owner) || !owners.has(owner) || keys.has(key)) continue;
    keys.add(key);
    const messages = attempt(() => unpack(text)); // written by the store
    if (!messages) continue;
    // What a journal holds may be in a record as well.
    const more = messages.filter((message) => !found.has(message.messageId));
    if (!more.length) attempt(() => delete localStorage[key]);
    enlist(key, more);
    for (const message of more) found.set(message.messageId, message);
  }
  if (!found.size) return;
  // Unasked, they wait with the others; the collector knows those that it has by their ids.
  const messageIds = [...found.keys()];
  const seen = isHeldUp() ? new Set() : await ask(endpoint, signal, { writeKey, messageIds });
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
      while (!take(message)) {
        await flush();
        await new Promise((resolve) => setTimeout(resolve, ROOM_MS));
      }
  }
}

/** Which of these the collector has; none where nobody answers. */
async function ask(endpoint: string, signal: AbortSignal, question: object): Promise<Set<string>> {
  const limit = AbortSignal.timeout?.(REQUEST_LIMIT_MS);
  try {
    const answer = await fetch(`${endpoint}seen`, {
      method: 'POST',
      body: JSON.stringify(question),
      redirect: 'error',
      signal: (limit && AbortSignal.any?.([signal, limit])) ?? signal,
    });
    return new Set(((await answer.json()) as { seen: string[] }).seen);
  } catch {
    return new Set();
  }
}

/** The text compressed, or the text where the browser cannot (before 2023) or the page may be gone next. */
export function gzip(text: string): Promise<Blob | string> {
  return new Promise((resolve) => {
    const go = (): void => {
      removeEventListener('pagehide', go);
      document.removeEventListener('visibilitychange', go);
      resolve(text);
    };
    addEventListener('pagehide', go);
    document.addEventListener('visibilitychange', go);
    compress(text)
      .then(resolve, () => {})
      .finally(go);
  });
}

async function compress(text: string): Promise<Blob> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Response(stream).blob();
}
