// What a world's answers gave away: ids, cursors, keys. Later requests name what is there.
// Invariant: each list is bounded, so that a long run keeps no more than a short one.
import type { Operation } from './document.ts';

/** Of each kind the last ones are kept. */
const MAX_KEPT = 30;

export type Who = 'web' | 'server' | 'admin' | 'read';

export interface Known {
  readonly profiles: string[];
  readonly cursors: string[];
  readonly rejected: string[];
  readonly keyIds: string[];
  readonly keys: { who: Who; key: string }[];
  readonly messageIds: string[];
  signingSecret: string;
}

export const nothingKnown = (signingSecret: string): Known => ({
  profiles: [],
  cursors: [],
  rejected: [],
  keyIds: [],
  keys: [],
  messageIds: [],
  signingSecret,
});

/** Takes note of one answer of status 200 or 201. */
export function learn(known: Known, { id }: Operation, answer: unknown): void {
  if (!isRecord(answer)) return;
  const { next, data } = answer;
  if (typeof next === 'string') keep(known.cursors, next);
  const rows = (Array.isArray(data) ? data : [answer]).filter(isRecord).slice(0, 3);
  for (const row of rows) {
    if (id.includes('/profiles') && typeof row.id === 'string') keep(known.profiles, row.id);
    if (typeof row.profileId === 'string') keep(known.profiles, row.profileId);
    if (typeof row.messageId === 'string') keep(known.messageIds, row.messageId);
    if (id === 'GET /api/rejected') keep(known.rejected, String(row.id));
    if (typeof row.signingSecret === 'string') known.signingSecret = row.signingSecret;
  }
  if (id === 'POST /api/keys' && typeof answer.key === 'string' && typeof answer.id === 'string') {
    keep(known.keyIds, answer.id);
    const who = answer.kind === 'admin' && answer.role === 'read' ? 'read' : answer.kind;
    keep(known.keys, { who: who as Who, key: answer.key }); // kind is one of the three others
  }
}

function keep<T>(list: T[], item: T): void {
  list.push(item);
  if (list.length > MAX_KEPT) list.shift();
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
