// The version `tidemark --version` says. The build puts the package's in; from source it is `dev`.
// Invariant: reading it never throws, defined or not.
declare const __TIDEMARK_VERSION__: string;

export const VERSION = typeof __TIDEMARK_VERSION__ === 'undefined' ? 'dev' : __TIDEMARK_VERSION__;
