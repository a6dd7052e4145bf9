// Where the texts of waiting messages lie: as bytes, in blocks outside of the runtime's own heap.
// Invariant: bytes that were put down never change; a block lives as long as something on it is held.

/** How a runtime makes and fills a block. */
export interface Blocks {
  create(bytes: number): Uint8Array<ArrayBuffer>;
  /** Writes UTF-8 from `at` on; answers how many bytes. There is room for three a character. */
  write(text: string, block: Uint8Array<ArrayBuffer>, at: number): number;
}

/** Where one text lies. */
export interface Piece {
  block: Uint8Array<ArrayBuffer>;
  start: number;
  end: number;
}

export interface Shelf {
  /**
   * 100,000 texts as strings are copied by the garbage collector again and again, and it keeps twice their
   * room: as bytes they cost their length.
   */
  put(text: string): Piece;
}

/** A few hundred messages share one, so that it is free again soon after they are sent. */
const BLOCK_BYTES = 64 * 1024;
/** UTF-8 of one UTF-16 unit has at most so many bytes. */
const MAX_UNIT_BYTES = 3;

export function createShelf(blocks: Blocks): Shelf {
  let block: Uint8Array<ArrayBuffer> | null = null;
  let at = 0;
  return {
    put(text) {
      const most = text.length * MAX_UNIT_BYTES;
      if (!block || block.length - at < most) {
        block = blocks.create(Math.max(BLOCK_BYTES, most));
        at = 0;
      }
      const start = at;
      at += blocks.write(text, block, start);
      return { block, start, end: at };
    },
  };
}
