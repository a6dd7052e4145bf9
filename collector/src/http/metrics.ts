// What /metrics says, in Prometheus' text format.
// Invariant: each name has its help and type once; labels are words of ours, never of a sender.
import type { Core } from '../ingest/core.ts';
import type { Spread } from '../ingest/spread.ts';

type Value = number | readonly (readonly [label: string, value: number])[] | Spread;
type Line = [name: string, type: 'counter' | 'gauge' | 'histogram', help: string, value: Value];

/** What the process around the collector knows of itself; absent where nobody measures it. */
export interface Gauges {
  /** Bytes of the write-ahead log. */
  logBytes?(): number;
  /** Delay of the event loop since last asked, seconds. */
  loopDelay?(): { p50: number; p99: number; max: number };
}

export interface Told {
  stats: ReturnType<Core['stats']>;
  /** Null: the database could not be asked. */
  overdue: Awaited<ReturnType<Core['overdue']>> | null;
  /** Requests answered, by status. */
  answered: ReadonlyMap<number, number>;
  /** Requests sent away, by code. */
  refused: ReadonlyMap<string, number>;
  /** Bytes of bodies being read. */
  reading: number;
  gauges: Gauges;
}

export function metricsText({ stats, overdue, answered, refused, reading, gauges }: Told): string {
  const { user, system } = process.cpuUsage();
  const loop = gauges.loopDelay?.();
  const lines: Line[] = [
    ['tidemark_messages_accepted_total', 'counter', 'Messages stored since the start', stats.accepted],
    ['tidemark_messages_duplicate_total', 'counter', 'Repeats answered since the start', stats.duplicates],
    ['tidemark_messages_rejected_total', 'counter', 'Messages rejected since the start', stats.rejected],
    [
      'tidemark_messages_rejected_by_code_total',
      'counter',
      'The same by the reason',
      labels('code', stats.rejectedByCode),
    ],
    [
      'tidemark_rejected_dropped_total',
      'counter',
      'Rejected messages pushed out of the list by its caps',
      stats.rejectedDropped,
    ],
    [
      'tidemark_messages_expired_total',
      'counter',
      'Messages let go of because they are kept no longer, since the start',
      stats.expired,
    ],
    ['tidemark_requests_total', 'counter', 'Requests answered since the start', labels('status', answered)],
    [
      'tidemark_requests_refused_total',
      'counter',
      'Requests answered 429: overloaded, rate_limited',
      labels('code', refused),
    ],
    ['tidemark_lane_depth', 'gauge', 'Requests and tasks waiting for the writer', stats.laneDepth],
    ['tidemark_lane_messages', 'gauge', 'Messages waiting for the writer', stats.waiting.messages],
    ['tidemark_lane_bytes', 'gauge', 'Bytes of their JSON', stats.waiting.bytes],
    ['tidemark_reading_bytes', 'gauge', 'Bytes of request bodies being read', reading],
    ['tidemark_commit_seconds', 'histogram', 'What storing a group of messages took', stats.commits],
    ...(overdue ? linesOf(overdue) : []),
    ['tidemark_writable', 'gauge', '1 if the last commit succeeded', stats.writable ? 1 : 0],
    ['tidemark_damaged', 'gauge', '1 if the database is damaged or gone', stats.damaged ? 1 : 0],
    ...(gauges.logBytes
      ? [['tidemark_wal_bytes', 'gauge', 'Size of the write-ahead log', gauges.logBytes()] satisfies Line]
      : []),
    ...(loop
      ? [
          [
            'tidemark_event_loop_delay_seconds',
            'gauge',
            'Delay of the event loop since it was last asked for',
            [
              ['{quantile="0.5"}', loop.p50],
              ['{quantile="0.99"}', loop.p99],
              ['{quantile="1"}', loop.max],
            ],
          ] satisfies Line,
        ]
      : []),
    ['process_resident_memory_bytes', 'gauge', 'Resident memory', process.memoryUsage.rss()],
    ['process_cpu_seconds_total', 'counter', 'CPU time', (user + system) / 1e6],
  ];
  return lines
    .map(
      ([name, type, help, value]) =>
        `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${samples(name, value)}`,
    )
    .join('');
}

const linesOf = ({ people, lagMs }: NonNullable<Told['overdue']>): Line[] => [
  ['tidemark_people_due', 'gauge', 'People whose changes by time are not written down yet', people],
  [
    'tidemark_deadline_lag_seconds',
    'gauge',
    'How long the earliest of these changes has been due',
    lagMs / 1_000,
  ],
];

function labels(name: string, counts: ReadonlyMap<string | number, number>): [string, number][] {
  return [...counts].map(([label, count]) => [`{${name}="${label}"}`, count]);
}

function samples(name: string, value: Value): string {
  if (typeof value === 'number') return `${name} ${value}\n`;
  if (!('bounds' in value)) return value.map(([label, count]) => `${name}${label} ${count}\n`).join('');
  let upTo = 0;
  const buckets = value.bounds.map((bound, i) => {
    upTo += value.counts[i] ?? 0;
    return `${name}_bucket{le="${bound}"} ${upTo}\n`;
  });
  const { count, sum } = value;
  return `${buckets.join('')}${name}_bucket{le="+Inf"} ${count}\n${name}_sum ${sum}\n${name}_count ${count}\n`;
}
