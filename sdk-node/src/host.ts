// What the client needs of the runtime it is in.
// Invariant: types only; Node and the web-standard build each bring one, tests bring theirs.
import type { Holder } from './exit.ts';
import type { Blocks } from './shelf.ts';
import type { Spool, SpoolParts } from './spool.ts';

export interface Host {
  /** Epoch ms. */
  now(): number;
  /** For durations, ms: never set back, whatever becomes of the clock. */
  elapsed(): number;
  /** 0 up to 1. */
  random(): number;
  /** A random UUID, version 4. */
  uuid(): string;
  /** Calls back after `ms` without keeping the process; the answer cancels. */
  after(ms: number, callback: () => void): () => void;
  /** Memory for texts that wait. */
  blocks: Blocks;
  gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  /** Keeps the process until the answer is called. */
  keepAlive(): () => void;
  warn(text: string): void;
  /** Writes to the console at once, also while the process ends. */
  say(text: string): void;
  /** Hears of the end of the process, where the runtime tells. */
  watchExit(holder: Holder): void;
  unwatchExit(holder: Holder): void;
  /** Calls `close` on SIGTERM and SIGINT, where there are signals. */
  watchSignals(close: () => Promise<unknown>): void;
  unwatchSignals(close: () => Promise<unknown>): void;
  /** Absent where there is no disk. */
  openSpool?: ((parts: SpoolParts) => Spool) | undefined;
}
