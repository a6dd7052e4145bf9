// Where messages wait across page loads: IndexedDB, with a journal in localStorage until it has them.
// Invariant: a message is in one of the two before it is sent, unless the browser allows neither; keys
// of the host are never touched.
import { createStore, delMany, entries, setMany } from 'idb-keyval';
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

/** localStorage, or null where it is blocked (reading the property itself may throw). */
export function storageOf(): Storage | null {
  try {
    return localStorage;
  } catch {
    return null;
  }
}

/** @param client names this page's instance; its lock says that it is alive. */
export function createMessageStore(client: string): MessageStore {
  const local = storageOf();
  const key = (message: Queued): string => `${client}.${message.messageId}`;
  let database: ReturnType<typeof createStore> | null = null;
  let fresh: Queued[] = [];
  let release = (): void => {};
  try {
    database = createStore('tm.queue', 'messages');
    navigator.locks?.request(`tm.${client}`, () => new Promise<void>((resolve) => (release = resolve))).catch(() => {});
  } catch {
    // No IndexedDB or no locks: the journal, or memory, must do.
  }

  const unjournal = (name: string): void => {
    try {
      local?.removeItem(JOURNAL + name);
    } catch {
      // Storage that went away holds nothing of ours.
    }
  };

  function move(): void {
    const batch = fresh;
    fresh = [];
    if (!database) return;
    setMany(
      batch.map((message): [string, Queued] => [key(message), message]),
      database,
    ).then(
      () => {
        for (const message of batch) unjournal(key(message));
      },
      () => {},
    );
  }

  /** Whose client is gone: nobody holds its lock. Without locks everyone's is. */
  const isOrphan = async (owner: string): Promise<boolean> => {
    if (owner === client) return false;
    try {
      return await navigator.locks.request(`tm.${owner}`, { ifAvailable: true }, (lock) => lock !== null);
    } catch {
      return true;
    }
  };

  return {
    keep(message) {
      try {
        local?.setItem(JOURNAL + key(message), JSON.stringify(message));
      } catch {
        // Full: IndexedDB has more room.
      }
      if (!fresh.length) setTimeout(move);
      fresh.push(message);
    },
    drop(messages) {
      const names = messages.map(key);
      const gone = new Set(messages);
      fresh = fresh.filter((message) => !gone.has(message));
      names.forEach(unjournal);
      if (database) delMany(names, database).catch(() => {});
    },
    async adopt() {
      const found = new Map<string, Queued>();
      try {
        for (const [name, message] of database ? await entries<string, Queued>(database) : []) found.set(name, message);
      } catch {
        database = null;
      }
      try {
        for (const name of local ? Object.keys(local) : [])
          if (name.startsWith(JOURNAL)) found.set(name.slice(JOURNAL.length), JSON.parse(local?.getItem(name) ?? ''));
      } catch {
        // An unreadable journal entry is nobody's message.
      }
      const orphans = new Map<string, Promise<boolean>>();
      const adopted: Queued[] = [];
      for (const [name, message] of found) {
        const owner = name.slice(0, name.indexOf('.'));
        if (!orphans.has(owner)) orphans.set(owner, isOrphan(owner));
        if (!(await orphans.get(owner))) continue;
        adopted.push(message);
        // Ours from now on: kept under our name before the old one goes.
        this.keep(message);
        unjournal(name);
        if (database) delMany([name], database).catch(() => {});
      }
      return adopted.sort((a, b) => (a.messageId < b.messageId ? -1 : 1));
    },
    close() {
      release();
    },
  };
}
