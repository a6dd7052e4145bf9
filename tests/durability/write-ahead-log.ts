// What a file system may make of a database and its log when the power goes: a model of the disk.
// Invariant: bytes that were on the disk (synced) are never changed; all others may be, a sector at a time.
import type { Random } from '../random.ts';

/** What a disk writes whole or not at all. */
const SECTOR_BYTES = 512;
const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const PAGE_SIZE_AT = 8;
/** The two salts in the header, which every frame of the same generation repeats. */
const SALTS_AT = 16;
const SALT_BYTES = 8;
const FRAME_SALTS_AT = 8;

/** How far a log is written, and in which generation: SQLite begins it anew over the bytes of the last one. */
export interface Written {
  salts: string;
  bytes: number;
}

/** Reads it off the log itself: frames count while they repeat the salts of the header. */
export function writtenOf(log: Buffer): Written {
  if (log.length < HEADER_BYTES) return { salts: '', bytes: 0 };
  const salts = log.subarray(SALTS_AT, SALTS_AT + SALT_BYTES);
  const frame = FRAME_HEADER_BYTES + log.readUInt32BE(PAGE_SIZE_AT);
  let bytes = HEADER_BYTES;
  while (bytes + frame <= log.length) {
    const at = bytes + FRAME_SALTS_AT;
    if (!log.subarray(at, at + SALT_BYTES).equals(salts)) break;
    bytes += frame;
  }
  return { salts: salts.toString('hex'), bytes };
}

/** The ways in which the end of a log can be lost. */
export const LOSSES = ['cut', 'garbage', 'zeros', 'sectors'] as const;
export type Loss = (typeof LOSSES)[number];

/** The log as it may be found: what came before `synced` as it was, the rest by `loss` from a random place on. */
export function loseEnd(log: Buffer, synced: number, loss: Loss, random: Random): Buffer {
  const from = random.whole(Math.min(synced, log.length), log.length);
  if (loss === 'cut') return log.subarray(0, from);
  const found = Buffer.from(log);
  if (loss === 'zeros') found.fill(0, from);
  if (loss === 'garbage') for (let at = from; at < found.length; at++) found[at] = random.whole(0, 255);
  if (loss === 'sectors')
    for (let at = from; at < found.length; at += SECTOR_BYTES - (at % SECTOR_BYTES))
      if (random.chance(0.5))
        found.fill(0, at, Math.min(found.length, at + SECTOR_BYTES - (at % SECTOR_BYTES)));
  return found;
}

/** The database as it may be found when the power went while its log was being copied into it. */
export function copyHalf(before: Buffer, after: Buffer, random: Random): Buffer {
  const found = Buffer.alloc(random.pick([before.length, after.length]));
  // Mostly one of the two, so that also few sectors are old, or few new.
  const part = random.pick([0.02, 0.5, 0.98]);
  for (let at = 0; at < found.length; at += SECTOR_BYTES) {
    const source = random.chance(part) ? after : before;
    (at < source.length ? source : after).copy(found, at, at, at + SECTOR_BYTES);
  }
  return found;
}
