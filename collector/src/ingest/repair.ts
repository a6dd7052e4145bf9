// Computes everything anew from messages, operations and lists, and writes it down.
// Invariant: afterwards `verify` finds no difference; segments lose and gain nobody without a transition.
import { resolveIdentities } from '../engine/identity.ts';
import { emitDifference } from '../engine/person.ts';
import type { NodeRow } from '../storage/port.ts';
import { foldedPerson, occasionOf } from './arrival.ts';
import { collectGroups, collectLinks, timelinesOf } from './from-messages.ts';
import type { Lane } from './lane.ts';
import { keepRowSmall } from './outside-values.ts';
import type { WorkingSet } from './working-set.ts';

/** People computed in one commit. */
const SLICE = 100;

/** Repairs in slices, between which messages go on. `onProgress` hears of ids done, of all. */
export async function repairAll(
  lane: Lane,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<void> {
  const total = await lane.task(async (set, clock) => {
    await repairIdentities(set, clock);
    const nodes = await set.store.query({ ask: 'start' });
    return { result: nodes.lastNode, changed: false };
  });
  for (let after = 0; ; ) {
    const last = await lane.task(async (set, clock) => {
      const nodes = await set.store.query({ ask: 'nodes', after, limit: SLICE });
      for (const node of nodes) await repairPerson(set, node, clock);
      return { result: nodes[nodes.length - 1]?.id ?? null, changed: nodes.length > 0 };
    });
    if (last === null) return;
    after = last;
    onProgress(after, total);
  }
}

/** Who is who, which messages are due later, and what groups say. */
async function repairIdentities(set: WorkingSet, clock: number): Promise<void> {
  const links = await collectLinks(set, clock);
  const resolution = resolveIdentities(links.users.keys(), links.merges, [...links.pairs.values()]);
  const groups = await collectGroups(set, clock);
  set.forget();
  set.waiting.clear();
  set.record({
    rebuilt: {
      pendingAfter: clock,
      roots: [...links.users.keys()].map((user) => ({ node: user, root: resolution.root.get(user) ?? user })),
      pairs: [...links.pairs.values()],
      timelines: [...timelinesOf(links, resolution)]
        .filter(([, runs]) => runs.length > 0)
        .map(([device, runs]) => ({ device, runs })),
      aliases: links.aliases,
      groups: [...groups].map(([id, bag]) => ({ id, text: JSON.stringify(bag), revision: 0 })),
    },
  });
  await set.commit(clock);
  set.forget();
}

/** The row, the memberships and the transitions of whoever this id stands for. */
async function repairPerson(set: WorkingSet, node: NodeRow, clock: number): Promise<void> {
  const stored = await set.memberships(node.id);
  const held = new Set([...stored.keys()].filter((version) => set.program.indexOf(version) !== undefined));
  // How the row was written down does not matter: it is not read, only replaced.
  await set.disown(node.id);
  const person = await foldedPerson(set, node.id, clock);
  const cause = person ? { operation: 'repair' } : { operation: 'merged' };
  emitDifference(set.program, held, person?.members ?? new Set(), occasionOf(set, node.id, { clock, cause }));
  if (person) {
    keepRowSmall(set, person);
    set.putPerson(person);
  }
  if (!person) set.dropPerson(node.id);
}
