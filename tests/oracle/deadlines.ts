// What time alone changes: memberships at every instant that could matter, each compared with the one before.
// Invariant: the instants are a superset of those at which any answer changes.
import type { JsonValue } from '../../collector/src/wire/message.ts';
import { instantOf, msOf, type Value } from './comparison.ts';
import type { History } from './history.ts';
import { type Definitions, type ModelOptions, membershipsOf } from './model.ts';

export interface ModelTransition {
  segment: string;
  /** The model's key of the person. */
  person: string;
  change: 'entered' | 'left';
  /** The exact instant, epoch milliseconds. */
  at: number;
}

/** What happened between two clocks with no message and no operation. */
export interface Passage {
  transitions: ModelTransition[];
  /** The keys of the people known at each instant on the way. */
  people: Set<string>[];
}

/** From `from` (excluded) to `to` (included). */
export function passageOfTime(
  history: History,
  definitions: Definitions,
  from: number,
  to: number,
  options: ModelOptions = {},
): Passage {
  const instants = [...instantsThatMatter(history, definitions)].filter((t) => from < t && t <= to);
  const passage: Passage = { transitions: [], people: [] };
  let before = membershipsOf(history, definitions, from, options);
  for (const at of instants.sort((a, b) => a - b)) {
    const after = membershipsOf(history, definitions, at, options);
    for (const person of new Set([...before.keys(), ...after.keys()])) {
      const was = before.get(person) ?? [];
      const is = after.get(person) ?? [];
      const entered = is.filter((segment) => !was.includes(segment));
      const left = was.filter((segment) => !is.includes(segment));
      passage.transitions.push(
        ...entered.map((segment) => ({ segment, person, change: 'entered' as const, at })),
        ...left.map((segment) => ({ segment, person, change: 'left' as const, at })),
      );
    }
    passage.people.push(new Set(after.keys()));
    before = after;
  }
  return passage;
}

/** Every duration the definitions use, by what it moves, in milliseconds. */
interface Spans {
  /** Windows, relative dates, limits: something ends or begins so long after its point. */
  ahead: Set<number>;
  /** `within_next` looks forward: it begins to hold so long before its date. */
  back: Set<number>;
  /** `for`: so long after anything that could make its comparison true. */
  hold: Set<number>;
}

function spansOf(definitions: Definitions): Spans {
  const spans: Spans = { ahead: new Set(), back: new Set(), hold: new Set() };
  walk(definitions as unknown as JsonValue, (part) => {
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return;
    if (typeof part.within === 'string') spans.ahead.add(msOf(part.within));
    if (typeof part.for === 'string') spans.hold.add(msOf(part.for));
    const relative = part.op === 'within_last' || part.op === 'within_next';
    if (relative && typeof part.value === 'string')
      (part.op === 'within_last' ? spans.ahead : spans.back).add(msOf(part.value));
  });
  return spans;
}

function instantsThatMatter({ messages }: History, definitions: Definitions): Set<number> {
  const { ahead, back, hold } = spansOf(definitions);
  const points = new Set(messages.map((message) => message.time));
  for (const { body } of messages) {
    walk(body, (value) => {
      const instant = instantOf(value);
      if (instant !== undefined) points.add(instant);
    });
  }
  const instants = new Set(points);
  for (const point of points) {
    for (const span of ahead) instants.add(point + span);
    for (const span of back) instants.add(point - span);
  }
  for (const instant of [...instants]) for (const span of hold) instants.add(instant + span);
  return instants;
}

function walk(value: Value, visit: (value: Value) => void): void {
  visit(value);
  if (typeof value !== 'object' || value === null) return;
  for (const inner of Object.values(value)) walk(inner, visit);
}
