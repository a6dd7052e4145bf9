// Compares two JSON values and says where they differ.
// Invariant: the order of keys never matters, the order of lists always does.

/** Where two JSON values differ, field by field at the top; nothing when they are alike. */
export function differences(what: string, is: unknown, should: unknown): string[] {
  if (canonical(is) === canonical(should)) return [];
  if (isRecord(is) && isRecord(should)) {
    const keys = [...new Set([...Object.keys(is), ...Object.keys(should)])];
    return keys.flatMap((key) => differences(`${what} .${key}`, is[key], should[key]));
  }
  return [`${what}: is ${canonical(is)}, should be ${canonical(should)}`];
}

/** The value as text that is alike for alike values. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    isRecord(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
