// Where messages wait across page loads: IndexedDB, with a journal in localStorage for what it lacks at unload.
// Invariant: a record belongs to whoever holds its owner's lock, and goes only once all its messages are
// settled; all pages together keep no more than the bound; keys of the host are never touched.
import { attempt } from './attempt.ts';
import type { Queued } from './core/queue.ts';
import { bytesOf } from './transport.ts';

const DATABASE = 'tm.queue';
const TABLE = 'm';
export const JOURNAL = 'tm.j.';
/** What all pages of an origin may keep together, and what one page may hold: the contract's 512 KB. */
export const MAX_BYTES = 512 * 1024;

/** A message that is not in IndexedDB yet, with its context and the rest of it as they are written. */
type Unsaved = [message: Queued, context: string, text: string];

/** One transaction; resolves with the result of what was asked for, once it is complete. */
export type RunTransaction = <T>(
  mode: IDBTransactionMode,
  work: (table: IDBObjectStore) => IDBRequest<T> | undefined,
) => Promise<T>;

export interface MessageStore {
  /**
   * Keeps a message, if any may be kept: in memory, and in IndexedDB as soon as the running task ends, where
   * there is room.
   * @param context as JSON, or empty
   * @param text the rest as JSON
   */
  keep(message: Queued, context: string, text: string): void;
  /** Tries again to keep what found no room. */
  save(): void;
  drop(messages: Queued[]): void;
  /** Writes at once what IndexedDB does not have yet: the page may be gone next. */
  journal(): void;
  /** Says that this page is alive: nobody else may take its records. */
  hold(): void;
  /** Lets others take them. */
  letGo(): void;
  /** Forgets everything, of all pages. */
  wipe(): void;
  transact: RunTransaction;
  /** Whether the lock of that page is ours now. Without locks nobody holds any. */
  claim(owner: string): Promise<boolean>;
  /** Takes a record over: it goes once its messages are dropped. */
  enlist(key: string, messages: Queued[]): void;
}

/** The keys of all pages' journals. */
export const journals = (): string[] =>
  attempt(() => Object.keys(localStorage).filter((key) => key.startsWith(JOURNAL))) ?? [];

/**
 * Messages as they are stored, as far as there is room, bytes: a line each, and before those that share a
 * context a line with it as a list of one.
 */
function pack(all: Iterable<Unsaved>, room: number): [text: string, kept: Queued[], rest: Queued[]] {
  let lines = '';
  let last: string | undefined;
  const kept: Queued[] = [];
  const rest: Queued[] = [];
  for (const [message, context, text] of all) {
    const next = `${context === last ? '' : `[${context}]\n`}${text}\n`;
    // Never room again after the first that finds none: the others are newer.
    room -= bytesOf(next);
    if (room < 0) rest.push(message);
    else {
      kept.push(message);
      lines += next;
      last = context;
    }
  }
  return [lines, kept, rest];
}

/**
 * @param client names this page's instance; its lock says that it is alive.
 * @param onFull hears of messages that find no room: they are in memory only
 */
export function createMessageStore(client: string, onFull: (messages: Queued[]) => void): MessageStore {
  /** Not in IndexedDB yet. */
  const unsaved = new Map<string, Unsaved>();
  /** The record each message is in. */
  const homes = new Map<string, { key: string; left: number }>();
  const journalKey = JOURNAL + client;
  let records = 0;
  /** Bytes of all records in IndexedDB, of all pages, when it was last looked at: each is named with its own. */
  let used = 0;
  let isDirty = false;
  let isSaving = false;
  let isJournaled = false;
  /** Nothing may be stored until it is held. */
  let isWiped = true;
  /** Our locks last until this resolves; none while others may take our records. */
  let held: Promise<void> | undefined;
  let release = (): void => {};

  /** Our own journal is about to be written anew. */
  const room = (): number =>
    journals().reduce(
      (left, key) => left - (key === journalKey ? 0 : bytesOf(localStorage[key])),
      MAX_BYTES - used,
    );

  /** Opens the database anew each time: a connection that stays would hold up its deletion, and the back cache. */
  const transact: RunTransaction = (mode, work) =>
    new Promise((resolve, reject) => {
      if (isWiped) throw 0;
      const opening = indexedDB.open(DATABASE);
      opening.onupgradeneeded = () => opening.result.createObjectStore(TABLE);
      opening.onerror = reject;
      opening.onsuccess = () => {
        // An exception in here would be the page's.
        attempt(() => {
          const transaction = opening.result.transaction(TABLE, mode);
          // Once what is under way is complete.
          opening.result.close();
          const table = transaction.objectStore(TABLE);
          const keys = table.getAllKeys();
          keys.onsuccess = () => {
            used = keys.result.reduce<number>(
              (sum, key) => sum + Number((key as string).split('.').pop()), // all keys are texts of ours
              0,
            );
            attempt(() => {
              const request = work(table);
              transaction.oncomplete = () => resolve(request?.result as never); // whoever gives no request reads no answer
            });
            transaction.oncomplete ?? transaction.abort();
          };
          transaction.onabort = reject;
          return true;
        }) ?? reject();
      };
    });

  /** Writes what is unsaved, as far as there is room: other pages' transactions wait until this one is done. */
  async function save(): Promise<void> {
    if (isSaving) return;
    isSaving = true;
    while (isDirty && unsaved.size) {
      isDirty = false;
      try {
        let [text, kept, rest] = pack([], 0);
        await transact('readwrite', (table) => {
          [text, kept, rest] = pack(unsaved.values(), room());
          if (!text) return undefined;
          const key = `${client}.${++records}.${bytesOf(text)}`;
          enlist(key, kept);
          return table.put(text, key);
        });
        for (const { messageId } of kept) unsaved.delete(messageId);
        if (isJournaled) journal();
        onFull(rest);
      } catch {
        journal();
      }
    }
    isSaving = false;
  }

  function enlist(key: string, messages: Queued[]): void {
    const home = { key, left: messages.length };
    for (const message of messages) homes.set(message.messageId, home);
  }

  function journal(): void {
    isJournaled = unsaved.size > 0;
    const [text, , rest] = pack(unsaved.values(), room());
    attempt(() => {
      if (text) localStorage[journalKey] = text;
      else delete localStorage[journalKey];
    });
    onFull(rest);
  }

  const claim = (owner: string): Promise<boolean> =>
    new Promise((resolve) => {
      const answer = (lock: unknown): Promise<void> | undefined => {
        resolve(!!lock);
        return (!!lock && held) as Promise<void> | undefined; // false lets go at once, as undefined does
      };
      attempt(() => navigator.locks.request(`tm.${owner}`, { ifAvailable: true }, answer).catch(answer)) ??
        answer(1);
    });

  return {
    keep(message, context, text) {
      if (isWiped) return;
      unsaved.set(message.messageId, [message, context, text]);
      isDirty = true;
      queueMicrotask(save);
    },
    save() {
      isDirty = true;
      void save();
    },
    drop(messages) {
      const done: string[] = [];
      for (const { messageId } of messages) {
        const home = homes.get(messageId);
        homes.delete(messageId);
        unsaved.delete(messageId);
        if (home && !--home.left) done.push(home.key);
      }
      if (!done[0]) return;
      for (const key of done) attempt(() => delete localStorage[key]);
      // There is a first: see above.
      transact('readwrite', (table) => done.map((key) => table.delete(key))[0] as IDBRequest).catch(() => {});
    },
    journal,
    hold() {
      isWiped = false;
      if (held) return;
      held = new Promise((resolve) => {
        release = resolve;
      });
      void claim(client);
    },
    letGo() {
      release();
      held = undefined;
    },
    wipe() {
      isWiped = true;
      unsaved.clear();
      homes.clear();
      for (const key of journals()) attempt(() => delete localStorage[key]);
      attempt(() => indexedDB.deleteDatabase(DATABASE));
    },
    transact,
    claim,
    enlist,
  };
}
