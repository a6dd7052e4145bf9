// How long the event loop kept its work waiting, between two looks.
// Invariant: costs a timer of its own; nothing else depends on it.
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Between two looks at the clock, ms: shorter delays do not matter. */
const RESOLUTION_MS = 10;
const NANOSECONDS = 1e9;

export interface LoopDelay {
  /** Seconds since last taken. */
  take(): { p50: number; p99: number; max: number };
  stop(): void;
}

export function watchLoop(): LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  // It measures the time between two looks, of which the resolution is no delay.
  const delay = (ns: number): number => Math.max(0, ns / NANOSECONDS - RESOLUTION_MS / 1_000);
  return {
    take() {
      const taken = {
        p50: delay(histogram.percentile(50)),
        p99: delay(histogram.percentile(99)),
        max: delay(histogram.max),
      };
      histogram.reset();
      return taken;
    },
    stop: () => void histogram.disable(),
  };
}
