// A whole file as lines that make another one like it.
// Invariant: one snapshot, read in pages; messages and what was decided between them in the order they came.
import { createHash } from 'node:crypto';
import type { DefinitionSet, Program } from '../engine/program.ts';
import { ERASED, isErased, type NodeRow, type OperationRow, type Store } from '../storage/port.ts';
import type { JsonObject } from '../wire/message.ts';
import { HASHES_PER_LINE, lineOfMessage, TRANSFER_VERSION, type TransferRecord } from '../wire/transfer.ts';
import type { TransferOptions } from './core.ts';
import { iso } from './profile-reads.ts';

/** Messages read at a time: some 1 MB. */
const PAGE = 1_000;

/** What is exported beside the store's rows. */
export interface TransferSource {
  store: Store;
  program: Program;
  definitions: DefinitionSet;
  zone: string;
  idKey: string;
  clock: number;
}

/** Names a key without telling it. */
export const fingerprint = (idKey: string): string =>
  createHash('sha256').update(`fingerprint ${idKey}`).digest('base64url').slice(0, 16);

export async function* exportLines(
  source: TransferSource,
  options: TransferOptions,
): AsyncGenerator<TransferRecord | JsonObject> {
  const { store } = source;
  if (options.onlyMessages) {
    yield* messages(store, [], options);
    return;
  }
  const { traits, segments, surveys } = source.definitions;
  yield {
    type: 'tidemark.export',
    version: TRANSFER_VERSION,
    exportedAt: new Date().toISOString(),
    clock: iso(source.clock),
    timezone: source.zone,
    idKey: source.idKey,
    since: options.since === null ? null : iso(options.since),
  };
  yield { type: 'tidemark.definitions', traits, segments, surveys };
  yield* erasedLinks(store);
  let count = 0;
  for await (const line of messages(store, await store.query({ ask: 'operations' }), options)) {
    if (!('operation' in line)) count++;
    yield line;
  }
  yield* listed(source);
  yield* hashes(source);
  yield { type: 'tidemark.end', messages: count };
}

/** In order of arrival; an operation behind the messages that came before it. */
async function* messages(
  store: Store,
  operations: readonly OperationRow[],
  { since, onlyMessages }: TransferOptions,
): AsyncGenerator<JsonObject> {
  const decided = numbered(operations);
  let next = 0;
  async function* upTo(seq: number): AsyncGenerator<JsonObject> {
    for (let entry = decided[next]; entry && entry.operation.seq < seq; entry = decided[++next])
      if (since === null || entry.operation.at >= since) yield* operationLine(store, entry);
  }
  for (let after = 0; ; ) {
    const page = await store.query({ ask: 'arrivals', after, limit: PAGE });
    for (const { seq, stamp, receivedAt, trusted, expired, text } of page) {
      yield* upTo(seq);
      after = seq;
      // Nothing is left that is a message.
      if (expired > 0) continue;
      if (since !== null && receivedAt < since) continue;
      const key = stamp[2] === 0 ? 'web' : 'server';
      yield lineOfMessage({ text, time: stamp[0], receivedAt, key, trusted }, { plain: onlyMessages });
    }
    if (page.length < PAGE) break;
  }
  yield* upTo(Number.POSITIVE_INFINITY);
}

interface Numbered {
  operation: OperationRow;
  /** Of those that are the same in all else. */
  nth: number;
}

/** What tells two equal operations apart, so that importing again finds each of them. */
function numbered(operations: readonly OperationRow[]): Numbered[] {
  const counts = new Map<string, number>();
  return operations.map((operation) => {
    const { kind, user, into, at } = operation;
    const same = JSON.stringify([kind, user, into, at]);
    const nth = (counts.get(same) ?? 0) + 1;
    counts.set(same, nth);
    return { operation, nth };
  });
}

async function* operationLine(store: Store, { operation, nth }: Numbered): AsyncGenerator<JsonObject> {
  const { kind, user, into, at } = operation;
  const named = await nodesById(store, into === null ? [user] : [user, into]);
  const userId = named.get(user);
  const target = into === null ? null : named.get(into);
  // Of the erased nothing is left that it could undo or join.
  if (!userId || isErased(userId) || (target && isErased(target))) return;
  const line = { type: 'tidemark.operation', operation: kind, userId: userId.ext, at: iso(at), nth };
  yield { ...line, into: target?.ext ?? null };
}

async function nodesById(store: Store, ids: readonly number[]): Promise<Map<number, NodeRow>> {
  const { nodes } = await store.read({ nodeIds: [...ids] });
  return new Map(nodes.map((node) => [node.id, node]));
}

async function* erasedLinks(store: Store): AsyncGenerator<TransferRecord> {
  for (const { user, device, stamp, trusted } of await store.query({ ask: 'kept-links' })) {
    const nodes = await nodesById(store, [user, device]);
    const who = nodes.get(user);
    const on = nodes.get(device);
    if (!who || !on || isErased(on)) continue;
    const [time, place, kind] = stamp;
    yield {
      type: 'tidemark.erased-link',
      hash: isErased(who) ? who.ext.slice(ERASED.length) : null,
      userId: isErased(who) ? null : who.ext,
      profileId: who.publicId,
      anonymousId: on.ext,
      time: iso(time),
      place,
      key: kind === 0 ? 'web' : 'server',
      trusted,
    };
  }
}

async function* listed({ store, program }: TransferSource): AsyncGenerator<TransferRecord> {
  for (const [segment, list] of program.lists) {
    for (let after = 0; ; ) {
      const page = await store.query({ ask: 'listed-nodes', list, after, limit: PAGE });
      const nodes = await nodesById(store, page);
      for (const id of page) {
        after = id;
        const node = nodes.get(id);
        if (!node || isErased(node)) continue;
        yield {
          type: 'tidemark.listed',
          segment,
          id: `${node.kind === 'user' ? 'user' : 'anon'}:${node.ext}`,
        };
      }
      if (page.length < PAGE) break;
    }
  }
}

async function* hashes({ store, idKey }: TransferSource): AsyncGenerator<TransferRecord> {
  const of = fingerprint(idKey);
  const limit = HASHES_PER_LINE;
  for (const key of ['web', 'server'] as const)
    for (let after = ''; ; ) {
      const page = await store.query({ ask: 'gone', kind: key, after, limit });
      if (page.length > 0) yield { type: 'tidemark.used-ids', of, key, hashes: page };
      if (page.length < limit) break;
      after = page[page.length - 1] ?? '';
    }
  for (let after = ''; ; ) {
    const page = await store.query({ ask: 'suppressed', after, limit });
    if (page.length > 0) yield { type: 'tidemark.suppressed', of, hashes: page };
    if (page.length < limit) break;
    after = page[page.length - 1] ?? '';
  }
}
