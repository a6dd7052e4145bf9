import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createHeap } from './heap.ts';

describe('a heap', () => {
  it('gives the least of what is in it, whatever comes and goes', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(20), { nil: null })), (steps) => {
        const heap = createHeap<number>((a, b) => a - b);
        const held: number[] = [];
        for (const step of steps) {
          if (step === null) expect(heap.pop()).toBe(held.shift());
          else {
            heap.push(step);
            held.push(step);
            held.sort((a, b) => a - b);
          }
          expect(heap.first()).toBe(held[0]);
        }
      }),
    );
  });
});
