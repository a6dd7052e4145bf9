// JSON written straight into bytes: of a row that is mostly numbers and ids, JSON.stringify makes text, objects to make
// it of and garbage, which together take twice as long as writing it to the store.
// Invariant: byte for byte the UTF-8 of what JSON.stringify writes.

/** Grows from here where it is not told how much is coming. */
const DEFAULT_BYTES = 1024;
/** From here on a text is left to JSON.stringify, which looks at several characters at a time. */
const LONG_TEXT_CHARS = 200;
/** A whole number below has at most 15 digits, and each part of it is exact. */
const MAX_WHOLE = 1e15;
/** Digits of a small integer, which V8 computes with fastest: below 2^30. */
const PART = 1e8;
const PART_DIGITS = 8;

const encoder = new TextEncoder();

export class JsonBytes {
  readonly #pieceBytes: number;
  #bytes: Uint8Array;
  #from = 0;
  #to = 0;

  /** @param pieceBytes how many are expected, in all or in a piece of it */
  constructor(pieceBytes = DEFAULT_BYTES) {
    this.#pieceBytes = pieceBytes;
    this.#bytes = new Uint8Array(pieceBytes);
  }

  /** What was written since it was taken last. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(this.#from, this.#to);
    this.#from = this.#to;
    return taken;
  }

  /** Punctuation and names, as they are: ASCII only. */
  raw(ascii: string): void {
    this.#makeRoom(ascii.length);
    for (let i = 0; i < ascii.length; i++) this.#bytes[this.#to++] = ascii.charCodeAt(i);
  }

  number(n: number): void {
    const size = Math.abs(n);
    if (!Number.isInteger(n) || size >= MAX_WHOLE) {
      this.raw(Number.isFinite(n) ? `${n}` : 'null');
      return;
    }
    this.#makeRoom(2 * PART_DIGITS);
    if (n < 0) this.#bytes[this.#to++] = 45;
    this.#whole(size);
  }

  text(text: string): void {
    const { length } = text;
    if (length > LONG_TEXT_CHARS) {
      this.#stringified(text);
      return;
    }
    this.#makeRoom(length + 2);
    const bytes = this.#bytes;
    let at = this.#to;
    bytes[at++] = 34;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      // A control character, a quote, a backslash, or not ASCII.
      if (code < 32 || code === 34 || code === 92 || code > 126) {
        this.#stringified(text);
        return;
      }
      bytes[at++] = code;
    }
    bytes[at++] = 34;
    this.#to = at;
  }

  /** Plain data. Undefined, which JSON cannot say, is null as it is in a list. */
  value(value: unknown): void {
    if (typeof value === 'number') this.number(value);
    else if (typeof value === 'string') this.text(value);
    else if (Array.isArray(value)) this.list(value);
    else this.#stringified(value ?? null);
  }

  /** @param write how each of them is written; as plain data unless given */
  list<T>(values: readonly T[], write: (to: JsonBytes, value: T) => void = writeValue): void {
    this.raw('[');
    for (let i = 0; i < values.length; i++) {
      if (i > 0) this.raw(',');
      write(this, values[i] as T); // within its length
    }
    this.raw(']');
  }

  /** From 0 to `MAX_WHOLE`, with room for it. */
  #whole(n: number): void {
    if (n >= PART) {
      const high = Math.floor(n / PART);
      this.#whole(high);
      this.#digits(n - high * PART, PART_DIGITS);
      return;
    }
    let digits = 1;
    for (let end = 10; end <= n; end *= 10) digits++;
    this.#digits(n, digits);
  }

  #digits(n: number, digits: number): void {
    const bytes = this.#bytes;
    let rest = n | 0;
    let at = this.#to + digits;
    this.#to = at;
    for (let i = 0; i < digits; i++) {
      const tens = (rest / 10) | 0;
      bytes[--at] = 48 + rest - 10 * tens;
      rest = tens;
    }
  }

  #stringified(value: unknown): void {
    const json = JSON.stringify(value);
    // No character takes more than three bytes a code unit.
    this.#makeRoom(3 * json.length);
    this.#to += encoder.encodeInto(json, this.#bytes.subarray(this.#to)).written;
  }

  #makeRoom(more: number): void {
    if (this.#to + more <= this.#bytes.length) return;
    const begun = this.#bytes.subarray(this.#from, this.#to);
    // What was taken stays where it is.
    this.#bytes = new Uint8Array(Math.max(this.#pieceBytes, 2 * (begun.length + more)));
    this.#bytes.set(begun);
    this.#from = 0;
    this.#to = begun.length;
  }
}

const writeValue = (to: JsonBytes, value: unknown): void => to.value(value);
