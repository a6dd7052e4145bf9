// Plays edits of definitions, one at a time or several while others are still building.
// Invariant: after each step a tick finishes every build, and the model has the definitions put last.
import type { TestCollector } from '../collector.ts';
import type { Books } from './books.ts';
import { has, hasCycle, isNeeded, needsOf, type Reference, wavesOf, without, withPut } from './edits.ts';
import type { Definitions } from './model.ts';
import type { Delete, Put, ScriptMessage, Send, Step } from './script.ts';

export function createDefinitionSteps(
  collector: TestCollector,
  books: Books,
  send: (step: Send) => Promise<string[]>,
) {
  const sendMeanwhile = async (messages: ScriptMessage[] | undefined): Promise<string[]> =>
    messages?.length ? send({ do: 'send', key: 'web', messages }) : [];

  async function put(step: Put): Promise<string[]> {
    const { kind, key, definition } = step;
    const wanted = withPut(books.latest, step, books.expiries());
    const missing = needsOf(step).filter((reference) => !has(wanted, reference));
    const existing = has(books.latest, [kind, key]) ? 200 : 201;
    const refused = missing.length > 0 || hasCycle(wanted);
    // A circle through what is still in force: the contract does not say which version counts.
    const either = !refused && hasCycle(books.definitions, wanted);
    const should = refused ? [422] : either ? [existing, 422] : [existing];
    const before = books.latest;
    if (!refused) books.latest = wanted;
    const answer = await collector.put(kind, key, definition);
    if (!should.includes(answer.status))
      return [`PUT ${kind}/${key}: ${answer.status}, expected ${should.join(' or ')}: ${answer.text}`];
    if (either && answer.status === 422) books.latest = restored(books.latest, before, [kind, key]);
    return [];
  }

  async function remove({ kind, key }: Delete): Promise<string[]> {
    const reference: Reference = [kind, key];
    const should = !has(books.latest, reference)
      ? [404]
      : isNeeded(reference, books.latest)
        ? [409]
        : // What is needed by a version still in force, but no longer by the one building.
          isNeeded(reference, books.definitions)
          ? [204, 409]
          : [204];
    const answer = await collector.api('DELETE', `/api/${kind}/${key}`);
    if (!should.includes(answer.status))
      return [`DELETE ${kind}/${key}: ${answer.status}, expected ${should.join(' or ')}: ${answer.text}`];
    if (answer.status !== 204) return [];
    books.latest = without(books.latest, reference);
    if (kind === 'segments') {
      const { [key]: _gone, ...lists } = books.history.lists;
      books.history = { ...books.history, lists };
    }
    return [];
  }

  /** Finishes the builds; `keys` must be ready then, or gone. */
  async function settle(touched: Reference[]): Promise<string[]> {
    await collector.tick();
    books.settle();
    const faults: string[] = [];
    for (const [kind, key] of touched) {
      const { status, json } = await collector.api('GET', `/api/${kind}/${key}`);
      const is = status === 200 ? json.status : status;
      const should = has(books.latest, [kind, key]) ? 'ready' : 404;
      if (is !== should) faults.push(`${kind}/${key} is ${is} after a tick, expected ${should}`);
    }
    return faults;
  }

  async function edits(step: Extract<Step, { do: 'edits' }>): Promise<string[]> {
    const faults: string[] = [];
    const waves = wavesOf(step.puts);
    for (const [index, wave] of waves.entries()) {
      const messages = index === waves.length - 1 ? step.meanwhile : undefined;
      faults.push(...(await Promise.all([...wave.map(put), sendMeanwhile(messages)])).flat());
    }
    for (const one of step.deletes) faults.push(...(await remove(one)));
    const touched = [...step.puts, ...step.deletes].map(({ kind, key }): Reference => [kind, key]);
    return [...faults, ...(await settle(touched))];
  }

  return {
    edits,
    put: (step: Put) => edits({ do: 'edits', puts: [step], deletes: [], ...meanwhileOf(step) }),
    remove: (step: Delete) => edits({ do: 'edits', puts: [], deletes: [step] }),
  };
}

/** `now` with one definition as it was `before`. */
function restored(now: Definitions, before: Definitions, [kind, key]: Reference): Definitions {
  const definition = before[kind][key];
  return definition === undefined
    ? without(now, [kind, key])
    : {
        ...now,
        since: { ...now.since, [`${kind}/${key}`]: before.since?.[`${kind}/${key}`] ?? 0 },
        [kind]: { ...now[kind], [key]: definition },
      };
}

const meanwhileOf = ({ meanwhile }: Put) => (meanwhile ? { meanwhile } : {});
