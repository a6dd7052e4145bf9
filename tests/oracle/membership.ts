// Whether a person belongs to a segment: the tree and all its leaves (contract section 6).
// Invariant: decides from one subject at one clock; nothing is remembered between two questions.
import { createHash } from 'node:crypto';
import type { Condition, GroupCondition, SegmentDefinition } from '../../collector/src/wire/definitions.ts';
import type { JsonObject, JsonValue } from '../../collector/src/wire/message.ts';
import { compares, msOf } from './comparison.ts';
import type { ModelMessage } from './history.ts';
import { holdsFor } from './hold.ts';
import { matching } from './selection.ts';
import { hasFirst, hasSequence } from './sequence.ts';
import { latestAnswer } from './survey.ts';
import { type Group, traitOf } from './traits.ts';

/** One person as the leaves see them. */
export interface Subject {
  /** Those in effect, in order. */
  messages: readonly ModelMessage[];
  /** Of them those that a segment sees. */
  seenBy(segment: string): readonly ModelMessage[];
  traits: JsonObject;
  groups: readonly Group[];
  computed(key: string): JsonValue;
  /** The static segments this person is in. */
  lists: ReadonlySet<string>;
  /** The userId, of a device the anonymousId; undefined for somebody erased, who is in no bucket. */
  bucketId: string | undefined;
}

export function isMember(
  segment: string,
  person: Subject,
  segments: Readonly<Record<string, SegmentDefinition>>,
  now: number,
): boolean {
  const definition = segments[segment];
  if (!definition) throw new Error(`no such segment: ${segment}`);
  if ('static' in definition) return person.lists.has(segment);

  const messages = person.seenBy(segment);

  function holds(condition: Condition): boolean {
    if ('all' in condition) return condition.all.every(holds);
    if ('any' in condition) return condition.any.some(holds);
    if ('not' in condition) return !holds(condition.not);
    if ('segment' in condition) return isMember(condition.segment, person, segments, now);
    if ('sequence' in condition) return hasSequence(condition, messages, now);
    if ('first' in condition) return hasFirst(condition, messages, now);
    if ('bucket' in condition) {
      if (person.bucketId === undefined) return false;
      const { salt, from, to } = condition.bucket;
      const share = shareOf(salt, person.bucketId);
      return from <= share && share < to;
    }
    if ('group' in condition)
      return person.groups.some(({ traits }) => satisfiesGroup(condition.group, traits, now));
    if ('event' in condition) {
      const { op, value } = condition.count ?? { op: 'gte' as const, value: 1 };
      return compares(matching(condition, messages, now).length, op, value, now);
    }
    const { op, value } = condition;
    if ('survey' in condition)
      return compares(latestAnswer(condition.survey, condition.question, messages), op, value, now);
    if ('computed' in condition) return compares(person.computed(condition.computed), op, value, now);
    return condition.for === undefined
      ? compares(traitOf(person.traits, condition.trait), op, value, now)
      : // What declares traits is kept, and since when there is a profile is known after its messages have gone.
        holdsFor(condition, msOf(condition.for), person.messages, now);
  }
  return holds(definition.where);
}

function satisfiesGroup(tree: GroupCondition, traits: JsonObject, now: number): boolean {
  if ('all' in tree) return tree.all.every((part) => satisfiesGroup(part, traits, now));
  if ('any' in tree) return tree.any.some((part) => satisfiesGroup(part, traits, now));
  if ('not' in tree) return !satisfiesGroup(tree.not, traits, now);
  return compares(traitOf(traits, tree.trait), tree.op, tree.value, now);
}

/** Where an id falls between 0 and 100. */
export function shareOf(salt: string, id: string): number {
  const digest = createHash('sha256').update(`${salt}:${id}`, 'utf8').digest();
  return (digest.readUIntBE(0, 6) / 2 ** 48) * 100;
}
