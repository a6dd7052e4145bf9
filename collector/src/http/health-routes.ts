// Health and metrics: no key, and nothing about anybody.
// Invariant: /healthz answers while the process lives; /readyz says whether messages can be stored.
import type { Hono } from 'hono';
import type { HttpParts } from './parts.ts';

/** What an operator can do about a damaged database. */
const WAY_OUT =
  'The database is damaged: stop the collector and put a backup in its place with `tidemark restore BACKUP`';

export function addHealthRoutes(app: Hono, { core }: HttpParts): void {
  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  app.get('/readyz', (c) => {
    const { writable, damaged } = core.stats();
    if (damaged) return c.json({ status: 'damaged', message: WAY_OUT }, 503);
    return c.json({ status: writable ? 'ready' : 'not_writable' }, writable ? 200 : 503);
  });
  app.get('/metrics', async () => {
    return new Response(metricsText(core.stats(), await core.overdue()), {
      headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
    });
  });
}

function metricsText(stats: ReturnType<HttpParts['core']['stats']>, overdue: number): string {
  const lines: [name: string, type: 'counter' | 'gauge', help: string, value: number][] = [
    ['tidemark_messages_accepted_total', 'counter', 'Messages stored since the start', stats.accepted],
    ['tidemark_messages_duplicate_total', 'counter', 'Repeats answered since the start', stats.duplicates],
    ['tidemark_messages_rejected_total', 'counter', 'Messages rejected since the start', stats.rejected],
    [
      'tidemark_rejected_dropped_total',
      'counter',
      'Rejected messages pushed out of the list by its caps',
      stats.rejectedDropped,
    ],
    ['tidemark_lane_depth', 'gauge', 'Requests and tasks waiting for the writer', stats.laneDepth],
    ['tidemark_people_due', 'gauge', 'People whose changes by time are not written down yet', overdue],
    ['tidemark_writable', 'gauge', '1 if the last commit succeeded', stats.writable ? 1 : 0],
    ['process_resident_memory_bytes', 'gauge', 'Resident memory', process.memoryUsage.rss()],
    [
      'process_cpu_seconds_total',
      'counter',
      'CPU time',
      process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6,
    ],
  ];
  return lines
    .map(([name, type, help, value]) => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`)
    .join('');
}
