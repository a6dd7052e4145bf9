// JSON as hostile clients write it: also numbers and objects that no JavaScript value stands for.
// Invariant: without a Raw in it the text is what JSON.stringify writes.

/** Goes into the text as it is: `1e400`, `-0`, `{"a":1,"a":2}`. */
export class Raw {
  constructor(readonly text: string) {}
}

/** What a request may hold: JSON, and Raw anywhere in it. */
export type Drawable = string | number | boolean | null | Raw | Drawable[] | { [key: string]: Drawable };

export function jsonText(value: Drawable): string {
  if (value instanceof Raw) return value.text;
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .map(([key, member]) => `${JSON.stringify(key)}:${jsonText(member)}`)
      .join(',')}}`;
  return JSON.stringify(value);
}

export const isRecord = (value: Drawable): value is { [key: string]: Drawable } =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Raw);
