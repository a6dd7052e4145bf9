// Which stored messages leaves and selectors may ask for, as a filter the store can apply.
// Invariant: never leaves out a message that one of them would match.
import type { LeafFold, LeafStates } from '../engine/building.ts';
import type { EngineMessage } from '../engine/filter.ts';
import type { Stretch } from '../engine/identity.ts';
import { type Leaf, looksInside, reachOf } from '../engine/leaf.ts';
import type { ShedTo } from '../engine/person.ts';
import type { Stamp } from '../engine/stamp.ts';
import type { MessageFilter } from '../storage/port.ts';
import { type MessageType, SURVEY_EVENT } from '../wire/message.ts';
import { createPace } from './breathe.ts';
import { engineMessage } from './stored-message.ts';
import type { WorkingSet } from './working-set.ts';

const TYPES: Readonly<Record<string, MessageType>> = {
  $page: 'page',
  $screen: 'screen',
  $identify: 'identify',
  $group: 'group',
  $survey: 'survey',
};

/** Filter for the messages that any of the leaves may match, or undefined where it may be all. */
export const filterFor = (leaves: readonly Leaf[]): MessageFilter | undefined =>
  filterOf(
    leaves.flatMap((leaf) => leaf.events),
    leaves.some(looksInside),
  );

/** The same for event selectors; `inside`: the messages are looked into. */
export function filterOf(selectors: readonly string[], inside: boolean): MessageFilter | undefined {
  const types = new Set<MessageType>();
  const events = new Set<string>();
  for (const name of selectors) {
    const type = TYPES[name];
    if (name === '*') return undefined;
    if (name.endsWith('*')) types.add('track');
    else if (type) types.add(type);
    else events.add(name);
    // Segment's own survey event counts as a survey answer.
    if (name === '$survey') events.add(SURVEY_EVENT);
  }
  // Whether that event counts as one is written in it, and a prefix may be its own.
  const bodies = inside || events.has(SURVEY_EVENT) || types.has('track');
  return { types: [...types], events: [...events], bodies };
}

/** The place from which on messages may matter to any of the leaves at the clock; null: from the first. */
export function reachStart(leaves: readonly Leaf[], clock: number): Stamp | null {
  let from = Number.POSITIVE_INFINITY;
  for (const leaf of leaves) from = Math.min(from, reachOf(leaf, clock) ?? 0);
  return from <= 0 || from === Number.POSITIVE_INFINITY ? null : [from, '', 0];
}

/** The person's messages folded into these leaves at the clock, page by page. */
export async function foldHistory(
  set: WorkingSet,
  id: number,
  { leaves, add, rest }: LeafFold,
  clock: number,
  shedTo: ShedTo,
): Promise<LeafStates> {
  const states: LeafStates = {};
  if (leaves.length === 0) return states;
  const only = filterFor(leaves);
  const between = { from: reachStart(leaves, clock), to: null };
  const pace = createPace();
  for await (const rows of set.historyPages(id, clock, { between, ...(only ? { only } : {}) }))
    for (const row of rows) {
      add(states, engineMessage(row), clock, shedTo);
      const pause = pace();
      if (pause) await pause;
    }
  rest(states, clock, shedTo);
  return states;
}

/** The person's messages of a stretch that a leaf may match, in order. */
export async function messagesIn(
  set: WorkingSet,
  id: number,
  leaf: Leaf,
  clock: number,
  between: Stretch,
): Promise<EngineMessage[]> {
  const only = filterFor([leaf]);
  const messages: EngineMessage[] = [];
  const pace = createPace();
  for await (const rows of set.historyPages(id, clock, { between, ...(only ? { only } : {}) })) {
    for (const row of rows) messages.push(engineMessage(row));
    await pace();
  }
  return messages;
}
