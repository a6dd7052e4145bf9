// /metrics: every name is documented, well-formed, and says what happened.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createApp } from '../collector/src/app.ts';
import { createCore } from '../collector/src/ingest/create-core.ts';
import { watchLoop } from '../collector/src/main/loop-delay.ts';
import { ADMIN_KEY, basic, T0, type TestCollector, WEB_KEY, withCollector } from './collector.ts';

/** Samples by name and labels. */
async function samples(c: Pick<TestCollector, 'fetch'>): Promise<Map<string, number>> {
  return parsed((await c.fetch('/metrics')).text);
}
const parsed = (text: string): Map<string, number> =>
  new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const at = line.lastIndexOf(' ');
        return [line.slice(0, at), Number(line.slice(at + 1))];
      }),
  );

describe('metrics', () => {
  it('count what came, by what became of it', async () => {
    await withCollector(
      { file: true, config: { segments: { now: { where: { event: 'E', within: '1h' } } } } },
      async (c) => {
        const twice = { type: 'track', userId: 'a', event: 'E', messageId: 'm' };
        await c.send('web', [
          twice,
          { type: 'track', userId: 'b', event: 'E' },
          twice,
          { type: 'track', userId: 'a' },
          {},
          7,
        ]);
        await c.fetch('/v1/batch', {
          method: 'POST',
          body: '{"batch":[',
          headers: { authorization: basic(WEB_KEY) },
        });
        await c.fetch('/v1/batch', { method: 'POST', body: '{}' });
        c.advance(3_600_000 + 90_000);
        const found = await samples(c);
        const expected = {
          tidemark_messages_accepted_total: 2,
          tidemark_messages_duplicate_total: 1,
          tidemark_messages_rejected_total: 3,
          'tidemark_messages_rejected_by_code_total{code="missing_event"}': 1,
          'tidemark_messages_rejected_by_code_total{code="invalid_type"}': 2,
          'tidemark_requests_total{status="200"}': 1,
          'tidemark_requests_total{status="400"}': 1,
          'tidemark_requests_total{status="401"}': 1,
          tidemark_lane_depth: 0,
          tidemark_lane_messages: 0,
          tidemark_lane_bytes: 0,
          tidemark_reading_bytes: 0,
          tidemark_people_due: 2,
          tidemark_deadline_lag_seconds: 90,
          tidemark_commit_seconds_count: 1,
          'tidemark_commit_seconds_bucket{le="+Inf"}': 1,
          tidemark_writable: 1,
        };
        for (const [name, value] of Object.entries(expected))
          expect([name, found.get(name)]).toEqual([name, value]);
        expect(found.get('tidemark_wal_bytes')).toBeGreaterThan(0);
        await c.tick();
        expect((await samples(c)).get('tidemark_deadline_lag_seconds')).toBe(0);
      },
    );
  });

  it('have buckets that rise to their count', async () => {
    await withCollector({}, async (c) => {
      for (let i = 0; i < 5; i++) await c.send('web', [{ type: 'track', userId: 'a', event: 'E' }]);
      const found = [...(await samples(c))];
      const buckets = found
        .filter(([name]) => name.startsWith('tidemark_commit_seconds_bucket'))
        .map(([, n]) => n);
      expect(buckets.length).toBe(10);
      expect([...buckets].sort((a, b) => a - b)).toEqual(buckets);
      expect(buckets.at(-1)).toBe(5);
    });
  });

  it('are all documented, and nothing else is', async () => {
    const core = await createCore({ database: ':memory:', now: () => T0 });
    const loop = watchLoop();
    const gauges = { logBytes: () => 1, loopDelay: loop.take };
    const { fetch } = await createApp({ core, keys: { adminKey: ADMIN_KEY }, gauges });
    const text = await (await fetch(new Request('http://localhost/metrics'))).text();
    loop.stop();
    await core.close();
    const names = [...text.matchAll(/^# TYPE (\S+) (?:counter|gauge|histogram)$/gm)].map(([, name]) => name);
    const docs = readFileSync(new URL('../docs/self-hosting.md', import.meta.url), 'utf8');
    const documented = [...docs.matchAll(/^\| `((?:tidemark|process)_[a-z_]+)/gm)].map(([, name]) => name);
    expect(documented.sort()).toEqual(names.sort());
    expect(new Set(names).size).toBe(names.length);
    for (const quantile of ['0.5', '0.99', '1'])
      expect(
        parsed(text).get(`tidemark_event_loop_delay_seconds{quantile="${quantile}"}`),
      ).toBeGreaterThanOrEqual(0);
  });
});
