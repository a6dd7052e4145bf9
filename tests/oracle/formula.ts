// Formulas over computed traits, read and worked out in one go (contract section 6).
// Invariant: shares no code with the collector's parser; every part is a number or null.

/** What a formula reads; null for an input that is missing or no number. */
export type ReadInput = (key: string) => number | null;

const FUNCTIONS = ['min', 'max', 'round', 'coalesce'];
const TOKENS = /\[[^\]]+\]|[a-z][a-z0-9_]*|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[-+*/(),]/g;

/** The keys a formula reads, in order of appearance. */
export function inputsOf(expression: string): string[] {
  const keys: string[] = [];
  formula(expression, (key) => {
    keys.push(key);
    return 1;
  });
  return [...new Set(keys)];
}

/** The formula's value; a result of -0 is 0. */
export function formula(expression: string, read: ReadInput): number | null {
  const tokens = expression.match(TOKENS) ?? [];
  const take = (): string => tokens.shift() ?? '';

  function expect(sign: string): void {
    const token = take();
    if (token !== sign) throw new Error(`expected ${sign}, found ${token} in ${expression}`);
  }

  function sum(): number | null {
    let left = product();
    while (tokens[0] === '+' || tokens[0] === '-') left = operate(take(), left, product());
    return left;
  }

  function product(): number | null {
    let left = unary();
    while (tokens[0] === '*' || tokens[0] === '/') left = operate(take(), left, unary());
    return left;
  }

  function unary(): number | null {
    if (tokens[0] !== '-') return single();
    take();
    return operate('-', 0, unary());
  }

  function single(): number | null {
    const token = take();
    if (token === '(') {
      const inner = sum();
      expect(')');
      return inner;
    }
    if (/^\d/.test(token)) return Number(token);
    if (token.startsWith('[')) return read(token.slice(1, -1));
    if (!FUNCTIONS.includes(token)) return read(token);
    expect('(');
    const parts = [sum()];
    while (tokens[0] === ',') {
      take();
      parts.push(sum());
    }
    expect(')');
    return call(token, parts);
  }

  const value = sum();
  if (tokens.length > 0) throw new Error(`${tokens.join(' ')} is left over in ${expression}`);
  return value === 0 ? 0 : value;
}

function operate(sign: string, left: number | null, right: number | null): number | null {
  if (left === null || right === null) return null;
  if (sign === '/' && right === 0) return null;
  const value = { '+': left + right, '-': left - right, '*': left * right, '/': left / right }[sign];
  return value !== undefined && Number.isFinite(value) ? value : null;
}

function call(name: string, parts: (number | null)[]): number | null {
  const present = parts.filter((part) => part !== null);
  if (name === 'coalesce') return present[0] ?? null;
  if (present.length < parts.length) return null;
  if (name === 'min') return Math.min(...present);
  if (name === 'max') return Math.max(...present);
  const [value = 0] = present;
  // Half up: the whole number at most a half above.
  return value - Math.floor(value) < 0.5 ? Math.floor(value) : Math.ceil(value);
}
