// What the benchmarks print.
// Invariant: figures go to stdout and progress to stderr, so that a report can be kept by itself.

export const say = (line = ''): void => console.log(line);

let last = 0;

/** Progress, at most twice a second. */
export function tell(what: string): void {
  const now = Date.now();
  if (now - last < 500) return;
  last = now;
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${what}` : `${what}\n`);
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
