// How far imports got that may have been cut off, remembered by the database that they go into.
// Invariant: it says a row only after all before it are stored in this very file, so that a new one, a restored one or
// a copy knows how far it is itself.
import type { Core } from '../ingest/core.ts';

/** Imports remembered: cut off and never run again they would be there for ever. */
const MAX_MARKS = 20;
const FACT = 'imports';

interface Mark {
  /** Of which file, and what is done with it: a hash. */
  of: string;
  row: number;
}

export interface ImportMarks {
  /** Rows or lines done by an import that was cut off, or 0. */
  reached(of: string): number;
  /** @param row 0 once it is through */
  reach(of: string, row: number): Promise<void>;
}

export function createImportMarks(facts: Core['facts']): ImportMarks {
  const marks = (): Mark[] => (facts.get(FACT) ?? []) as unknown as Mark[]; // written by `reach` alone
  return {
    reached: (of) => marks().find((mark) => mark.of === of)?.row ?? 0,
    async reach(of, row) {
      const others = marks().filter((mark) => mark.of !== of);
      const next = row === 0 ? others : [{ of, row }, ...others].slice(0, MAX_MARKS);
      await facts.set({ [FACT]: next.map((mark) => ({ ...mark })) });
    },
  };
}
