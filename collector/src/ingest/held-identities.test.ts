// Who is who, as it is held in memory while there is more than fits.
// Invariant: whoever is known by name is known by number too, as the same object: a root is changed in one of them.
import { expect, it } from 'vitest';
import { createRandom } from '../../../tests/random.ts';
import { CAPS } from '../engine/identity.ts';
import { openSqlite } from '../storage/sqlite/open.ts';
import { emptyDraft } from './draft.ts';
import { createHeldIdentities } from './held-identities.ts';

const MOST = 20;

it.each([1, 2, 3])('stays one object a node, whatever was let go of (seed %i)', async (seed) => {
  const store = openSqlite({ path: ':memory:' });
  const random = createRandom(seed);
  const { identities, upkeep } = createHeldIdentities({
    read: store.read,
    draft: emptyDraft,
    counters: { lastNode: 0 },
    idKey: 'key',
    erased: { any: false, suppressed: false },
    caps: CAPS,
    onNew: () => {},
  });
  const names: string[] = [];
  let known = 0;
  for (let step = 0; step < 400; step++) {
    if (random.chance(0.3)) await identities.node('user', `nobody ${step}`);
    else {
      names.push(`user ${step}`);
      identities.addNode('user', `user ${step}`, `p_${step}`);
    }
    if (random.chance(0.5)) upkeep.trim(MOST);
    for (const name of names) {
      const held = identities.inMemory.node('user', name);
      if (!held) continue;
      known++;
      expect(identities.inMemory.nodeById(held.id)).toBe(held);
    }
  }
  expect(known).toBeGreaterThan(400);
  await store.close();
});
