// Moves a collector's file into a new one through an export, and compares what both show.
// Invariant: the lines go through JSON text, as in a file.
import { createCore } from '../../collector/src/ingest/create-core.ts';
import { openCollector } from '../../collector/src/main/collector.ts';
import { type LinesOutcome, takeLines } from '../../collector/src/main/take-lines.ts';
import type { JsonObject, JsonValue } from '../../collector/src/wire/message.ts';
import { createAgentReader } from '../../collector/src/wire/user-agent.ts';
import { ADMIN_KEY, type ApiProfile, type TestCollector } from '../collector.ts';
import { canonical, differences } from './differences.ts';

/** Lines taken in one go: fewer than a real import's, so that batches end anywhere. */
const BATCH_LINES = 7;

/** Furthest a script's clock may stand behind the collector's, in milliseconds. */
const MAX_BEHIND_MS = 60_000;

export async function exported({
  database = '',
  clock,
}: Pick<TestCollector, 'database' | 'clock'>): Promise<JsonObject[]> {
  const core = await createCore({ database, now: () => clock.now, readOnly: true });
  const lines: JsonObject[] = [];
  for await (const line of core.transfer({ since: null, onlyMessages: false }))
    lines.push(JSON.parse(JSON.stringify(line)) as JsonObject);
  await core.close();
  return lines;
}

export interface Moved {
  outcome: LinesOutcome;
  fetch(path: string): Promise<JsonValue>;
  take(lines: readonly JsonObject[]): Promise<LinesOutcome>;
  differences(): Promise<unknown[]>;
  close(): Promise<void>;
}

/** A collector in memory that the lines were imported into. */
export async function imported(
  lines: readonly JsonObject[],
  now: () => number,
  timezone: string,
): Promise<Moved> {
  const [header] = lines;
  const inner = await openCollector({
    database: ':memory:',
    adminKey: ADMIN_KEY,
    now,
    timezone,
    ...(typeof header?.idKey === 'string' ? { idKey: header.idKey } : {}),
  });
  const readAgent = createAgentReader();
  const take = async (some: readonly JsonObject[]): Promise<LinesOutcome> => {
    const total: LinesOutcome = { accepted: 0, duplicates: 0, taken: 0, known: 0, rejected: [], notes: [] };
    for (let at = 0; at < some.length; at += BATCH_LINES) {
      const done = await takeLines(inner.core, some.slice(at, at + BATCH_LINES), readAgent);
      for (const key of ['accepted', 'duplicates', 'taken', 'known'] as const) total[key] += done[key];
      total.rejected.push(...done.rejected.map((row) => ({ ...row, index: row.index + at })));
      total.notes.push(...done.notes);
    }
    return total;
  };
  const outcome = await take(lines);
  return {
    outcome,
    take,
    async fetch(path) {
      const headers = { authorization: `Bearer ${ADMIN_KEY}` };
      const answer = await inner.fetch(new Request(`http://localhost${path}`, { headers }));
      return (await answer.json()) as JsonValue;
    },
    differences: async () => (await inner.core.verify({})).differences,
    close: () => inner.close(),
  };
}

type Read = (path: string) => Promise<JsonValue>;

/** All that does not depend on when it was observed, by profile id and segment. */
export async function everything(read: Read): Promise<Record<string, JsonValue>> {
  const seen: Record<string, JsonValue> = {};
  for (const kind of ['traits', 'segments', 'surveys']) seen[kind] = await read(`/api/${kind}`);
  for (const row of await all(read, '/api/profiles')) {
    const path = `/api/profiles/${row.id}`;
    const profile = (await read(path)) as unknown as ApiProfile;
    const segments = profile.segments.map(({ key }) => key).sort();
    const anonymousIds = [...profile.anonymousIds].sort();
    seen[path] = { ...profile, anonymousIds, segments } as unknown as JsonValue;
    seen[`${path}/events`] = await all(read, `${path}/events`);
    // Old ids and devices find the same person.
    for (const id of [
      profile.userId && `user:${profile.userId}`,
      ...anonymousIds.map((device) => `anon:${device}`),
    ])
      if (id) seen[id] = ((await read(`/api/profiles/${encodeURIComponent(id)}`)) as JsonObject).id ?? null;
    for (const { id } of profile.groups)
      seen[`group ${id}`] = await read(`/api/groups/${encodeURIComponent(id)}`);
  }
  for (const { key } of seen.segments ? await all(read, '/api/segments') : [])
    seen[`members of ${key}`] = (await all(read, `/api/segments/${key}/profiles`))
      .map(({ id }) => id ?? null)
      .sort();
  for (const { key } of await all(read, '/api/surveys'))
    seen[`responses to ${key}`] = sorted(await all(read, `/api/surveys/${key}/responses`));
  return seen;
}

/** The same person may have two of one name: under their user id and under a device. */
const sorted = (rows: JsonObject[]): JsonObject[] =>
  rows
    .map((row) => canonical(row))
    .sort()
    .map((text) => JSON.parse(text));

async function all(read: Read, path: string): Promise<JsonObject[]> {
  const rows: JsonObject[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const page = (await read(
      `${path}?limit=1000${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
    )) as JsonObject;
    rows.push(...((page.data ?? []) as JsonObject[]));
    cursor = (page.next as string | null | undefined) ?? null;
  }
  return rows;
}

/** What differs between a collector and a new one made of its export. */
export async function faultsOfMove(collector: TestCollector, timezone: string): Promise<string[]> {
  // Past wherever the script has put the clock back from: both stand at one instant.
  collector.advance(MAX_BEHIND_MS);
  await collector.tick();
  const lines = await exported(collector);
  const moved = await imported(lines, () => collector.clock.now, timezone);
  try {
    const { outcome } = moved;
    const messages = lines.filter(({ type }) => !String(type).startsWith('tidemark.')).length;
    const faults = differences(
      'outcome',
      { ...outcome },
      {
        accepted: messages,
        duplicates: 0,
        taken: lines.length - messages,
        known: 0,
        rejected: [],
        notes: [],
      },
    );
    const should = await everything(async (path) => (await collector.api('GET', path)).json);
    const is = await everything((path) => moved.fetch(path));
    for (const key of new Set([...Object.keys(should), ...Object.keys(is)]))
      faults.push(...differences(key, is[key], should[key]));
    faults.push(...(await moved.differences()).map((one) => `verify: ${JSON.stringify(one)}`));
    // Again changes nothing.
    const again = await moved.take(lines);
    if (again.accepted > 0 || again.rejected.length > 0 || again.duplicates !== messages)
      faults.push(`taken again: ${JSON.stringify(again)}`);
    const after = await everything((path) => moved.fetch(path));
    for (const key of Object.keys(is)) faults.push(...differences(`again ${key}`, after[key], is[key]));
    return faults;
  } finally {
    await moved.close();
  }
}
