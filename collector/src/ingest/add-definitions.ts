// Definitions of another file, taken over beside those that are here.
// Invariant: what is defined here already stays as it is; all that is missing is added, or nothing.
import {
  DEFINITION_KINDS,
  type Definition,
  type DefinitionKind,
  type Fault,
  parseDefinitionFile,
} from '../wire/definitions.ts';
import type { TakenOver } from './core.ts';
import { type DefinitionBook, isSame, own } from './definition-book.ts';
import type { Redefine } from './redefine.ts';

/** Adds what is not defined here under its key; what is stays as it is. */
export async function addDefinitions(
  given: Record<DefinitionKind, unknown>,
  { book, redefine }: { book: DefinitionBook; redefine: Redefine },
): Promise<TakenOver> {
  const { traits, segments, surveys } = given;
  const parsed = parseDefinitionFile({ traits, segments, surveys });
  if (!parsed.ok) return { outcome: 'refused', note: faultText(parsed.faults) };
  const file = parsed.value;
  return redefine(() => {
    const missing = DEFINITION_KINDS.flatMap((kind) =>
      Object.entries<Definition>(file[kind] ?? {}).flatMap(([key, definition]) =>
        own<Definition>(book.wanted[kind], key) ? [] : [{ kind, key, definition }],
      ),
    );
    const differing = DEFINITION_KINDS.flatMap((kind) =>
      Object.entries<Definition>(file[kind] ?? {})
        .filter(
          ([key, definition]) => !isSame(own<Definition>(book.wanted[kind], key) ?? definition, definition),
        )
        .map(([key]) => `${kind}/${key}`),
    );
    const before = book.encode();
    for (const { kind, key, definition } of missing) book.put(kind, key, definition);
    const faults = missing.flatMap(({ kind, key, definition }) => book.faultsOf(kind, key, definition));
    if (faults.length > 0) {
      book.restore(before);
      return { outcome: 'refused', note: faultText(faults) };
    }
    const note = `kept as they are here: ${differing.join(', ')}`;
    const outcome = missing.length > 0 ? ('taken' as const) : ('known' as const);
    return { outcome, ...(differing.length > 0 ? { note } : {}) };
  });
}

const faultText = (faults: readonly Fault[]): string =>
  faults.map(({ pointer, message }) => `${pointer} ${message}`).join('; ');
