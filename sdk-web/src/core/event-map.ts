// The typed event map both SDKs share: names of your events, and what each one says.
// Invariant: types only; without a map every name and every property is allowed.

/** Your events, as an interface or a type: `{ 'Order Completed': { revenue: number } }`. */
export type EventProperties = object;

/** What follows an event's name: its properties, which may be left out where none is required. */
export type EventArguments<P, O> =
  Partial<P> extends P ? [properties?: P, options?: O] : [properties: P, options?: O];

/** Names that `track` takes. */
export type EventName<E extends EventProperties> = keyof E & string;
