// Where messages wait across page loads: IndexedDB, with a journal in localStorage for what it lacks at unload.
// Invariant: a record belongs to whoever holds its owner's lock, and goes only once all its messages are
// settled; keys of the host are never touched.
import { attempt } from './attempt.ts';
import type { Queued } from './core/queue.ts';

const DATABASE = 'tm.queue';
const TABLE = 'm';
export const JOURNAL = 'tm.j.';
/** Messages that IndexedDB refused go to the journal together, after this long, ms. */
const REFUSED_MS = 500;

/** Messages that were kept at once, and whose they are: in IndexedDB under `<owner>.<first messageId>`. */
export type StoredRecord = [owner: string, messages: Queued[]];

/** One transaction; resolves with what was asked for once it is complete. */
export type RunTransaction = <T>(
  mode: IDBTransactionMode,
  work: (table: IDBObjectStore) => IDBRequest<T>,
) => Promise<T>;

export interface MessageStore {
  /** Keeps a message in memory, and in IndexedDB as soon as the running task ends. */
  keep(message: Queued): void;
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

/** @param client names this page's instance; its lock says that it is alive. */
export function createMessageStore(client: string): MessageStore {
  /** Not in IndexedDB yet. */
  const unsaved = new Map<string, Queued>();
  /** The record each message is in. */
  const homes = new Map<string, { key: string; left: number }>();
  const journalKey = JOURNAL + client;
  let fresh: Queued[] = [];
  let isJournaled = false;
  let isRefused = false;
  /** Nothing may be stored until it is held again. */
  let isWiped = false;
  let opening: Promise<IDBDatabase> | undefined;
  /** Our locks last until this resolves; none while others may take our records. */
  let held: Promise<void> | undefined;
  let release = (): void => {};

  const transact: RunTransaction = async (mode, work) => {
    if (isWiped) throw 0;
    opening ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(DATABASE);
      request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
      request.onerror = reject;
      request.onsuccess = () => {
        // Another tab deletes it, or Safari closes the connection on its own.
        request.result.onversionchange = request.result.onclose = close;
        resolve(request.result);
      };
    });
    try {
      const transaction = (await opening).transaction(TABLE, mode);
      const request = work(transaction.objectStore(TABLE));
      return await new Promise((resolve, reject) => {
        transaction.oncomplete = () => resolve(request.result);
        transaction.onabort = reject;
      });
    } catch (error) {
      close();
      throw error;
    } finally {
      // An answer that comes after the page let go.
      if (!held) close();
    }
  };

  function close(): void {
    opening?.then((database) => database.close()).catch(() => {});
    opening = undefined;
  }

  async function move(): Promise<void> {
    const batch = fresh.filter((message) => unsaved.has(message.messageId));
    fresh = [];
    if (!batch[0]) return;
    const key = `${client}.${batch[0].messageId}`;
    enlist(key, batch);
    try {
      await transact('readwrite', (table) => table.put([client, batch], key));
      for (const message of batch) unsaved.delete(message.messageId);
      if (isJournaled) journal();
    } catch {
      if (!isRefused) setTimeout(journal, REFUSED_MS);
      isRefused = true;
    }
  }

  function enlist(key: string, messages: Queued[]): void {
    const home = { key, left: messages.length };
    for (const message of messages) homes.set(message.messageId, home);
  }

  function journal(): void {
    isRefused = false;
    isJournaled = unsaved.size > 0;
    attempt(() => {
      if (isJournaled) localStorage[journalKey] = JSON.stringify([...unsaved.values()]);
      else delete localStorage[journalKey];
    });
  }

  const claim = (owner: string): Promise<boolean> =>
    new Promise((resolve) => {
      const free = (): void => resolve(true);
      attempt(() =>
        navigator.locks
          .request(`tm.${owner}`, { ifAvailable: true }, (lock) => {
            resolve(!!lock);
            return lock && held;
          })
          .catch(free),
      ) ?? free();
    });

  return {
    keep(message) {
      if (!fresh.length) queueMicrotask(move);
      fresh.push(message);
      unsaved.set(message.messageId, message);
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
      close();
    },
    wipe() {
      isWiped = true;
      unsaved.clear();
      homes.clear();
      attempt(() => {
        for (const key of journals()) delete localStorage[key];
      });
      attempt(() => indexedDB.deleteDatabase(DATABASE));
    },
    transact,
    claim,
    enlist,
  };
}
