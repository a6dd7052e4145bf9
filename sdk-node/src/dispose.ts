// The name under which `await using` looks for a way to close.
// Invariant: the runtime's own symbol where it has one, else the one that compilers agree on.

export const disposeSymbol = (symbols: { readonly asyncDispose?: symbol }): symbol =>
  symbols.asyncDispose ?? Symbol.for('Symbol.asyncDispose');
