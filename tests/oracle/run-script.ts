// Plays a script on a collector and on the model, and compares all that can be read at every look.
// Invariant: between two looks no more is read than a step needs, so that what is overdue stays so.
import { openCollector, T0, type TestCollector } from '../collector.ts';
import { openBooks } from './books.ts';
import { iso } from './computed.ts';
import { createDefinitionSteps } from './definition-steps.ts';
import { lookAtPeople, lookAtSegment, unexpectedChanges } from './look.ts';
import { lookAtSurveys, SURVEY_FILE } from './look-surveys.ts';
import { messagesByPerson } from './model.ts';
import { createPeopleSteps } from './people-steps.ts';
import { messagesOf, type Script, type Send, type Step, stepsIn } from './script.ts';
import { faultsOfAnswer, planOf } from './sending.ts';

/** Furthest a clock may stand behind at a reopening, in milliseconds. */
const MAX_BEHIND_MS = 60_000;

/**
 * Plays the script; throws with the step and all differences at the first disagreement. Answers its steps.
 * `atEnd` may look further at the collector before it is closed.
 */
export async function playScript(
  script: Script,
  atEnd: (collector: TestCollector, timezone: string) => Promise<void> = async () => {},
): Promise<number> {
  const [first] = script;
  const { timezone = 'UTC', threads = false, beside = false } = first?.do === 'open' ? first : {};
  const opening = { timezone, threads, beside, config: SURVEY_FILE };
  const collector = await openCollector({ file: true, now: T0, ...opening });
  try {
    const game = createGame(collector, timezone);
    for (const [index, step] of script.entries()) {
      const faults = await game.play(step);
      if (faults.length > 0) {
        throw new Error(`step ${index} (${step.do}) at ${iso(collector.clock.now)}:\n${faults.join('\n')}`);
      }
    }
    const survey = await game.lookAtSurveys();
    if (survey.length > 0) throw new Error(`surveys at the end:\n${survey.join('\n')}`);
    const differences = await collector.verify();
    if (differences.length > 0) throw new Error(`verify at the end: ${JSON.stringify(differences)}`);
    await atEnd(collector, timezone);
  } finally {
    await collector.dispose();
  }
  return script.reduce((sum, step) => sum + stepsIn(step), 0);
}

function createGame(collector: TestCollector, timezone: string) {
  const books = openBooks(collector.clock, { timezone });
  const people = createPeopleSteps(collector, books);
  const definitions = createDefinitionSteps(collector, books, send);
  const readUpTo = new Map<string, number>();

  async function send(step: Send): Promise<string[]> {
    const plan = planOf(step, {
      now: books.now(),
      seen: books.seen,
      suppressed: books.suppressed,
      shadows: books.history.shadows,
      retention: books.retention,
    });
    books.history = { ...books.history, messages: [...books.history.messages, ...plan.accepted] };
    const sentAt = step.batchSentAtMs;
    const more = sentAt === undefined ? {} : { sentAt: iso(books.now() + sentAt) };
    const faults = faultsOfAnswer(plan, await collector.send(step.key, plan.batch, more));
    if (step.twice) {
      const again = await collector.send(step.key, plan.batch, more);
      const { dropped, either } = plan.expected;
      if (again.accepted > dropped + either) faults.push(`the same batch again: ${JSON.stringify(again)}`);
    }
    books.observe();
    return faults;
  }

  async function stepBack(byMs: number): Promise<void> {
    await collector.tick(); // so that the collector has seen the time that it must keep
    collector.clock.now = Math.max(collector.clock.now - byMs, books.now() - MAX_BEHIND_MS);
  }

  async function look(): Promise<string[]> {
    const should = books.world();
    const [faults, ids] = await lookAtPeople(collector, should);
    for (const segment of Object.keys(books.definitions.segments)) {
      const seen = await lookAtSegment(collector, segment, should, ids, books.now());
      faults.push(...seen.faults);
      const unread = seen.feed.filter((row) => row.seq > (readUpTo.get(segment) ?? 0));
      const expected = books.expected(segment);
      if (expected) faults.push(...unexpectedChanges(segment, unread, expected, ids));
      readUpTo.set(segment, seen.feed.at(-1)?.seq ?? 0);
    }
    books.looked();
    return faults;
  }

  return {
    async lookAtSurveys(): Promise<string[]> {
      const [, ids] = await lookAtPeople(collector, books.world());
      return lookAtSurveys(collector, messagesByPerson(books.history, books.now()), ids, books.now());
    },
    async play(step: Step): Promise<string[]> {
      switch (step.do) {
        case 'open':
          return [];
        case 'send':
          return send(step);
        case 'burst':
          return send({ do: 'send', key: step.key, messages: messagesOf(step) });
        case 'race':
          return (await Promise.all(step.sends.map(send))).flat();
        case 'clock':
          collector.advance(step.byMs);
          books.pass();
          return [];
        case 'back':
          await stepBack(step.byMs);
          return [];
        case 'tick':
          await collector.tick();
          return [];
        case 'reopen':
          await collector.reopen();
          return [];
        case 'retain':
          await collector.reopen({ ...SURVEY_FILE, retention: step.retention });
          // What a step of a tick leaves over, as after a burst.
          await collector.tick();
          books.retain(step.retention);
          return [];
        case 'put':
          return definitions.put(step);
        case 'delete':
          return definitions.remove(step);
        case 'edits':
          return definitions.edits(step);
        case 'list':
          return people.list(step);
        case 'merge':
          return people.merge(step);
        case 'unmerge':
          return people.unmerge(step);
        case 'erase':
          return people.erase(step);
        case 'look':
          return look();
      }
    },
  };
}
