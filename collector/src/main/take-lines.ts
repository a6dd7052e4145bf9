// Lines of NDJSON into the collector, in the order they are in.
// Invariant: what is decided between two messages is decided between the same two here.
import { randomUUID } from 'node:crypto';
import type { Core } from '../ingest/core.ts';
import type { AcceptedMessage } from '../wire/accepted.ts';
import type { JsonObject, JsonValue } from '../wire/message.ts';
import { isRecord, messageOfLine, readRecord } from '../wire/transfer.ts';
import type { AgentReader } from '../wire/user-agent.ts';

export interface LinesOutcome {
  accepted: number;
  duplicates: number;
  /** Lines that are no messages: definitions, merges, lists. */
  taken: number;
  known: number;
  rejected: { index: number; code: string; message: string }[];
  notes: string[];
}

interface Waiting {
  index: number;
  message: AcceptedMessage;
}

export async function takeLines(
  core: Pick<Core, 'now' | 'ingest' | 'takeOver' | 'tick'>,
  lines: readonly JsonValue[],
  readAgent: AgentReader,
): Promise<LinesOutcome> {
  const outcome: LinesOutcome = { accepted: 0, duplicates: 0, taken: 0, known: 0, rejected: [], notes: [] };
  let waiting: Waiting[] = [];

  async function store(): Promise<void> {
    const batch = waiting;
    waiting = [];
    if (batch.length === 0) return;
    const results = await core.ingest({ messages: batch.map(({ message }) => message), refused: [] });
    results.forEach((result, i) => {
      if (result === 'accepted') outcome.accepted++;
      else if (result === 'duplicate') outcome.duplicates++;
      else outcome.rejected.push({ index: batch[i]?.index ?? i, code: result.code, message: result.reason });
    });
  }

  async function takeRecord(item: JsonObject, index: number): Promise<void> {
    const read = readRecord(item);
    if (!read.ok) {
      outcome.rejected.push({ index, code: 'invalid_record', message: read.reason });
      return;
    }
    const { outcome: became, note } = await core.takeOver(read.record);
    if (became === 'refused')
      outcome.rejected.push({ index, code: 'not_taken_over', message: note ?? 'not taken over' });
    else {
      outcome[became]++;
      if (note) outcome.notes.push(note);
    }
    // Built before the messages come, while there is nothing to build from.
    if (read.record.type === 'tidemark.definitions') await core.tick();
  }

  for (const [index, item] of lines.entries()) {
    if (isRecord(item)) {
      await store();
      await takeRecord(item, index);
      continue;
    }
    const result = messageOfLine(item, { now: core.now(), newId: randomUUID, readAgent });
    if (result.ok) waiting.push({ index, message: result.message });
    else outcome.rejected.push({ index, code: result.refused.code, message: result.refused.reason });
  }
  await store();
  outcome.rejected.sort((a, b) => a.index - b.index);
  return outcome;
}
