// Random scripts for the law: what may happen to a collector, as plain data.
// Invariant: the same script always does the same; the people, ids and keys come from the small alphabets here.
import type { SegmentDefinition, TraitDefinition } from '../../collector/src/wire/definitions.ts';
import type { JsonObject, MessageType } from '../../collector/src/wire/message.ts';

export const USERS = ['u1', 'u2', 'u3', 'both'] as const;
export const DEVICES = ['d1', 'd2', 'd3', 'both'] as const;
/** A name that no message is sent by: only aliases make it known. */
export const UNSEEN = 'd4';
export const GROUPS = ['g1', 'g2'] as const;
export const SURVEYS = ['nps', 'exit'] as const;
export const TRAIT_KEYS = ['t1', 't2', 't3'] as const;
export const FORMULA_KEYS = ['f1', 'f2'] as const;
export const LIST_KEYS = ['l1', 'l2'] as const;
export const SEGMENT_KEYS = ['s1', 's2', 's3', 's4', 's5'] as const;

/** A message to send; times relative to the collector's clock, in milliseconds. */
export interface ScriptMessage {
  type: MessageType;
  messageId: string;
  userId?: string | null;
  anonymousId?: string | null;
  previousId?: string;
  groupId?: string;
  event?: string;
  name?: string;
  atMs: number;
  /** The message's own `sentAt`, relative as well. */
  sentAtMs?: number;
  properties?: JsonObject;
  context?: JsonObject;
  traits?: JsonObject;
  surveyId?: string;
  submissionId?: string;
  answers?: JsonObject;
  status?: string;
}

export interface Send {
  do: 'send';
  key: 'web' | 'server';
  messages: ScriptMessage[];
  batchSentAtMs?: number;
  twice?: true;
}

/** `meanwhile` is sent while it builds. */
export type Put = { do: 'put'; meanwhile?: ScriptMessage[]; key: string } & (
  | { kind: 'traits'; definition: TraitDefinition }
  | { kind: 'segments'; definition: SegmentDefinition }
);

export interface Delete {
  do: 'delete';
  kind: 'traits' | 'segments';
  key: string;
}

export type Step =
  | Send
  | Burst
  /** Requests under way at the same time; no two of their messages share an id. */
  | { do: 'race'; sends: Send[] }
  | { do: 'clock'; byMs: number }
  /** The clock steps back; the collector's time does not. */
  | { do: 'back'; byMs: number }
  | { do: 'tick' }
  | { do: 'reopen' }
  /** Opened again with a file that says how long events are kept. */
  | { do: 'retain'; retention: Record<string, string> }
  | Put
  | Delete
  /** Edits while others are still building; those that do not touch each other are under way together. */
  | { do: 'edits'; puts: Put[]; deletes: Delete[]; meanwhile?: ScriptMessage[] }
  /** Into a static segment or out of it; `byProfile` names a user by the profile's own id. */
  | { do: 'list'; segment: string; address: string; put: boolean; byProfile?: true }
  | { do: 'merge'; from: string; into: string }
  | { do: 'unmerge'; user: string }
  | { do: 'erase'; address: string; suppress?: true }
  /** How the collector is opened, only as the first step. */
  | Opening
  /** Compare everything with the model. */
  | { do: 'look' };

export interface Opening {
  do: 'open';
  timezone?: string;
  /** Threads help to build. */
  threads?: true;
  /** Whoever a message parts or joins is folded beside the lane first. */
  beside?: true;
}

/** Many events of one person, so that long histories and their summaries come into play. */
export interface Burst {
  do: 'burst';
  key: 'web' | 'server';
  /** Begins the messageIds: two bursts of one name repeat each other. */
  name: string;
  who: { userId: string } | { anonymousId: string };
  count: number;
  /** The first event, relative to the clock. */
  fromMs: number;
  /** So many share an instant; the next ones come `everyMs` later. */
  perInstant: number;
  everyMs: number;
  /** What they are; `a` events unless given. */
  sends?: 'mixed' | 'identify' | 'survey';
}

export type Script = Step[];

/** The messages a burst stands for. */
export function messagesOf(burst: Burst): ScriptMessage[] {
  return Array.from({ length: burst.count }, (_, i) => ({
    ...bodyIn(burst, i),
    messageId: `${burst.name}-${i}`,
    ...burst.who,
    atMs: burst.fromMs + Math.floor(i / burst.perInstant) * burst.everyMs,
  }));
}

/** Events with a number and a tag, writes of a trait that mostly stays, or answers of which many are taken back. */
function bodyIn({ sends }: Burst, i: number): Pick<ScriptMessage, 'type'> & Partial<ScriptMessage> {
  switch (sends) {
    case 'identify':
      return {
        type: 'identify',
        traits: { v: i % 17 === 0 ? 2 : 1, 'o.b': i % 5 === 0 ? null : 'a', o: { b: 1 } },
      };
    case 'survey':
      return {
        type: 'survey',
        surveyId: SURVEYS[0],
        submissionId: `sub${i % 60}`,
        answers: { score: i % 3 === 0 ? null : i % 11 },
      };
    default:
      return {
        type: 'track',
        event: sends === 'mixed' && i % 9 === 8 ? 'b' : 'a',
        properties: { v: (i * 7) % 10, tag: `t${i % 13}` },
      };
  }
}

/** How much happens in a step: messages sent, or one operation; looking is none. */
export function stepsIn(step: Step): number {
  switch (step.do) {
    case 'look':
    case 'open':
      return 0;
    case 'send':
      return step.messages.length * (step.twice ? 2 : 1);
    case 'burst':
      return step.count;
    case 'race':
      return step.sends.reduce((sum, send) => sum + stepsIn(send), 0);
    case 'put':
      return 1 + (step.meanwhile?.length ?? 0);
    case 'edits':
      return step.puts.length + step.deletes.length + (step.meanwhile?.length ?? 0);
    default:
      return 1;
  }
}

/** One line a step, as it appears in the report of a failure. */
export function describeScript(script: Script): string {
  return script.map((step, index) => `  ${index}: ${JSON.stringify(step)}`).join('\n');
}
