// What commands do to a database, whether they open it themselves or ask the process that serves it.
// Invariant: one implementation for both ways; input and output are plain JSON.
import type { KeyRecord, KeyType, Role } from '../http/key-record.ts';
import type { Applied, Core } from '../ingest/core.ts';
import { isSame } from '../ingest/definition-book.ts';
import type { Fault, SurveyDefinition } from '../wire/definitions.ts';
import type { JsonValue } from '../wire/message.ts';
import { parseMessage } from '../wire/parse.ts';
import { createAgentReader } from '../wire/user-agent.ts';
import { type InnerCollector, parseConfig } from './collector.ts';
import type { Progress } from './control.ts';
import { createImportMarks } from './import-marks.ts';
import { UsageError } from './settings.ts';
import { type LinesOutcome, takeLines } from './take-lines.ts';

export interface KeyView {
  id: string;
  kind: KeyType;
  role: Role | null;
  name: string | null;
  createdAt: string;
}

export interface ImportOutcome {
  accepted: number;
  duplicates: number;
  rejected: { index: number; code: string; message: string }[];
}

export interface SurveyPut {
  key: string;
  /** `kept`: another one has the key and may not be replaced. */
  status: 'created' | 'changed' | 'same' | 'kept' | 'invalid';
  faults: Fault[];
}

export interface Operations {
  keys: { input: null; output: KeyView[] };
  'keys-create': { input: { kind: KeyType; role?: Role; name?: string }; output: KeyView & { key: string } };
  'keys-revoke': { input: { id: string }; output: { revoked: true } };
  apply: { input: { config: unknown }; output: Applied };
  'put-surveys': {
    input: { surveys: { key: string; definition: SurveyDefinition }[]; replace: boolean };
    output: { put: SurveyPut[] };
  };
  import: { input: { messages: JsonValue[] }; output: ImportOutcome };
  /** Lines of an export, or plain messages in Segment's shape, in order. */
  'import-lines': { input: { lines: JsonValue[] }; output: LinesOutcome };
  /** How far an import got that was cut off; 0 for one that is not known. */
  'import-mark': { input: { of: string }; output: { row: number } };
  /** How far it is stored now; 0 once it is through. */
  'import-reached': { input: { of: string; row: number }; output: null };
  /** Computes everything anew and writes it down; whoever asks has compared and compares again. */
  repair: { input: { links: boolean }; output: { repaired: true } };
  /** The collector's clock, epoch ms. */
  clock: { input: null; output: { now: number } };
}

export type Ask = <O extends keyof Operations>(
  operation: O,
  input: Operations[O]['input'],
) => Promise<Operations[O]['output']>;

const viewKey = ({ id, kind, role, name, createdAt }: KeyRecord): KeyView => ({
  id,
  kind,
  role,
  name,
  createdAt,
});

export function createOperations({
  core,
  app,
}: InnerCollector): (operation: string, input: unknown, onProgress?: Progress) => Promise<unknown> {
  const { access } = app;
  const readAgent = createAgentReader();
  const marks = createImportMarks(core.facts);
  const handlers: {
    [O in keyof Operations]: (
      input: Operations[O]['input'],
      onProgress: Progress,
    ) => Promise<Operations[O]['output']>;
  } = {
    keys: async () => access.keys().map(viewKey),
    async 'keys-create'(wanted) {
      const { record, key } = await access.create(wanted);
      return { ...viewKey(record), key };
    },
    async 'keys-revoke'({ id }) {
      const done = await access.revoke(id);
      if (done === 'unknown') throw new UsageError(`there is no key ${id}; \`tidemark keys\` lists them`);
      if (done === 'last') throw new UsageError('this is the last admin key; make another one first');
      return { revoked: true };
    },
    async apply({ config }) {
      const result = await core.applyFile(parseConfig(config));
      if (!result.ok)
        throw new UsageError(
          `the definitions are invalid:\n${result.faults.map((f) => `  ${f.pointer} ${f.message}`).join('\n')}`,
        );
      await core.tick();
      const { ok: _, ...applied } = result;
      return applied;
    },
    async 'put-surveys'({ surveys, replace }) {
      const put: SurveyPut[] = [];
      for (const { key, definition } of surveys) put.push(await putSurvey(core, key, definition, replace));
      await core.tick();
      return { put };
    },
    import: async ({ messages }) => importMessages(messages),
    'import-lines': ({ lines }) => takeLines(core, lines, readAgent),
    'import-mark': async ({ of }) => ({ row: marks.reached(of) }),
    async 'import-reached'({ of, row }) {
      await marks.reach(of, row);
      return null;
    },
    async repair({ links }, onProgress) {
      await core.repair({ links, onProgress });
      return { repaired: true };
    },
    clock: async () => ({ now: core.now() }),
  };

  async function importMessages(items: JsonValue[]): Promise<ImportOutcome> {
    const outcome: ImportOutcome = { accepted: 0, duplicates: 0, rejected: [] };
    const valid: {
      index: number;
      message: Extract<ReturnType<typeof parseMessage>, { ok: true }>['message'];
    }[] = [];
    const options = {
      routeType: null,
      kind: 'server' as const,
      isProven: () => false,
      requireSignature: false,
      receivedAt: core.now(),
      batchSentAt: undefined,
      batchContext: null,
      newId: () => crypto.randomUUID(),
      readAgent,
    };
    items.forEach((item, index) => {
      const result = parseMessage(item, options);
      if (result.ok) valid.push({ index, message: result.message });
      // The import's own reject file keeps it; it never was a message of a client.
      else outcome.rejected.push({ index, code: result.refused.code, message: result.refused.reason });
    });
    const outcomes = await core.ingest({ messages: valid.map(({ message }) => message), refused: [] });
    outcomes.forEach((done, i) => {
      if (done === 'accepted') outcome.accepted++;
      else if (done === 'duplicate') outcome.duplicates++;
      else outcome.rejected.push({ index: valid[i]?.index ?? i, code: done.code, message: done.reason });
    });
    return outcome;
  }

  return async (operation, input, onProgress = () => {}) => {
    if (!Object.hasOwn(handlers, operation))
      throw new UsageError(`this collector knows no operation "${operation}"; is it an older version?`);
    // Inputs come from our own commands, over a socket only the owner may open.
    const handler = handlers[operation as keyof Operations] as (
      given: unknown,
      onProgress: Progress,
    ) => Promise<unknown>;
    return handler(input, onProgress);
  };
}

async function putSurvey(
  core: Core,
  key: string,
  definition: SurveyDefinition,
  replace: boolean,
): Promise<SurveyPut> {
  const held = await core.definition('surveys', key);
  if (held && isSame(held.definition, definition)) return { key, status: 'same', faults: [] };
  if (held && !replace) return { key, status: 'kept', faults: [] };
  const result = await core.putDefinition('surveys', key, definition);
  if (!result.ok) return { key, status: 'invalid', faults: result.faults };
  return { key, status: result.created ? 'created' : 'changed', faults: [] };
}
