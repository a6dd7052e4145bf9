// Node as the client's host.
// Invariant: nothing here keeps the process alive but `keepAlive`.
import * as files from 'node:fs';
import { gzip } from 'node:zlib';
import { unwatchExit, unwatchSignals, watchExit, watchSignals } from './exit.ts';
import type { Host } from './host.ts';
import { createSpool } from './spool.ts';
import { nodeProcesses } from './spool-owner.ts';

/** Node fires a timer of more than 31 bits at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** Keeps the process while a flush is awaited; it never fires in practice, ms. */
const KEEP_ALIVE_MS = 60 * 60 * 1000;
/** Messages of a batch are alike: the lightest level already makes an eighth of them, at a third of the time. */
const GZIP_LEVEL = 1;

export const nodeHost: Host = {
  now: Date.now,
  elapsed: () => performance.now(),
  random: Math.random,
  uuid: () => crypto.randomUUID(),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, MAX_TIMER_MS));
    // Waiting messages alone do not keep the process: `beforeExit` flushes them.
    timer.unref();
    return () => clearTimeout(timer);
  },
  blocks: {
    // Not from Node's pool: a block of its own goes as a whole.
    create: (bytes) => Buffer.allocUnsafeSlow(bytes),
    write: (text, block, at) => (block as Buffer<ArrayBuffer>).write(text, at), // `create` made it
  },
  gzip: (bytes) =>
    new Promise((resolve, reject) => {
      gzip(
        bytes,
        { level: GZIP_LEVEL },
        (error, packed) => (error ? reject(error) : resolve(packed as Uint8Array<ArrayBuffer>)), // zlib's own memory, never shared
      );
    }),
  keepAlive() {
    const timer = setInterval(() => {}, KEEP_ALIVE_MS);
    return () => clearInterval(timer);
  },
  warn: (text) => process.emitWarning(text),
  say: (text) => console.warn(text),
  watchExit,
  unwatchExit,
  watchSignals,
  unwatchSignals,
  openSpool: (parts) => createSpool({ ...parts, files, processes: nodeProcesses() }),
};
