// What the core answers about definitions, and the ways to change them.
// Invariant: what is shown is what is wanted; `ready` says that it is in force.
import { traitsNeededBy } from '../engine/references.ts';
import type { Definition, DefinitionKind, TraitDefinition } from '../wire/definitions.ts';
import type { Core, DefinitionView } from './core.ts';
import { isSame, own } from './definition-book.ts';
import type { Inside } from './inside.ts';
import { countMembers } from './long-lists.ts';
import type { Redefine } from './redefine.ts';

export type DefinitionCore = Pick<
  Core,
  'definitions' | 'definition' | 'putDefinition' | 'deleteDefinition' | 'applyFile'
>;

interface Means {
  redefine: Redefine;
  /** Share of people built for what is wanted, 0 to 1. */
  progress(): number;
}

export function createDefinitionCore(
  { store, set, book, settleAll }: Inside,
  { redefine, progress }: Means,
): DefinitionCore {
  async function viewOf(kind: DefinitionKind, key: string): Promise<DefinitionView | null> {
    const definition = own<Definition>(book.wanted[kind], key);
    if (!definition) return null;
    const ready = !book.building || isInForce(kind, key);
    const view: DefinitionView = {
      key,
      definition,
      status: ready ? 'ready' : 'building',
      progress: ready ? 1 : progress(),
    };
    if (kind === 'segments') view.size = await sizeOf(key);
    return view;
  }

  /** People who enter or leave while it is counted may be in it or not; that another version took over is seen. */
  async function sizeOf(key: string): Promise<number> {
    for (;;) {
      const version = set.program.live.get(key)?.version;
      const size = version === undefined ? 0 : await countMembers(store, version);
      if (set.program.live.get(key)?.version === version) return size;
    }
  }

  function isInForce(kind: DefinitionKind, key: string): boolean {
    if (kind === 'segments')
      return set.program.live.get(key)?.version === set.program.wanted.get(key)?.version;
    if (kind === 'traits') return isTraitInForce(key, own(book.wanted.traits, key));
    return isSame(own(book.active.surveys, key), own(book.wanted.surveys, key));
  }

  /** A formula waits for what it is computed from. */
  function isTraitInForce(key: string, definition: TraitDefinition | undefined): boolean {
    if (!definition || !isSame(own<Definition>(book.active.traits, key), definition)) return false;
    return traitsNeededBy(definition).every((input) => isTraitInForce(input, own(book.wanted.traits, input)));
  }

  return {
    async definitions(kind) {
      await settleAll();
      const keys = Object.keys(book.wanted[kind]).sort();
      const views: DefinitionView[] = [];
      // One after the other: what each counts at a time would add up.
      for (const key of keys) {
        const view = await viewOf(kind, key);
        if (view) views.push(view);
      }
      return views;
    },
    async definition(kind, key) {
      if (kind === 'segments') await settleAll();
      return viewOf(kind, key);
    },
    async putDefinition(kind, key, definition) {
      const { faults, created } = await redefine(() => {
        const before = own<Definition>(book.wanted[kind], key);
        const found = book.faultsOf(kind, key, definition);
        if (found.length === 0 && !isSame(before, definition)) book.put(kind, key, definition);
        return { faults: found, created: before === undefined };
      });
      if (faults.length > 0) return { ok: false, faults };
      const view = await viewOf(kind, key);
      if (!view) throw new Error(`the definition ${key} was deleted while it was being put`);
      return { ok: true, created, view };
    },
    async deleteDefinition(kind, key) {
      return redefine(() => {
        if (!own<Definition>(book.wanted[kind], key)) return 'unknown';
        const needed = book.neededBy(kind, key);
        if (needed.length > 0) return { neededBy: needed };
        book.remove(kind, key);
        return 'deleted';
      });
    },
    async applyFile(file) {
      return redefine(() => {
        const faults = book.faultsOfFile(file);
        return faults.length > 0
          ? { ok: false as const, faults }
          : { ok: true as const, ...book.applyFile(file) };
      });
    },
  };
}
