// How long the event loop kept its work waiting, between two looks.
// Invariant: costs timers of its own, few of them while there is nothing to do; nothing else depends on it.
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

/** Between two looks at the clock while there is work, ms: shorter delays do not matter. A hundred a second take 1 % of a core. */
const BUSY_MS = 10;
/** The same otherwise: a delay shows less what lies between two looks. */
const IDLE_MS = 200;
/** How often it is asked whether there is work, ms. */
const LOOK_MS = 1_000;
/** Share of its time that the loop works from which on there is work. The busy looks themselves take 0.01. */
const WORKING = 0.03;
const NANOSECONDS = 1e9;

export interface LoopDelay {
  /** Seconds since last taken. */
  take(): { p50: number; p99: number; max: number };
  stop(): void;
}

export function watchLoop(): LoopDelay {
  const busy = createWatch(BUSY_MS);
  const idle = createWatch(IDLE_MS);
  idle.enable();
  let seen = performance.eventLoopUtilization();
  const look = setInterval(() => {
    const { utilization } = performance.eventLoopUtilization(seen);
    seen = performance.eventLoopUtilization();
    if (utilization < WORKING) busy.disable();
    else busy.enable();
  }, LOOK_MS);
  look.unref();
  return {
    take() {
      const closely = busy.take();
      const roughly = idle.take();
      return { ...(closely ?? roughly ?? NONE), max: Math.max(closely?.max ?? 0, roughly?.max ?? 0) };
    },
    stop() {
      clearInterval(look);
      busy.disable();
      idle.disable();
    },
  };
}

type Delays = ReturnType<LoopDelay['take']>;

const NONE: Delays = { p50: 0, p99: 0, max: 0 };

function createWatch(resolutionMs: number) {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  // It measures the time between two looks, of which the resolution is no delay.
  const delay = (ns: number): number => Math.max(0, ns / NANOSECONDS - resolutionMs / 1_000);
  let isOn = false;
  /** The longest since last taken, of the times it looked before this one. */
  let longest: number | null = null;

  function keepLongest(): void {
    if (histogram.count > 0) longest = Math.max(longest ?? 0, delay(histogram.max));
    histogram.reset();
  }

  return {
    enable(): void {
      if (isOn) return;
      isOn = true;
      // Without it the pause since it was disabled would count as a delay.
      keepLongest();
      histogram.enable();
    },
    disable(): void {
      isOn = false;
      histogram.disable();
    },
    /** Null: it did not look. The quantiles are those of the last time it was enabled. */
    take(): Delays | null {
      const taken = { p50: delay(histogram.percentile(50)), p99: delay(histogram.percentile(99)) };
      const hasLooked = histogram.count > 0;
      keepLongest();
      const max = longest;
      longest = null;
      if (max === null) return null;
      return hasLooked ? { ...taken, max } : { p50: 0, p99: 0, max };
    },
  };
}
