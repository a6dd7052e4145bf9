// Errors that nobody caught.
// Invariant: each once a page, and at most so many; watching them changes nothing about them.
import { attempt } from '../attempt.ts';
import type { Plugin } from '../types.ts';

/** Errors of one page: a loop that fails must not fill the queue. */
const MAX_ERRORS = 10;
/** Characters kept of a stack. */
const MAX_STACK = 2_000;

// Anything can be thrown: getters that throw, objects without a prototype, messages that are no texts.
const wordsOf = (error: unknown): { name?: string; stack?: string } =>
  error instanceof Error ? { name: `${error.name}`, stack: `${error.stack ?? ''}`.slice(0, MAX_STACK) } : {};
const messageOf = (reason: unknown): string => String(reason instanceof Error ? reason.message : reason);

/** Tracks `Error` with `message`, `name`, `stack`, and where it happened. */
export default function errors(): Plugin {
  return {
    start(analytics) {
      const seen = new Set<string>();
      function report(error: unknown, message: string, where: object): void {
        const { name, stack } = attempt(() => wordsOf(error)) ?? {};
        if (seen.size >= MAX_ERRORS || seen.has(message)) return;
        seen.add(message);
        analytics.track('Error', { message, name, stack, ...where });
      }
      const fail = ({ error, message, filename, lineno, colno }: ErrorEvent): void =>
        report(error, message, { source: filename, line: lineno, column: colno });
      const reject = ({ reason }: PromiseRejectionEvent): void =>
        report(reason, attempt(() => messageOf(reason)) ?? typeof reason, { unhandled: true });
      addEventListener('error', fail);
      addEventListener('unhandledrejection', reject);
      return () => {
        removeEventListener('error', fail);
        removeEventListener('unhandledrejection', reject);
      };
    },
  };
}
