// Formulas over computed traits: a small parser with errors that say where and how to mend.
// Invariant: a parsed formula evaluates without throwing; `keys` are all the traits it reads.

export type Expression =
  | { number: number }
  | { key: string }
  | { negate: Expression }
  | { op: '+' | '-' | '*' | '/'; left: Expression; right: Expression }
  | { call: FormulaFunction; args: Expression[] };

export const FORMULA_FUNCTIONS = ['min', 'max', 'round', 'coalesce'] as const;
export type FormulaFunction = (typeof FORMULA_FUNCTIONS)[number];

export type ParsedFormula =
  | { ok: true; expression: Expression; keys: string[] }
  | { ok: false; message: string };

/** Deepest nesting of brackets, calls and signs: far more than anyone can read. */
const MAX_DEPTH = 50;

interface Token {
  kind: 'number' | 'key' | 'word' | 'sign' | 'end';
  text: string;
  /** Character it begins at, from 1. */
  at: number;
}

const TOKEN =
  /\s*(?:(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([a-z][a-z0-9_]*)|\[([^\]]*)\]|([-+*/(),]))/y;
const KEY = /^[a-z0-9][a-z0-9_.-]{0,63}$/;

class FormulaFault extends Error {
  override readonly name = 'FormulaFault';
}

const fault = (at: number, what: string): FormulaFault => new FormulaFault(`${what} (at character ${at})`);

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  const end = text.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) {
      const at = from + (text.slice(from).search(/\S/) + 1);
      const sign = text[at - 1] as string;
      throw fault(
        at,
        sign === '['
          ? 'this "[" is not closed'
          : `"${sign}" is not part of a formula: use + - * / ( ), numbers, keys and ${FORMULA_FUNCTIONS.join(', ')}; ` +
              'write other keys in brackets, [like.this]',
      );
    }
    const [all, number, word, key, sign] = match;
    const at = from + all.length - all.trimStart().length + 1;
    if (number !== undefined) tokens.push({ kind: 'number', text: number, at });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word, at });
    else if (key !== undefined) {
      if (!KEY.test(key))
        throw fault(at, `[${key}] is no key: a-z, 0-9, then also _ . -, at most 64 characters`);
      tokens.push({ kind: 'key', text: key, at });
    } else tokens.push({ kind: 'sign', text: sign as string, at });
  }
  tokens.push({ kind: 'end', text: '', at: end + 1 });
  return tokens;
}

/** Parses `+ - * / ( )`, numbers, keys, `min max round coalesce`; never throws. */
export function parseFormula(text: string): ParsedFormula {
  try {
    const parser = createParser(tokensOf(text));
    const expression = parser.whole();
    return { ok: true, expression, keys: [...parser.keys] };
  } catch (error) {
    if (error instanceof FormulaFault) return { ok: false, message: error.message };
    throw error;
  }
}

function createParser(tokens: readonly Token[]) {
  const keys = new Set<string>();
  let place = 0;
  let depth = 0;
  const peek = (): Token => tokens[place] as Token; // the last token is `end`, never passed
  const isSign = (...signs: string[]): boolean => peek().kind === 'sign' && signs.includes(peek().text);
  const isCall = (token: Token): boolean => token.kind === 'sign' && token.text === '(';

  function expected(what: string): FormulaFault {
    const { kind, text, at } = peek();
    return fault(at, `expected ${what}, found ${kind === 'end' ? 'the end' : `"${text}"`}`);
  }

  function nested<T>(parse: () => T): T {
    if (++depth > MAX_DEPTH) throw fault(peek().at, `nested more than ${MAX_DEPTH} levels deep`);
    const result = parse();
    depth--;
    return result;
  }

  function sum(): Expression {
    let left = product();
    while (isSign('+', '-')) {
      const op = tokens[place++]?.text as '+' | '-'; // just looked at
      left = { op, left, right: product() };
    }
    return left;
  }

  function product(): Expression {
    let left = signed();
    while (isSign('*', '/')) {
      const op = tokens[place++]?.text as '*' | '/'; // just looked at
      left = { op, left, right: signed() };
    }
    return left;
  }

  function signed(): Expression {
    if (isSign('-')) {
      place++;
      return { negate: nested(signed) };
    }
    if (isSign('+')) {
      place++;
      return nested(signed);
    }
    return single();
  }

  function single(): Expression {
    const token = peek();
    if (token.kind === 'number') {
      place++;
      const number = Number(token.text);
      if (!Number.isFinite(number)) throw fault(token.at, `${token.text} is too large a number`);
      return { number };
    }
    if (token.kind === 'key') {
      place++;
      keys.add(token.text);
      return { key: token.text };
    }
    if (token.kind === 'word') return named(token);
    if (!isSign('(')) throw expected('a number, a key or "("');
    place++;
    const inner = nested(sum);
    if (!isSign(')')) throw expected('")"');
    place++;
    return inner;
  }

  function named(token: Token): Expression {
    place++;
    const name = FORMULA_FUNCTIONS.find((known) => known === token.text);
    if (name === undefined) {
      if (isCall(peek()))
        throw fault(token.at, `there is no function "${token.text}": use ${FORMULA_FUNCTIONS.join(', ')}`);
      keys.add(token.text);
      return { key: token.text };
    }
    if (!isCall(peek()))
      throw fault(token.at, `${name} is a function and needs "("; a trait of that name is written [${name}]`);
    place++;
    const args = [nested(sum)];
    while (isSign(',')) {
      place++;
      args.push(nested(sum));
    }
    if (!isSign(')')) throw expected('"," or ")"');
    place++;
    if (name === 'round' && args.length !== 1)
      throw fault(token.at, 'round takes one value; for two decimals write round(x * 100) / 100');
    return { call: name, args };
  }

  return {
    keys,
    whole(): Expression {
      if (peek().kind === 'end') throw fault(1, 'the formula is empty');
      const expression = sum();
      if (peek().kind !== 'end') throw expected('an operator or the end');
      return expression;
    },
  };
}

/**
 * The formula's value: null where an input is missing (only `coalesce` passes over those), on division by
 * zero and past the range of numbers. `round` is half up, as `Math.round`: -2.5 gives -2.
 */
export function evaluateFormula(expression: Expression, read: (key: string) => number | null): number | null {
  const value = evaluate(expression, read);
  // Never minus zero: it reads as 0 everywhere else.
  return value === null || !Number.isFinite(value) ? null : value + 0;
}

function evaluate(expression: Expression, read: (key: string) => number | null): number | null {
  if ('number' in expression) return expression.number;
  if ('key' in expression) return read(expression.key);
  if ('negate' in expression) {
    const value = evaluate(expression.negate, read);
    return value === null ? null : -value;
  }
  if ('call' in expression)
    return call(
      expression.call,
      expression.args.map((arg) => evaluate(arg, read)),
    );
  const left = evaluate(expression.left, read);
  const right = evaluate(expression.right, read);
  if (left === null || right === null) return null;
  return finite(arithmetic(expression.op, left, right));
}

function arithmetic(op: '+' | '-' | '*' | '/', left: number, right: number): number {
  switch (op) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
  }
}

/** Division by zero and overflow count as missing at once, so that `coalesce` can stand in for them. */
const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

function call(name: FormulaFunction, args: (number | null)[]): number | null {
  if (name === 'coalesce') return args.find((arg) => arg !== null) ?? null;
  const numbers = args.filter((arg) => arg !== null);
  if (numbers.length < args.length) return null;
  if (name === 'round') return Math.round(numbers[0] as number); // the parser saw exactly one
  return name === 'min' ? Math.min(...numbers) : Math.max(...numbers);
}
