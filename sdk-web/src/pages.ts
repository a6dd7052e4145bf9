// Page views of single-page applications: one at the start, one at each change of path.
// Invariant: one wrapper a page, whoever comes second; removing it leaves history as it was.

const MARK = '__tidemark_pages';

/** Calls `view` now and whenever the path changes. The answer removes everything. */
export function watchPages(view: () => void): () => void {
  // One page view is one, also with two copies of the SDK on the page.
  const page = window as unknown as Record<string, unknown>;
  if (page[MARK]) return () => {};
  page[MARK] = true;
  let last = location.pathname;
  const check = (): void => {
    // After the router has set the title, and where it led to in the end.
    setTimeout(() => {
      if (location.pathname === last || !page[MARK]) return;
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
      delete (history as Partial<History>)[name];
      // It was another's, not the browser's own.
      if (history[name] !== original) history[name] = original;
    };
  });
  addEventListener('popstate', check);
  view();
  return () => {
    for (const restore of undo) restore();
    removeEventListener('popstate', check);
    delete page[MARK];
  };
}
