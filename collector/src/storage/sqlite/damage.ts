// Tells a damaged file from what passes (a full disk, a lock), and keeps a store from writing on after it.
// Invariant: once damage was met nothing is committed any more, whatever is asked.
import { BrokenFile, type Store } from '../port.ts';

/** What SQLite says of the file itself; extended codes begin with these. */
const DAMAGE = /^SQLITE_(CORRUPT|NOTADB)/;

/** SQLite's words, or null when the error says nothing about the file. */
export function damageIn(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  return DAMAGE.test(String(error.code)) ? error.message : null;
}

/** Runs `work`; what SQLite says of a damaged file becomes a `BrokenFile` that names the way out. */
export function onWholeFile<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const damage = damageIn(error);
    if (damage === null) throw error;
    throw new BrokenFile(path, damage, { cause: error });
  }
}

export interface Unguarded extends Omit<Store, 'damage'> {
  /** Waited for before a commit, where it is something. */
  beforeCommit?(): Promise<void> | undefined;
}

/** The store, which refuses to commit once any part of the file was found damaged. Reads elsewhere go on. */
export function guarded({ beforeCommit, ...store }: Unguarded, path: string): Store {
  let broken: BrokenFile | null = null;
  async function watch<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const damage = damageIn(error);
      if (damage !== null) broken ??= new BrokenFile(path, damage, { cause: error });
      else if (error instanceof BrokenFile) broken ??= error;
      else throw error;
      throw broken;
    }
  }
  return {
    ...store,
    read: (keys) => watch(() => store.read(keys)),
    query: (query) => watch(() => store.query(query)),
    async commit(changes) {
      const wait = beforeCommit?.();
      if (wait) await wait;
      // Meanwhile too. Trying again might store half of what belongs together.
      if (broken) throw broken;
      return watch(() => store.commit(changes));
    },
    damage: () => broken,
  };
}
