// A value as it is at the call: plain JSON, whatever the host passed.
// Invariant: throws nothing but SnapshotFault; later changes of the host's objects change nothing.
import { MAX_NESTING } from '../../collector/src/wire/message.ts';

/** Deeper values are refused here; the collector refuses those above its own limit, with its own words. */
const MAX_DEPTH = 2 * MAX_NESTING;
/** With two JSON characters a value this is far over the collector's 32 KiB: shared parts may fan out. */
const MAX_VALUES = 100_000;

/** The value cannot be a message: too deep or too large, with the code it is reported under. */
export class SnapshotFault extends Error {
  override readonly name = 'SnapshotFault';
  readonly code: 'invalid_field' | 'message_too_large';
  constructor(code: SnapshotFault['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Dates become ISO text, BigInt its text, circular values `"[Circular]"`; what cannot be read (a getter that
 * throws) leaves its key out, as do functions, symbols and undefined.
 * @throws SnapshotFault when the value is too deep or too large
 */
export function snapshot(value: unknown): unknown {
  return copy(value, { above: [], values: 0 });
}

interface Walk {
  /** The objects around this value, outermost first. */
  above: object[];
  values: number;
}

function copy(value: unknown, walk: Walk): unknown {
  if (++walk.values > MAX_VALUES)
    throw new SnapshotFault('message_too_large', `more than ${MAX_VALUES} values`);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (walk.above.includes(value)) return '[Circular]';
  if (walk.above.length >= MAX_DEPTH)
    throw new SnapshotFault('invalid_field', `nested deeper than ${MAX_DEPTH} levels`);
  walk.above.push(value);
  try {
    return copyObject(value, walk);
  } finally {
    walk.above.pop();
  }
}

function copyObject(value: object, walk: Walk): unknown {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof String || value instanceof Number || value instanceof Boolean)
    return copy(value.valueOf(), walk);
  const toJson = methodOf(value, 'toJSON');
  if (!toJson) return copyFields(value, walk);
  const plain = toJson('');
  // As JSON.stringify does: what toJSON answers is not asked again.
  if (typeof plain !== 'object' || plain === null) return copy(plain, walk);
  return plain !== value && walk.above.includes(plain) ? '[Circular]' : copyFields(plain, walk);
}

function methodOf(value: object, name: string): ((key: string) => unknown) | undefined {
  try {
    const method: unknown = (value as Record<string, unknown>)[name]; // any object may be asked by key
    return typeof method === 'function' ? (key) => method.call(value, key) : undefined;
  } catch {
    return undefined;
  }
}

function copyFields(value: object, walk: Walk): unknown {
  // A hole or an unreadable item keeps its place: the others keep theirs.
  if (Array.isArray(value)) return Array.from(value, (_, i) => read(value, i, walk) ?? null);
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    if (key === '__proto__') continue; // the collector drops it too
    const item = read(value, key, walk);
    if (item !== undefined) result[key] = item;
  }
  return result;
}

function read(from: object, key: string | number, walk: Walk): unknown {
  try {
    return copy((from as Record<string | number, unknown>)[key], walk); // any object may be asked by key
  } catch (error) {
    if (error instanceof SnapshotFault) throw error;
    return undefined;
  }
}
