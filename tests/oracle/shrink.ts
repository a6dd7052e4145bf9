// Makes a failing script short: takes steps, messages and parts away for as long as it still fails.
// Invariant: every candidate is a valid script, smaller than the one it comes from.
import type { Condition } from '../../collector/src/wire/definitions.ts';
import type { Script, ScriptMessage, Step } from './script.ts';

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
  if (step.do === 'send') {
    const { twice, batchSentAtMs, ...plain } = step;
    if (twice || batchSentAtMs !== undefined) yield plain;
    for (const [index, message] of step.messages.entries()) {
      if (step.messages.length > 1) yield { ...step, messages: step.messages.toSpliced(index, 1) };
      for (const smaller of smallerMessages(message)) {
        yield { ...step, messages: step.messages.with(index, smaller) };
      }
    }
  }
  if (step.do === 'race') {
    yield* step.sends;
    for (const [index, send] of step.sends.entries()) {
      for (const smaller of smallerSteps(send)) {
        if (smaller.do === 'send') yield { ...step, sends: step.sends.with(index, smaller) };
      }
    }
  }
  if (step.do === 'put' && step.meanwhile) {
    const { meanwhile: _gone, ...plain } = step;
    yield plain;
  }
  if (step.do === 'burst') {
    for (const less of [Math.floor(step.count / 2), step.count - 10, step.count - 1]) {
      if (less > 0) yield { ...step, count: less };
    }
  }
  if (step.do === 'put' && step.kind === 'segments') {
    for (const where of smallerConditions(step.definition.where)) yield { ...step, definition: { where } };
  }
  if (step.do === 'put' && step.kind === 'traits') {
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
  for (const part of ['properties', 'traits'] as const) {
    for (const key of Object.keys(message[part] ?? {})) {
      const { [key]: _gone, ...kept } = message[part] ?? {};
      yield { ...message, [part]: kept };
    }
  }
}

function* smallerConditions(condition: Condition): Generator<Condition> {
  if ('all' in condition) yield* condition.all;
  else if ('any' in condition) yield* condition.any;
  else if ('not' in condition) yield condition.not;
  else if ('event' in condition) {
    for (const part of ['where', 'count', 'within'] as const) {
      const { [part]: present, ...plain } = condition;
      if (present !== undefined) yield plain;
    }
  }
}
