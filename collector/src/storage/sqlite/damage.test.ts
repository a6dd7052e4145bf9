// A store that met damage, while a commit waits for something else.
import { expect, it } from 'vitest';
import { BrokenFile, type Committed } from '../port.ts';
import { guarded, type Unguarded } from './damage.ts';

const malformed = (): Error =>
  Object.assign(new Error('database disk image is malformed'), { code: 'SQLITE_CORRUPT' });

it('commits nothing once damage was met, also by whoever waited when it was', async () => {
  let committed = 0;
  let go = (): void => {};
  let wait: Promise<void> | undefined;
  const store: Unguarded = {
    beforeCommit: () => wait,
    read: () => Promise.reject(malformed()),
    query: () => Promise.reject(new Error('not asked')),
    async commit(): Promise<Committed> {
      committed++;
      return { ok: true, refusedDropped: 0 };
    },
    async close() {},
  };
  const safe = guarded(store, 'x.db');
  await safe.commit({ clock: 1 });
  wait = new Promise((resolve) => {
    go = resolve;
  });
  const waiting = safe.commit({ clock: 2 });
  await expect(safe.read({})).rejects.toBeInstanceOf(BrokenFile);
  go();
  await expect(waiting).rejects.toBeInstanceOf(BrokenFile);
  wait = undefined;
  await expect(safe.commit({ clock: 3 })).rejects.toBeInstanceOf(BrokenFile);
  expect([committed, safe.damage()?.message]).toEqual([1, expect.stringContaining('malformed')]);
});
