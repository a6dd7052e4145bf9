// A dry run over lines: what each would be judged as, without a database.
// Invariant: stores nothing; what only a database can know (repeats, caps) is not told.
import { createAgentReader } from '../wire/user-agent.ts';
import type { Ask } from './operations.ts';
import { takeLines } from './take-lines.ts';

/** An `Ask` that answers `import-lines` alone. */
export function lookThrough(now: () => number = Date.now): Ask {
  const readAgent = createAgentReader();
  const nowhere = {
    now,
    ingest: async ({ messages }: { messages: readonly unknown[] }) => messages.map(() => 'accepted' as const),
    takeOver: async () => ({ outcome: 'taken' as const }),
    tick: async () => {},
  };
  const ask = async (operation: string, input: unknown): Promise<unknown> => {
    if (operation !== 'import-lines') throw new Error(`a dry run cannot ask for ${operation}`);
    const { lines } = input as Parameters<Ask>[1] & { lines: Parameters<typeof takeLines>[1] }; // by the name above
    return takeLines(nowhere, lines, readAgent);
  };
  return ask as Ask; // answers the one operation as its type says, and no other
}
