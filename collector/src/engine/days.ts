// Which day an instant falls on, in a time zone.
// Invariant: a pure function of the instant and the zone's rules; UTC costs one division.

const DAY_MS = 86_400_000;
/** Zones change their offset on quarters of an hour, so that a day found once holds for all of one. */
const QUARTER_MS = 900_000;
const MAX_CACHED = 10_000;

/** Days since 1970-01-01 of the local date at `time` (epoch ms) in an IANA time zone. */
export function dayIn(zone: string): (time: number) => number {
  if (zone === 'UTC') return (time) => Math.floor(time / DAY_MS);
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  const dayAt = (time: number): number => {
    // In the order of en-US, all three asked for above.
    const [month, day, year] = format.format(time).split('/').map(Number) as [number, number, number];
    return Date.UTC(year, month - 1, day) / DAY_MS;
  };
  const quarters = new Map<number, number>();
  return (time) => {
    const quarter = Math.floor(time / QUARTER_MS);
    const known = quarters.get(quarter);
    if (known !== undefined) return known;
    const start = dayAt(quarter * QUARTER_MS);
    if (start !== dayAt(quarter * QUARTER_MS + QUARTER_MS - 1)) return dayAt(time);
    if (quarters.size >= MAX_CACHED) quarters.clear();
    quarters.set(quarter, start);
    return start;
  };
}
