// What one check of `doctor` found.
// Invariant: whatever is not ok says what to do about it.

export type Status = 'ok' | 'warn' | 'fail';

export interface Finding {
  check: string;
  status: Status;
  says: string;
  /** What to do about it. */
  advice?: string;
}

export const ok = (check: string, says: string): Finding => ({ check, status: 'ok', says });
export const warn = (check: string, says: string, advice: string): Finding => ({
  check,
  status: 'warn',
  says,
  advice,
});
export const fail = (check: string, says: string, advice: string): Finding => ({
  check,
  status: 'fail',
  says,
  advice,
});
