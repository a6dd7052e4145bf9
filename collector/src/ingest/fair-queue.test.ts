// The queue before the lane: turns, bounds, and what is put back.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFairQueue, type Job, type Part } from './fair-queue.ts';

interface Named extends Job {
  name: string;
}
let jobs = 0;
const job = (key: string, size: number, { address = '', bytes = 1 } = {}): Named => ({
  name: `${key}${address}${++jobs}`,
  sender: { key, address },
  size,
  bytes,
});
const ROOMY = { messages: 1e6, bytes: 1e9 };
const said = (parts: readonly { job: Named; from: number; to: number }[]): string[] =>
  parts.map(({ job: { sender }, from, to }) => `${sender.key}${sender.address} ${from}-${to}`);

describe('turns', () => {
  it('go round between keys, whatever one of them has waiting', () => {
    const queue = createFairQueue<Named>(ROOMY);
    queue.add(job('flood', 2_000));
    queue.add(job('flood', 2_000));
    queue.add(job('a', 1));
    queue.add(job('b', 30));
    expect(said(queue.take(100))).toEqual([
      'flood 0-20',
      'a 0-1',
      'b 0-20',
      'flood 20-40',
      'b 20-30',
      'flood 40-60',
      'flood 60-69',
    ]);
    queue.add(job('c', 1));
    expect(said(queue.take(21))).toEqual(['flood 69-89', 'c 0-1']);
  });

  it('go round between the addresses of one key, and do not make a key of many addresses count for more', () => {
    const queue = createFairQueue<Named>(ROOMY);
    for (const address of ['1', '1', '2', '3']) queue.add(job('web', 20, { address }));
    queue.add(job('server', 60));
    expect(said(queue.take(200))).toEqual([
      'web1 0-20',
      'server 0-20',
      'web2 0-20',
      'server 20-40',
      'web3 0-20',
      'server 40-60',
      'web1 0-20',
    ]);
  });

  it('keep the order of one sender', () => {
    const queue = createFairQueue<Named>(ROOMY);
    const added = [job('a', 7), job('a', 0), job('a', 30), job('a', 1)];
    for (const one of added) queue.add(one);
    const names = [queue.take(9), queue.take(100)].flat().map(({ job: { name } }) => name);
    expect([...new Set(names)]).toEqual(added.map(({ name }) => name));
    expect([queue.jobs(), queue.waiting()]).toEqual([0, { messages: 0, bytes: 0 }]);
  });

  it('begin with whoever was put back, and end for whoever was served, however short their turn was', () => {
    const queue = createFairQueue<Named>(ROOMY);
    for (const one of [job('slow', 100), job('a', 1), job('b', 1)]) queue.add(one);
    const taken = queue.take(22);
    expect(said(taken)).toEqual(['slow 0-20', 'a 0-1', 'b 0-1']);
    // The first message took all the time there was.
    const [slow, ...others] = taken as [Part<Named>]; // there are as many as were added
    queue.giveBack([{ ...slow, from: 1 }, ...others], slow.job.sender);
    expect(said(queue.take(12))).toEqual(['a 0-1', 'b 0-1', 'slow 1-11']);
  });

  it('end for the address served, and come to the others of its key before it', () => {
    const queue = createFairQueue<Named>(ROOMY);
    for (const address of ['1', '2', '3']) queue.add(job('web', 30, { address }));
    const taken = queue.take(60);
    const [slow, ...others] = taken as [Part<Named>]; // there are as many as were added
    queue.giveBack([{ ...slow, from: 1 }, ...others], slow.job.sender);
    expect(said(queue.take(60))).toEqual(['web2 0-20', 'web3 0-20', 'web1 1-21']);
  });
});

describe('dear messages', () => {
  it('cost their sender later turns, and are not taken together with others', () => {
    const queue = createFairQueue<Named>(ROOMY);
    for (const one of [job('slow', 60), job('a', 100)]) queue.add(one);
    // Three turns: it has no other address to give more to.
    queue.charge({ key: 'slow', address: '' }, 1, 3.25);
    expect(said(queue.take(200))).toEqual([
      'a 0-20',
      'a 20-40',
      'a 40-60',
      'slow 0-20',
      'a 60-80',
      'slow 20-40',
      'a 80-100',
      'slow 40-60',
    ]);
    queue.add(job('slow', 100));
    queue.charge({ key: 'slow', address: '' }, 1, 1_000);
    queue.add(job('a', 30));
    expect(queue.areAllDear()).toBe(false);
    expect(said(queue.take(200))).toEqual(['a 0-20', 'a 20-30']);
    expect(queue.areAllDear()).toBe(true);
    // Nobody else is there.
    expect(said(queue.take(20))).toEqual(['slow 0-20']);
  });

  it('cost the address they came from, not the others of its key', () => {
    const queue = createFairQueue<Named>(ROOMY);
    for (const address of ['1', '2']) queue.add(job('web', 30, { address }));
    queue.add(job('server', 1));
    queue.charge({ key: 'web', address: '1' }, 1, 100);
    expect(said(queue.take(200))).toEqual(['server 0-1']);
    expect(said(queue.take(200))).toEqual(['web2 0-20', 'web2 20-30']);
    expect(said(queue.take(200))).toEqual(['web1 0-20', 'web1 20-30']);
  });

  it('are those that take several times what an ordinary one does, and are forgotten with their sender', () => {
    const queue = createFairQueue<Named>(ROOMY);
    const slow = { key: 'slow', address: '' };
    queue.add(job('slow', 40));
    queue.charge(slow, 200, 50);
    expect(queue.areAllDear()).toBe(false);
    queue.charge(slow, 200, 51);
    expect([queue.areAllDear(), queue.isWaiting('slow')]).toEqual([true, true]);
    queue.take(40);
    expect(queue.isWaiting('slow')).toBe(false);
    queue.add(job('slow', 1));
    expect(queue.areAllDear()).toBe(false);
  });
});

describe('bounds', () => {
  it('push out the newest of whoever has most, until there is room', () => {
    const queue = createFairQueue<Named>({ messages: 100, bytes: 1e9 });
    const flood = [40, 30, 20].map((size) => job('flood', size));
    for (const one of flood) expect(queue.add(one)).toEqual([]);
    expect(queue.add(job('a', 10))).toEqual([]);
    expect(queue.add(job('b', 10))).toEqual([flood[2]]);
    const more = job('flood', 30);
    expect(queue.add(more)).toEqual([more]);
    expect(queue.waiting().messages).toBe(90);
    expect(queue.jobs()).toBe(4);
  });

  it('count bytes too, and hurt no other address of the key', () => {
    const queue = createFairQueue<Named>({ messages: 1e6, bytes: 100 });
    const flood = [60, 30].map((bytes) => job('web', 1, { address: '1', bytes }));
    for (const one of flood) queue.add(one);
    expect(queue.add(job('web', 1, { address: '2', bytes: 20 }))).toEqual([flood[1]]);
  });

  it('take nothing out that was begun, and let one job through that is larger than all', () => {
    const queue = createFairQueue<Named>({ messages: 10, bytes: 1e9 });
    expect(queue.add(job('a', 50))).toEqual([]);
    queue.take(5);
    const next = job('b', 1);
    expect(queue.add(next)).toEqual([next]);
    expect(said(queue.take(100))[0]).toBe('a 5-25');
    expect(queue.jobs()).toBe(0);
    expect(queue.add(job('b', 1))).toEqual([]);
  });
});

describe('what was begun', () => {
  it('is half of what may wait at most, so that others always find room', () => {
    const queue = createFairQueue<Named>({ messages: 400, bytes: 1e9 });
    const flood = ['1', '2', '3', '4'].map((address) => job('flood', 100, { address }));
    for (const one of flood) queue.add(one);
    expect(said(queue.take(100))).toEqual([
      'flood1 0-20',
      'flood2 0-20',
      'flood1 20-40',
      'flood2 20-40',
      'flood1 40-60',
    ]);
    // The smallest share of all is pushed out before anybody is turned away.
    const small = job('a', 10);
    expect(queue.add(small)).toEqual([flood[2]]);
    const more = [job('a', 95), job('b', 1)] as const;
    expect(queue.add(more[0])).toEqual([flood[3]]);
    expect(queue.add(more[1])).toEqual([]);
    expect(said(queue.take(25))).toEqual(['flood2 40-60', 'a 0-5']);
    // With one of them done there is room for another.
    expect(said(queue.take(1_000)).filter((part) => part.startsWith('a'))).toEqual([
      'a 5-10',
      'a 0-20',
      'a 20-40',
      'a 40-60',
      'a 60-80',
      'a 80-95',
    ]);
  });

  it('may be one job that is larger, alone, and any that one turn is enough for', () => {
    const queue = createFairQueue<Named>({ messages: 100, bytes: 100 });
    for (const one of [job('a', 65, { bytes: 1 }), job('b', 2, { bytes: 60 }), job('c', 30)]) queue.add(one);
    expect(said(queue.take(40))).toEqual(['a 0-20', 'b 0-2', 'a 20-38']);
    expect(said(queue.take(1_000)).at(-1)).toBe('c 20-30');
  });
});

it('takes each message once and in order, whatever comes, goes, is put back and dropped', () => {
  const step = fc.oneof(
    fc.record({ add: fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('', '1', '2'), fc.nat(50)) }),
    fc.record({ take: fc.integer({ min: 1, max: 60 }), keep: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({ drop: fc.nat(20) }),
    fc.record({
      charge: fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('', '1', '2'), fc.nat(300)),
    }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = createFairQueue<Named>({ messages: 200, bytes: 1e9 });
      /** Messages done of each job that waits. */
      const open = new Map<Named, number>();
      for (const action of steps) {
        if ('add' in action) {
          const [key, address, size] = action.add;
          const one = job(key, size, { address });
          open.set(one, 0);
          for (const out of queue.add(one)) {
            expect(open.get(out)).toBe(0);
            open.delete(out);
          }
        } else if ('charge' in action) {
          const [key, address, ms] = action.charge;
          queue.charge({ key, address }, 1, ms);
        } else if ('drop' in action) {
          const one = [...open.keys()][action.drop];
          if (!one) continue;
          queue.drop(one);
          open.delete(one);
        } else {
          const parts = queue.take(action.take);
          if (open.size > 0) expect(parts.length).toBeGreaterThan(0);
          const kept = Math.round(parts.length * action.keep);
          for (const { job: one, from, to } of parts.slice(0, kept)) {
            expect(open.get(one)).toBe(from);
            if (to === one.size) open.delete(one);
            else open.set(one, to);
          }
          queue.giveBack(parts.slice(kept), parts[kept - 1]?.job.sender ?? null);
        }
        expect(queue.jobs()).toBe(open.size);
        expect(queue.waiting().messages).toBe([...open.keys()].reduce((sum, { size }) => sum + size, 0));
      }
      for (let parts = queue.take(50); parts.length > 0; parts = queue.take(50))
        for (const { job: one, from, to } of parts) {
          expect(open.get(one)).toBe(from);
          if (to === one.size) open.delete(one);
          else open.set(one, to);
        }
      expect(open.size).toBe(0);
    }),
  );
});
