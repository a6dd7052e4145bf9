// What became of the messages that the lane put through, counted since the start.
// Invariant: counted once a commit holds it, but for what was sent away.
import type { RejectionCode } from '../wire/message.ts';
import type { Outcome } from './core.ts';

export interface LaneCounts {
  accepted: number;
  duplicates: number;
  rejected: number;
  rejectedByCode: Map<RejectionCode, number>;
  rejectedDropped: number;
  /** Requests sent away because too much was waiting. */
  overloaded: number;
}

export const noCounts = (): LaneCounts => ({
  accepted: 0,
  duplicates: 0,
  rejected: 0,
  rejectedByCode: new Map(),
  rejectedDropped: 0,
  overloaded: 0,
});

export function countOutcomes(counts: LaneCounts, outcomes: readonly Outcome[]): void {
  for (const outcome of outcomes) {
    if (outcome === 'accepted') counts.accepted++;
    else if (outcome === 'duplicate') counts.duplicates++;
    else countRejected(counts, outcome.code);
  }
}

export function countRejected(counts: LaneCounts, code: RejectionCode): void {
  counts.rejected++;
  counts.rejectedByCode.set(code, (counts.rejectedByCode.get(code) ?? 0) + 1);
}
