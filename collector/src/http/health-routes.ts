// Health and metrics: no key, and nothing about anybody.
// Invariant: /healthz answers while the process lives; /readyz says whether messages can be stored.
import type { Hono } from 'hono';
import { metricsText } from './metrics.ts';
import type { HttpParts } from './parts.ts';

/** What an operator can do about a damaged database. */
const WAY_OUT =
  'The database is damaged, or its file was moved or replaced (the log says which): stop the collector and put ' +
  'the file back, or a backup in its place with `tidemark restore BACKUP`';

export function addHealthRoutes(app: Hono, { core, gauges, room, traffic }: HttpParts): void {
  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  app.get('/readyz', (c) => {
    const { writable, damaged } = core.stats();
    if (damaged) return c.json({ status: 'damaged', message: WAY_OUT }, 503);
    return c.json({ status: writable ? 'ready' : 'not_writable' }, writable ? 200 : 503);
  });
  app.get('/metrics', async () => {
    const { answered, refused } = traffic;
    // Where the database is damaged its figures are left out: the others are wanted all the more.
    const overdue = await core.overdue().catch((error: unknown) => {
      if (!core.stats().damaged) throw error;
      return null;
    });
    const told = { stats: core.stats(), overdue, answered, refused };
    return new Response(metricsText({ ...told, reading: room.taken(), gauges }), {
      headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
    });
  });
}
