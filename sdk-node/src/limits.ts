// What flush, drain and the end are told.
// Invariant: reading it never throws, whatever the host passed.

/** What a flush was given, as far as it can be read; a time that is none counts as missing. */
export function limitsOf(given: unknown): { timeout?: number | undefined; close?: boolean } {
  try {
    const { timeout, close } = Object(given) as { timeout?: unknown; close?: unknown };
    const isTime = typeof timeout === 'number' && !Number.isNaN(timeout);
    return { timeout: isTime ? timeout : undefined, close: close === true };
  } catch {
    return {};
  }
}
