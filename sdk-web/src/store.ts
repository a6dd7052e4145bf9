// Where messages wait across page loads: IndexedDB, with a journal in localStorage for what it lacks at unload.
// Invariant: a record belongs to whoever holds its owner's lock, and goes only once all its messages are
// settled; keys of the host are never touched.
import { attempt } from './attempt.ts';
import type { Queued } from './core/queue.ts';

const DATABASE = 'tm.queue';
const TABLE = 'm';
const JOURNAL = 'tm.j.';

/** Messages that were kept at once, and whose they are: in IndexedDB under `<owner>.<first messageId>`. */
type StoredRecord = [owner: string, messages: Queued[]];

export interface MessageStore {
  /** Keeps a message in memory, and in IndexedDB as soon as the running task ends. */
  keep(message: Queued): void;
  drop(messages: Queued[]): void;
  /** Writes at once what IndexedDB does not have yet: the page may be gone next. */
  journal(): void;
  /** Takes over the messages of pages that are gone, oldest first. */
  adopt(): Promise<Queued[]>;
  /** Says that this page is alive: nobody else may take its records. */
  hold(): void;
  /** Lets others take them. */
  release(): void;
  /** Forgets everything, of all pages. */
  wipe(): void;
}

/** Messages that IndexedDB refused go to the journal together, after this long, ms. */
const REFUSED_MS = 500;

/** @param client names this page's instance; its lock says that it is alive. */
export function createMessageStore(client: string): MessageStore {
  /** Not in IndexedDB yet. */
  const unsaved = new Map<string, Queued>();
  /** The ids in each record, ours and adopted, that are not settled yet. */
  const records = new Map<string, Set<string>>();
  /** Pages that are gone, whose locks we hold. */
  const adopted = new Set<string>();
  let fresh: Queued[] = [];
  let isJournaled = false;
  let isRefused = false;
  let opening: Promise<IDBDatabase> | undefined;
  let releases: (() => void)[] | undefined;

  /** One transaction; resolves once it is complete. */
  async function run<T>(
    mode: IDBTransactionMode,
    work: (table: IDBObjectStore) => IDBRequest<T>,
  ): Promise<T> {
    opening ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(DATABASE);
      request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
      request.onerror = reject;
      request.onsuccess = () => {
        const database = request.result;
        // Another tab deletes it, or Safari closes the connection on its own.
        database.onversionchange = database.onclose = close;
        resolve(database);
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
    }
  }

  function close(): void {
    opening?.then((database) => database.close()).catch(() => {});
    opening = undefined;
  }

  async function move(): Promise<void> {
    const batch = fresh.filter(({ messageId }) => unsaved.has(messageId));
    fresh = [];
    const key = track(client, batch);
    if (!key) return;
    try {
      await run('readwrite', (table) => table.put([client, batch], key));
      for (const { messageId } of batch) unsaved.delete(messageId);
      if (isJournaled) journal();
    } catch {
      if (!isRefused) setTimeout(journal, REFUSED_MS);
      isRefused = true;
    }
  }

  /** Remembers what a record holds; answers its key. */
  function track(
    owner: string,
    [...batch]: Queued[],
    key = `${owner}.${batch[0]?.messageId}`,
  ): string | undefined {
    if (!batch.length || records.has(key)) return;
    records.set(key, new Set(batch.map(({ messageId }) => messageId)));
    return key;
  }

  function journal(): void {
    isRefused = false;
    isJournaled = unsaved.size > 0;
    attempt(() => {
      if (isJournaled) localStorage[JOURNAL + client] = JSON.stringify([...unsaved.values()]);
      else delete localStorage[JOURNAL + client];
    });
  }

  /** Whether the lock of that page is ours now. Without locks nobody holds any. */
  const claim = (owner: string): Promise<boolean> =>
    new Promise((resolve) => {
      const free = (): void => resolve(true);
      const asked = attempt(() =>
        navigator.locks
          .request(`tm.${owner}`, { ifAvailable: true }, (lock) => {
            resolve(!!lock);
            return lock && releases && new Promise<void>((release) => releases?.push(release));
          })
          .catch(free),
      );
      if (!asked) free();
    });

  /** Every record there is: its key, whose it is, its messages. */
  async function readAll(): Promise<[key: string | undefined, owner: string, messages: Queued[]][]> {
    const all: [string | undefined, string, Queued[]][] = [];
    try {
      for (const [owner, messages] of (await run('readonly', (table) => table.getAll())) as StoredRecord[])
        all.push([undefined, owner, messages]);
    } catch {
      // IndexedDB is blocked: the journal is all there is.
    }
    attempt(() => {
      for (const key of Object.keys(localStorage))
        if (key.startsWith(JOURNAL))
          all.push([key, key.slice(JOURNAL.length), JSON.parse(localStorage[key])]);
    });
    return all;
  }

  return {
    keep(message) {
      if (!fresh.length) queueMicrotask(move);
      fresh.push(message);
      unsaved.set(message.messageId, message);
    },
    drop(messages) {
      const done: string[] = [];
      for (const { messageId } of messages) unsaved.delete(messageId);
      for (const [key, left] of records) {
        for (const { messageId } of messages) left.delete(messageId);
        if (left.size) continue;
        records.delete(key);
        attempt(() => delete localStorage[key]);
        done.push(key);
      }
      if (done.length)
        run('readwrite', (table) => done.map((key) => table.delete(key))[0] as IDBRequest).catch(() => {});
    },
    journal,
    async adopt() {
      for (const [, owner] of await readAll())
        if (owner !== client && !adopted.has(owner) && (await claim(owner))) adopted.add(owner);
      // Read again: until its lock was ours, a page may have written more.
      const found = new Map<string, Queued>();
      for (const [key, owner, messages] of await readAll())
        if (adopted.has(owner) && track(owner, messages, key))
          for (const message of messages) found.set(message.messageId, message);
      return [...found.values()];
    },
    hold() {
      if (releases?.length) return;
      releases = [];
      void claim(client);
    },
    release() {
      for (const release of releases ?? []) release();
      releases = undefined;
      close();
    },
    wipe() {
      unsaved.clear();
      records.clear();
      attempt(() => {
        for (const key of Object.keys(localStorage)) if (key.startsWith(JOURNAL)) delete localStorage[key];
      });
      attempt(() => indexedDB.deleteDatabase(DATABASE));
    },
  };
}
