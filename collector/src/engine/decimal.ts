// Exact decimal sums: adding in any order gives the same digits.
// Invariant: a Decimal is `[mantissa, scale]`, worth mantissa / 10^scale, never rounded.

/** The mantissa is a safe integer where it fits, else its decimal text. */
export type Decimal = readonly [mantissa: number | string, scale: number];

export const ZERO: Decimal = [0, 0];

/** Above this many digits a double's product with a power of ten may not be exact. */
const EXACT_LIMIT = 1e15;
const POWERS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6];

/** The decimal that JSON shows for a finite double (its shortest text that reads back the same). */
export function toDecimal(value: number): Decimal {
  for (let scale = 0; scale < POWERS.length; scale++) {
    const power = POWERS[scale] as number;
    const mantissa = Math.round(value * power);
    if (Math.abs(mantissa) >= EXACT_LIMIT) break;
    // With at most 15 digits the nearest double of mantissa / power is unique: no other decimal
    // of that length reads back as `value`.
    if (mantissa / power === value) return [mantissa === 0 ? 0 : mantissa, scale];
  }
  return parseExact(String(value));
}

function parseExact(text: string): Decimal {
  const [digits = '0', exponent = '0'] = text.split('e');
  const [whole = '0', fraction = ''] = digits.split('.');
  const scale = fraction.length - Number(exponent);
  const mantissa = BigInt(whole + fraction);
  return scale < 0 ? normal(mantissa * 10n ** BigInt(-scale), 0) : normal(mantissa, scale);
}

export function addDecimals(a: Decimal, b: Decimal): Decimal {
  const [x, s] = a;
  const [y, t] = b;
  if (s === t && typeof x === 'number' && typeof y === 'number') {
    const sum = x + y;
    if (Number.isSafeInteger(sum)) return [sum, s];
  }
  const scale = Math.max(s, t);
  return normal(scaleUp(x, scale - s) + scaleUp(y, scale - t), scale);
}

function scaleUp(mantissa: number | string, places: number): bigint {
  return places === 0 ? BigInt(mantissa) : BigInt(mantissa) * 10n ** BigInt(places);
}

/** The nearest double. */
export function fromDecimal([mantissa, scale]: Decimal): number {
  if (typeof mantissa === 'number' && Math.abs(mantissa) < EXACT_LIMIT && scale < POWERS.length)
    return mantissa / (POWERS[scale] as number);
  return Number(`${mantissa}e${-scale}`);
}

/** More digits than any double, or the middle between two of them, is told apart by. */
const QUOTIENT_DIGITS = 800;

/** The double nearest to a decimal divided by a positive whole number. */
export function fromQuotient([mantissa, scale]: Decimal, divisor: number): number {
  const below = (POWERS[scale] ?? Number.POSITIVE_INFINITY) * divisor;
  // Both are exact, and a division of doubles is rounded once.
  if (typeof mantissa === 'number' && Number.isSafeInteger(below)) return mantissa / below;
  const lifted = BigInt(mantissa) * 10n ** BigInt(QUOTIENT_DIGITS);
  const digits = lifted / BigInt(divisor);
  // What is left over decides where the digits alone lie in the middle of two doubles.
  const rest = lifted % BigInt(divisor) === 0n ? '0' : '1';
  return Number(`${digits}${rest}e-${scale + QUOTIENT_DIGITS + 1}`);
}

function normal(mantissa: bigint, scale: number): Decimal {
  let m = mantissa;
  let s = scale;
  while (s > 0 && m % 10n === 0n) {
    m /= 10n;
    s--;
  }
  const small = Number(m);
  return [Number.isSafeInteger(small) ? small : m.toString(), s];
}
