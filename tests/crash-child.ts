// The process that the crash test kills: plays random scripts on a core and stops dead at a commit.
// Invariant: the clock it has reached is on disk before anything is done at it.
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createCoreOn } from '../collector/src/ingest/create-core.ts';
import { openSqlite } from '../collector/src/storage/sqlite/open.ts';
import { parseMessage } from '../collector/src/wire/parse.ts';
import { T0 } from './collector.ts';
import { burstScript, script } from './oracle/draw-script.ts';
import { scriptsFrom } from './oracle/law.ts';
import { messagesOf, type Put, type Script, type Send, type Step } from './oracle/script.ts';
import { asSent } from './oracle/sending.ts';

const [database = '', clockFile = ''] = process.argv.slice(2);
const seed = Number(process.env.TIDEMARK_CRASH_SEED);
/** The process ends at this commit ... */
const killAt = Number(process.env.TIDEMARK_TEST_KILL_AFTER);
/** ... before it is begun, or right after it is done. */
const killBefore = process.env.TIDEMARK_TEST_KILL_BEFORE === '1';

let now = existsSync(clockFile) ? Number(readFileSync(clockFile, 'utf8')) : T0;

function moveClock(byMs: number): void {
  writeFileSync(clockFile, String(now + byMs));
  now += byMs;
}

const store = openSqlite({ path: database });
let commits = 0;
const fragile = new Proxy(store, {
  get(target, name) {
    if (name !== 'commit') {
      const field: unknown = Reflect.get(target, name);
      return typeof field === 'function' ? field.bind(target) : field;
    }
    return async (changes: Parameters<typeof store.commit>[0]) => {
      const isLast = ++commits === killAt;
      if (isLast && killBefore) process.kill(process.pid, 'SIGKILL');
      const committed = await target.commit(changes);
      if (isLast) process.kill(process.pid, 'SIGKILL');
      return committed;
    };
  },
});
const core = await createCoreOn(fragile, { now: () => now });

async function send({ key, messages, batchSentAtMs }: Send): Promise<void> {
  const parsed = messages.map((message) =>
    parseMessage(asSent(message, now), {
      routeType: null,
      kind: key,
      isProven: () => false,
      requireSignature: false,
      receivedAt: now,
      batchSentAt: batchSentAtMs === undefined ? undefined : new Date(now + batchSentAtMs).toISOString(),
      batchContext: null,
      newId: randomUUID,
      readAgent: () => null,
    }),
  );
  await core.ingest({
    messages: parsed.flatMap((result) => (result.ok ? [result.message] : [])),
    refused: parsed.flatMap((result) => (result.ok ? [] : [result.refused])),
  });
}

async function put({ kind, key, definition, meanwhile }: Put): Promise<void> {
  await Promise.all([
    core.putDefinition(kind, key, definition),
    ...(meanwhile ? [send({ do: 'send', key: 'web', messages: meanwhile })] : []),
  ]);
}

/** What is refused is refused: only the state left behind matters here. */
async function play(step: Step): Promise<void> {
  switch (step.do) {
    case 'send':
      return send(step);
    case 'burst':
      return send({ do: 'send', key: step.key, messages: messagesOf(step) });
    case 'race':
      await Promise.all(step.sends.map(send));
      return;
    case 'clock':
      return moveClock(step.byMs);
    case 'tick':
      return core.tick();
    case 'put':
      return put(step);
    case 'delete':
      await core.deleteDefinition(step.kind, step.key);
      return;
    case 'edits':
      await Promise.all(step.puts.map(put));
      for (const { kind, key } of step.deletes) await core.deleteDefinition(kind, key);
      return;
    case 'list':
      await core.setListed(step.segment, step.address, step.put);
      return;
    case 'merge':
      await core.merge(step.from, step.into);
      return;
    case 'unmerge':
      await core.unmerge(step.user);
      return;
    case 'erase':
      await core.erase(step.address, { suppress: step.suppress ?? false });
      return;
    case 'look':
      await core.profiles({ q: null, segment: null, limit: 1_000, cursor: null });
  }
}

/** A drawn script with ids of its own, since a repeat would change nothing, and its dates moved to the clock. */
function madeNew(drawn: Script, round: number): Script {
  const text = JSON.stringify(drawn)
    .replaceAll('"messageId":"', `"messageId":"${seed}-${round}-`)
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, (date) => new Date(Date.parse(date) - T0 + now).toISOString());
  return JSON.parse(text) as Script;
}

// Until it is killed.
let round = 0;
const sources = [scriptsFrom(script, seed), scriptsFrom(burstScript, seed)];
for (;;) {
  const drawn = sources[round % sources.length]?.next().value ?? [];
  round++;
  for (const step of madeNew(drawn, round)) await play(step);
}
