// A message as it is at the call: plain JSON, whatever the host passed.
// Invariant: never throws; later changes of the host's objects change nothing.

/** Deeper values are cut off: the collector takes 100 levels, and the stack must hold. */
const MAX_DEPTH = 200;

/** Dates become ISO text, BigInt its text, circular values "[Circular]"; a throwing getter leaves its key out. */
export function snapshot(value: unknown): unknown {
  return copy(value, []);
}

function copy(value: unknown, above: object[]): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (above.includes(value)) return '[Circular]';
  if (above.length > MAX_DEPTH) return null;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  const path = [...above, value];
  const plain = jsonOf(value);
  if (plain !== value) return copy(plain, path);
  if (Array.isArray(value)) return value.map((item) => copy(item, path) ?? null);
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const item = read(value as Record<string, unknown>, key); // a plain object by now
    const copied = copy(item, path);
    if (copied !== undefined) result[key] = copied;
  }
  return result;
}

/** What the value's own toJSON makes of it, if it has one. */
function jsonOf(value: object): unknown {
  try {
    const { toJSON } = value as { toJSON?: unknown };
    return typeof toJSON === 'function' ? toJSON.call(value, '') : value;
  } catch {
    return undefined;
  }
}

function read(value: Record<string, unknown>, key: string): unknown {
  try {
    return value[key];
  } catch {
    return undefined;
  }
}
