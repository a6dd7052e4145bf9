// Any runtime with web-standard APIs as the client's host: Deno, Bun, workers at the edge.
// Invariant: nothing is imported; there is no disk, and the end of the process is not told.
import type { Host } from './host.ts';

/** Timers of web runtimes count in 31 bits. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const encoder = new TextEncoder();
const nothing = (): void => {};

export const webHost: Host = {
  now: Date.now,
  // Not every runtime has one; there the clock must do.
  elapsed: () => globalThis.performance?.now() ?? Date.now(),
  random: Math.random,
  uuid: () => crypto.randomUUID(),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
  blocks: {
    create: (bytes) => new Uint8Array(bytes),
    write: (text, block, at) => encoder.encodeInto(text, block.subarray(at)).written,
  },
  async gzip(bytes) {
    const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'));
    return new Uint8Array(await new Response(packed).arrayBuffer());
  },
  keepAlive: () => nothing,
  warn: (text) => console.warn(text),
  say: (text) => console.warn(text),
  watchExit: nothing,
  unwatchExit: nothing,
  watchSignals: nothing,
  unwatchSignals: nothing,
};
