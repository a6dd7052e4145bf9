// Where messages wait across page loads: IndexedDB, with a journal in localStorage until it has them.
// Invariant: a message is in one of the two before it is sent, unless the browser allows neither; keys
// of the host are never touched.
import { createStore, promisifyRequest } from 'idb-keyval';
import { attempt } from './attempt.ts';
import type { Queued } from './core/queue.ts';

const JOURNAL = 'tm.j.';

export interface MessageStore {
  /** Keeps a message: at once in the journal, soon after in IndexedDB. */
  keep(message: Queued): void;
  drop(messages: Queued[]): void;
  /** Messages of earlier pages whose clients are gone, oldest first. */
  adopt(): Promise<Queued[]>;
  close(): void;
}

/** @param client names this page's instance; its lock says that it is alive. */
export function createMessageStore(client: string): MessageStore {
  let fresh: Queued[] = [];
  let release: (() => void) | undefined;
  const database = attempt(() => createStore('tm.queue', 'messages'));
  attempt(() =>
    navigator.locks
      .request(`tm.${client}`, () => new Promise<void>((resolve) => (release = resolve)))
      .catch(() => {}),
  );

  const nameOf = (message: Queued): string => `${client}.${message.messageId}`;
  const unjournal = (name: string): void => void attempt(() => localStorage.removeItem(JOURNAL + name));

  /** Runs the changes in one transaction; answers whether they are stored. */
  const write = async (change: (store: IDBObjectStore) => void): Promise<boolean> => {
    try {
      await database?.('readwrite', (store) => {
        change(store);
        return promisifyRequest(store.transaction);
      });
      return !!database;
    } catch {
      return false;
    }
  };

  async function move(): Promise<void> {
    const batch = fresh;
    fresh = [];
    const stored = await write((store) => {
      for (const message of batch) store.put(message, nameOf(message));
    });
    if (stored) for (const message of batch) unjournal(nameOf(message));
  }

  function keep(message: Queued): void {
    // Where the journal is full or blocked, IndexedDB has more room.
    attempt(() => localStorage.setItem(JOURNAL + nameOf(message), JSON.stringify(message)));
    if (!fresh.length) setTimeout(move);
    fresh.push(message);
  }

  function remove(names: string[]): void {
    names.forEach(unjournal);
    void write((store) => {
      for (const name of names) store.delete(name);
    });
  }

  /** Whose client is gone: nobody holds its lock. Without locks everyone's is. */
  const isOrphan = async (owner: string): Promise<boolean> => {
    try {
      return (
        owner !== client &&
        (await navigator.locks.request(`tm.${owner}`, { ifAvailable: true }, (lock) => !!lock))
      );
    } catch {
      return true;
    }
  };

  return {
    keep,
    drop(messages) {
      fresh = fresh.filter((message) => !messages.includes(message));
      remove(messages.map(nameOf));
    },
    async adopt() {
      const found = new Map<string, Queued>();
      try {
        await database?.('readonly', async (store) => {
          const [names, messages] = await Promise.all([
            promisifyRequest(store.getAllKeys()),
            promisifyRequest(store.getAll()),
          ]);
          names.forEach((name, i) => {
            found.set(String(name), messages[i]);
          });
        });
      } catch {
        // IndexedDB is blocked: the journal is all there is.
      }
      for (const name of attempt(() => Object.keys(localStorage)) ?? []) {
        if (!name.startsWith(JOURNAL)) continue;
        const message = attempt(() => JSON.parse(localStorage[name]) as Queued); // written by keep
        if (message) found.set(name.slice(JOURNAL.length), message);
      }
      const orphans = new Map<string, Promise<boolean>>();
      const names: string[] = [];
      for (const name of found.keys()) {
        const owner = name.split('.')[0] as string;
        if (!orphans.has(owner)) orphans.set(owner, isOrphan(owner));
        if (await orphans.get(owner)) names.push(name);
      }
      const adopted = names.map((name) => found.get(name) as Queued);
      // Ours from now on: kept under our name before the old one goes.
      adopted.forEach(keep);
      remove(names);
      return adopted.sort((a, b) => (a.messageId < b.messageId ? -1 : 1));
    },
    close: () => release?.(),
  };
}
