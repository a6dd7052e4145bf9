// Event names and segment keys as small numbers.
// Invariant: a number stands for one text for the life of the file, unless that is blotted out; a failed commit
// takes new ones back.
import type { Database } from 'better-sqlite3';

export interface Terms {
  /** The text's number, made if new: only inside a commit. */
  intern(text: string): number;
  find(text: string): number | null;
  text(id: number): string;
  /**
   * Blots a text out that no message and no transition has any more: only inside a commit. Its number is never
   * given again, for who reads beside may still know it by the text.
   */
  blot(text: string): void;
  /** Forgets numbers given since the last `keep`: their commit did not happen. */
  drop(): void;
  keep(): void;
}

/** Event names are chosen by strangers too: cache no more of them than this. */
const MAX_CACHED_TERMS = 20_000;

export function createTerms(db: Database): Terms {
  const byText = new Map<string, number>();
  const byId = new Map<number, string>();
  let fresh: string[] = [];
  const select = () => db.prepare<[string], { id: number }>('SELECT id FROM term WHERE text = ?');
  const selectText = () => db.prepare<[number], { text: string }>('SELECT text FROM term WHERE id = ?');
  const insert = () => db.prepare('INSERT INTO term (text) VALUES (?)');
  const statements: {
    find?: ReturnType<typeof select>;
    text?: ReturnType<typeof selectText>;
    insert?: ReturnType<typeof insert>;
    blot?: ReturnType<typeof insert>;
  } = {};

  const remember = (text: string, id: number): number => {
    if (byText.size >= MAX_CACHED_TERMS) {
      byText.clear();
      byId.clear();
    }
    byText.set(text, id);
    byId.set(id, text);
    return id;
  };
  const find = (text: string): number | null => {
    const cached = byText.get(text);
    if (cached !== undefined) return cached;
    statements.find ??= select();
    const row = statements.find.get(text);
    return row ? remember(text, row.id) : null;
  };
  return {
    find,
    intern(text) {
      const known = find(text);
      if (known !== null) return known;
      statements.insert ??= insert();
      fresh.push(text);
      return remember(text, Number(statements.insert.run(text).lastInsertRowid));
    },
    text(id) {
      const cached = byId.get(id);
      if (cached !== undefined) return cached;
      statements.text ??= selectText();
      const row = statements.text.get(id);
      if (!row) throw new Error(`term ${id} is not in the database`);
      remember(row.text, id);
      return row.text;
    },
    blot(text) {
      statements.blot ??= db.prepare(
        `UPDATE term SET text = hex(randomblob(16))
         WHERE text = ? AND NOT EXISTS (SELECT 1 FROM transition WHERE segment = term.id)`,
      );
      statements.blot.run(text);
      // What is not in memory is looked up again, also where the commit fails.
      const id = byText.get(text);
      byText.delete(text);
      if (id !== undefined) byId.delete(id);
    },
    keep() {
      fresh = [];
    },
    drop() {
      for (const text of fresh) {
        const id = byText.get(text);
        byText.delete(text);
        if (id !== undefined) byId.delete(id);
      }
      fresh = [];
    },
  };
}
