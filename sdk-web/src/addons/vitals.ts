// Web Vitals of each page load, by the library of that name (web-vitals, Apache-2.0).
// Invariant: a measure is tracked when it is final: at the latest as the page is hidden.
import { type Metric, onCLS, onFCP, onINP, onLCP, onTTFB } from 'web-vitals';
import type { Plugin } from '../types.ts';

/** Tracks `Web Vital` with `name`, `value` (ms; CLS has no unit), `rating` and `navigationType`. */
export default function vitals(): Plugin {
  return {
    start(analytics) {
      let isOn = true;
      const report = ({ name, value, rating, navigationType }: Metric): void => {
        // The library cannot be told to stop.
        if (isOn) analytics.track('Web Vital', { name, value, rating, navigationType });
      };
      for (const watch of [onCLS, onFCP, onINP, onLCP, onTTFB]) watch(report);
      return () => {
        isOn = false;
      };
    },
  };
}
