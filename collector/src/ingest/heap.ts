// The least of many things that come and go.
// Invariant: nothing is less than what stands above it.

export interface Heap<T> {
  first(): T | undefined;
  push(one: T): void;
  /** Takes the least out. */
  pop(): T | undefined;
}

export function createHeap<T>(compare: (a: T, b: T) => number): Heap<T> {
  const held: T[] = [];
  const at = (index: number): T => held[index] as T; // the callers look
  function swap(a: number, b: number): void {
    const one = at(a);
    held[a] = at(b);
    held[b] = one;
  }
  return {
    first: () => held[0],
    push(one) {
      held.push(one);
      for (let index = held.length - 1; index > 0; ) {
        const above = (index - 1) >> 1;
        if (compare(at(above), at(index)) <= 0) return;
        swap(above, index);
        index = above;
      }
    },
    pop() {
      const least = held[0];
      const last = held.pop();
      if (held.length === 0 || last === undefined) return least;
      held[0] = last;
      for (let index = 0; ; ) {
        const [left, right] = [2 * index + 1, 2 * index + 2];
        let lesser = index;
        if (left < held.length && compare(at(left), at(lesser)) < 0) lesser = left;
        if (right < held.length && compare(at(right), at(lesser)) < 0) lesser = right;
        if (lesser === index) return least;
        swap(lesser, index);
        index = lesser;
      }
    },
  };
}
