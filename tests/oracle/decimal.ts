// Exact decimal sums for the reference model, with whole numbers only.
// Invariant: no floating addition happens here; a double enters and leaves by its shortest decimal text.

/** `digits` / 10^`scale`. */
export interface Decimal {
  digits: bigint;
  scale: number;
}

export const ZERO: Decimal = { digits: 0n, scale: 0 };

/** Reads the shortest decimal text of a finite double. */
export function decimalOf(value: number): Decimal {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value));
  if (!match) throw new Error(`no finite number: ${value}`);
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const digits = BigInt(sign + whole + fraction);
  const scale = fraction.length - Number(exponent);
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 };
}

export function add(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  const lift = (d: Decimal) => d.digits * 10n ** BigInt(scale - d.scale);
  return { digits: lift(a) + lift(b), scale };
}

/** The double nearest to an exact value shared by `count`, by hand: more digits than a double has, then its text. */
export function share({ digits, scale }: Decimal, count: number): number {
  let rest = digits < 0n ? -digits : digits;
  let text = String(rest / BigInt(count));
  rest %= BigInt(count);
  for (let place = 0; place < 60 + scale && rest > 0n; place++) {
    if (place === 0) text += '.';
    rest *= 10n;
    text += String(rest / BigInt(count));
    rest %= BigInt(count);
  }
  return Number(`${digits < 0n ? '-' : ''}${text}e-${scale}`);
}

/** The double nearest to the exact value. */
export function toNumber(value: Decimal): number {
  return Number(`${value.digits}e-${value.scale}`);
}
