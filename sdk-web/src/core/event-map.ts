// The typed event map both SDKs share: names of your events, and what each one says.
// Invariant: types only; without a map every name and every property is allowed.

/** Your events: `{ 'Order Completed': { revenue: number } }`. */
export type EventProperties = Record<string, object>;

/** Names that `track` takes. */
export type EventName<E extends EventProperties> = keyof E & string;
