// Makes a failing script short: takes steps, messages and parts away for as long as it still fails.
// Invariant: every candidate is a valid script, smaller than the one it comes from.
import type { Condition, SequenceCondition } from '../../collector/src/wire/definitions.ts';
import type { Put, Script, ScriptMessage, Send, Step } from './script.ts';

/** The smallest script found within `limitMs` that still fails, by greedy steps. */
export async function shrinkScript(
  script: Script,
  fails: (candidate: Script) => Promise<boolean>,
  limitMs: number,
): Promise<Script> {
  const end = performance.now() + limitMs;
  let best = script;
  let better = true;
  while (better) {
    better = false;
    for (const candidate of smallerScripts(best)) {
      if (performance.now() > end) return best;
      if (!(await fails(candidate))) continue;
      best = candidate;
      better = true;
      break;
    }
  }
  return best;
}

function* smallerScripts(script: Script): Generator<Script> {
  for (let size = Math.ceil(script.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = script.length - size; from >= 0; from -= size) {
      yield [...script.slice(0, from), ...script.slice(from + size)];
    }
  }
  for (const [index, step] of script.entries()) {
    for (const smaller of smallerSteps(step)) yield script.with(index, smaller);
  }
}

function* smallerSteps(step: Step): Generator<Step> {
  switch (step.do) {
    case 'send':
      yield* smallerSends(step);
      break;
    case 'race':
      yield* step.sends;
      for (const [index, send] of step.sends.entries()) {
        for (const smaller of smallerSends(send)) yield { ...step, sends: step.sends.with(index, smaller) };
      }
      break;
    case 'burst':
      for (const less of [Math.floor(step.count / 2), step.count - 10, step.count - 1]) {
        if (less > 0) yield { ...step, count: less };
      }
      break;
    case 'put':
      yield* smallerPuts(step);
      break;
    case 'edits': {
      yield* [...step.puts, ...step.deletes];
      const { meanwhile, ...plain } = step;
      if (meanwhile) yield plain;
      for (const index of step.puts.keys()) yield { ...step, puts: step.puts.toSpliced(index, 1) };
      for (const index of step.deletes.keys()) yield { ...step, deletes: step.deletes.toSpliced(index, 1) };
      for (const [index, put] of step.puts.entries()) {
        for (const smaller of smallerPuts(put)) yield { ...step, puts: step.puts.with(index, smaller) };
      }
      break;
    }
    case 'erase':
      if (step.suppress) yield { do: 'erase', address: step.address };
      break;
    case 'list': {
      const { byProfile, ...plain } = step;
      if (byProfile) yield plain;
    }
  }
}

function* smallerSends(step: Send): Generator<Send> {
  const { twice, batchSentAtMs, ...plain } = step;
  if (twice || batchSentAtMs !== undefined) yield plain;
  for (const [index, message] of step.messages.entries()) {
    if (step.messages.length > 1) yield { ...step, messages: step.messages.toSpliced(index, 1) };
    for (const smaller of smallerMessages(message)) {
      yield { ...step, messages: step.messages.with(index, smaller) };
    }
  }
}

function* smallerPuts(step: Put): Generator<Put> {
  if (step.meanwhile) {
    const { meanwhile: _gone, ...plain } = step;
    yield plain;
  }
  if (step.kind === 'segments') {
    if (!('where' in step.definition)) return;
    for (const where of smallerConditions(step.definition.where)) yield { ...step, definition: { where } };
  } else if (step.definition.type !== 'formula') {
    const { where, within, ...plain } = step.definition;
    if (where) yield { ...step, definition: { ...plain, ...(within ? { within } : {}) } };
    if (within) yield { ...step, definition: { ...plain, ...(where ? { where } : {}) } };
  }
}

function* smallerMessages(message: ScriptMessage): Generator<ScriptMessage> {
  const { sentAtMs, anonymousId, userId, ...rest } = message;
  if (sentAtMs !== undefined) {
    const { sentAtMs: _gone, ...plain } = message;
    yield plain;
  }
  if (userId && anonymousId) {
    yield { ...rest, userId };
    yield { ...rest, anonymousId };
  }
  for (const part of ['properties', 'traits', 'answers'] as const) {
    for (const key of Object.keys(message[part] ?? {})) {
      if (key === 'surveyId' || key === 'answers') continue; // without them the event is none of a survey
      const { [key]: _gone, ...kept } = message[part] ?? {};
      yield { ...message, [part]: kept };
    }
  }
}

function* smallerConditions(condition: Condition): Generator<Condition> {
  if ('all' in condition) yield* smallerLists(condition.all, (all) => ({ all }));
  else if ('any' in condition) yield* smallerLists(condition.any, (any) => ({ any }));
  else if ('not' in condition) {
    yield condition.not;
    for (const smaller of smallerConditions(condition.not)) yield { not: smaller };
  } else if ('sequence' in condition) yield* smallerSequences(condition);
  else if ('event' in condition) {
    for (const part of ['where', 'count', 'within'] as const) {
      const { [part]: present, ...plain } = condition;
      if (present !== undefined) yield plain;
    }
  } else if ('first' in condition && condition.where) {
    const { where: _gone, ...plain } = condition;
    yield plain;
  } else if ('trait' in condition && condition.for !== undefined) {
    const { for: _gone, ...plain } = condition;
    yield plain;
  }
}

function* smallerLists(parts: Condition[], wrap: (parts: Condition[]) => Condition): Generator<Condition> {
  yield* parts;
  for (const [index, part] of parts.entries()) {
    for (const smaller of smallerConditions(part)) yield wrap(parts.with(index, smaller));
  }
}

function* smallerSequences(condition: SequenceCondition): Generator<Condition> {
  const { sequence, within } = condition;
  if (within !== undefined) yield { sequence };
  for (const [index, step] of sequence.entries()) {
    // The first step has no `within`: taking it away leaves the next one without.
    const rest = sequence.toSpliced(index, 1);
    const [first] = rest;
    if (rest.length >= 2 && first && 'event' in first) {
      const { within: _gone, ...plain } = first;
      yield { ...condition, sequence: rest.with(0, plain) };
    }
    if ('absent' in step) {
      const { where, ...plain } = step.absent;
      if (where) yield { ...condition, sequence: sequence.with(index, { ...step, absent: plain }) };
      continue;
    }
    for (const part of ['where', 'within'] as const) {
      const { [part]: present, ...plain } = step;
      if (present !== undefined) yield { ...condition, sequence: sequence.with(index, plain) };
    }
  }
}
