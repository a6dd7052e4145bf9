// Page views of single-page applications: one at the start, one at each change of path.
// Invariant: one watcher a page at a time, whoever comes second waits for its turn; removing the last leaves
// history as it was.

const MARK = '__tidemark_pages';

/**
 * Calls `view` now and whenever the path changes; where another client does so already, from that one's end
 * on. The answer removes everything.
 */
export function watchPages(view: () => void): () => void {
  let stop: (() => void) | undefined;
  const start = (): void => {
    stop = watch(view);
  };
  // One page view is one, also with two copies of the SDK on the page: all of them know this list, under a name
  // that `Window` does not.
  const page = window as unknown as Record<string, (() => void)[] | undefined>;
  page[MARK] ??= [];
  const turns = page[MARK];
  if (turns.push(start) < 2) {
    start();
    view();
  }
  return () => {
    turns.splice(turns.indexOf(start), 1);
    if (!stop) return;
    stop();
    if (turns[0]) turns[0]();
    else delete page[MARK];
  };
}

function watch(view: () => void): () => void {
  let last: string | undefined = location.pathname;
  const check = (): void => {
    // After the router has set the title, and where it led to in the end.
    setTimeout(() => {
      if (location.pathname === last || !last) return;
      last = location.pathname;
      view();
    });
  };
  const undo = (['pushState', 'replaceState'] as const).map((name) => {
    const original = history[name];
    const wrapped: typeof original = function (this: History, ...args) {
      original.apply(this, args);
      check();
    };
    history[name] = wrapped;
    return () => {
      // Somebody's wrapper around ours stays, and ours goes quiet.
      if (history[name] !== wrapped) return;
      delete (history as Partial<History>)[name]; // ours, which hides the prototype's
      // It was another's, not the browser's own.
      if (history[name] !== original) history[name] = original;
    };
  });
  addEventListener('popstate', check);
  return () => {
    for (const restore of undo) restore();
    removeEventListener('popstate', check);
    last = undefined;
  };
}
