// Errors that nobody caught.
// Invariant: each once a page, and at most so many; watching them changes nothing about them.
import type { Plugin } from '../types.ts';

/** Errors of one page: a loop that fails must not fill the queue. */
const MAX_ERRORS = 10;
/** Characters kept of a stack. */
const MAX_STACK = 2_000;

/** Tracks `Error` with `message`, `name`, `stack`, and where it happened. */
export default function errors(): Plugin {
  return {
    start(analytics) {
      const seen = new Set<string>();
      function report(error: unknown, message: string, where: object): void {
        const { name, stack } = error instanceof Error ? error : { name: undefined, stack: undefined };
        if (seen.size >= MAX_ERRORS || seen.has(message)) return;
        seen.add(message);
        analytics.track('Error', { message, name, stack: stack?.slice(0, MAX_STACK), ...where });
      }
      const fail = ({ error, message, filename, lineno, colno }: ErrorEvent): void =>
        report(error, message, { source: filename, line: lineno, column: colno });
      const reject = ({ reason }: PromiseRejectionEvent): void =>
        report(reason, reason instanceof Error ? reason.message : String(reason), { unhandled: true });
      addEventListener('error', fail);
      addEventListener('unhandledrejection', reject);
      return () => {
        removeEventListener('error', fail);
        removeEventListener('unhandledrejection', reject);
      };
    },
  };
}
