// Reads what the collector says of surveys and compares it with what the messages say by themselves.
// Invariant: reads by the public API only; the surveys are the same in every script and come with its file.
import type { JsonObject } from '../../collector/src/wire/message.ts';
import type { TestCollector } from '../collector.ts';
import { at } from './comparison.ts';
import { differences } from './differences.ts';
import type { ModelMessage } from './history.ts';
import type { Ids } from './look.ts';
import { responseOf } from './survey.ts';

const questions = [{ id: 'score', type: 'nps', title: 'Score' }];
const RULES = {
  nps: { times: 2, everyMs: 15_000, coolDownMs: 10_000 },
  exit: { times: 1, everyMs: 60_000, coolDownMs: 5_000 },
} as const;

/** Gates count no further (docs/survey-definitions.md). */
const MOST_COUNTED = 20;

/** What a collector is opened with. */
export const SURVEY_FILE = {
  surveys: Object.fromEntries(
    Object.entries(RULES).map(([key, { times, everyMs, coolDownMs }]) => [
      key,
      {
        name: key,
        questions,
        frequency: { times, every: `${everyMs / 1_000}s`, coolDown: `${coolDownMs / 1_000}s` },
      },
    ]),
  ),
};

const OTHERS = ['shown', 'started', 'partial', 'dismissed'];

const statusOf = (message: ModelMessage): string => {
  const status = at(message.type === 'survey' ? message.body : message.body.properties, 'status');
  return typeof status === 'string' && OTHERS.includes(status) ? status : 'completed';
};
const surveyOf = (message: ModelMessage): string | undefined => responseOf(message)?.surveyId;

/** `people`: everybody's messages in order, by the model's key. */
export async function lookAtSurveys(
  collector: TestCollector,
  people: ReadonlyMap<string, readonly ModelMessage[]>,
  ids: Ids,
  now: number,
): Promise<string[]> {
  const faults: string[] = [];
  for (const [key, { times, everyMs, coolDownMs }] of Object.entries(RULES)) {
    for (const [person, messages] of people) {
      const id = ids.get(person);
      if (id === undefined) continue;
      const within = (ms: number) => messages.filter(({ time }) => time > now - ms);
      const own = (...statuses: string[]): number => {
        const about = within(everyMs).filter(
          (message) => surveyOf(message) === key && statuses.includes(statusOf(message)),
        );
        const submissions = new Set(about.map((message) => responseOf(message)?.submissionId));
        return Math.min(MOST_COUNTED, submissions.size);
      };
      const [shown, answered] = [own('shown'), own('completed')];
      const met = own('started', 'partial', 'dismissed');
      const surveys = new Set(within(coolDownMs).map(surveyOf));
      const otherSurveys = [...surveys].filter((survey) => survey && survey !== key).length;
      const answer = await collector.api('GET', `/api/surveys/${key}/eligibility?id=${id}`);
      const is = (answer.json.gates as JsonObject[]).slice(1).map(({ holds, ...rest }) => [holds, rest]);
      const should = [
        [
          Math.max(shown, answered, Math.min(1, met)) < times,
          { gate: 'frequency', times, every: `${everyMs / 1_000}s`, shown, answered, met },
        ],
        [otherSurveys === 0, { gate: 'coolDown', coolDown: `${coolDownMs / 1_000}s`, otherSurveys }],
      ];
      faults.push(...differences(`gates of ${key} before ${person}`, is, should));
    }
    const rows = await collector.all<JsonObject>(`/api/surveys/${key}/responses`, 3);
    // Somebody erased whose late messages are all anonymous is neither listed nor has an address: their id is unknown.
    const known = new Set<unknown>(ids.values());
    const told = rows.map(({ profileId, status, answers }) => [
      known.has(profileId) ? profileId : null,
      status,
      answers,
    ]);
    const should = submissionsOf(key, people, ids);
    faults.push(...differences(`responses to ${key}`, sorted(told), sorted(should)));
  }
  return faults;
}

const sorted = (rows: unknown[]): string[] => rows.map((row) => JSON.stringify(row)).sort();

function submissionsOf(
  key: string,
  people: ReadonlyMap<string, readonly ModelMessage[]>,
  ids: Ids,
): unknown[] {
  const all = [...people].flatMap(([person, messages]) => messages.map((message) => ({ person, message })));
  const bySubmission = new Map<string, typeof all>();
  for (const entry of all) {
    const response = responseOf(entry.message);
    if (response?.surveyId !== key) continue;
    bySubmission.set(response.submission, [...(bySubmission.get(response.submission) ?? []), entry]);
  }
  return [...bySubmission.values()].map((entries) => {
    // People's messages are in order, so that a stable sort by time keeps ids in order within a person.
    entries.sort((a, b) => (before(a.message, b.message) ? -1 : 1));
    const answers: JsonObject = {};
    for (const { message } of entries) Object.assign(answers, responseOf(message)?.answers);
    const given = Object.entries(answers).filter(([, answer]) => answer !== null);
    given.sort(([a], [b]) => (a < b ? -1 : 1));
    const statuses = new Set(entries.map(({ message }) => statusOf(message)));
    const furthest = ['completed', 'dismissed', 'partial', 'started', 'shown'].find((name) =>
      statuses.has(name),
    );
    const status =
      given.length > 0 && (furthest === 'started' || furthest === 'shown') ? 'partial' : furthest;
    return [ids.get(entries[0]?.person ?? ''), status, Object.fromEntries(given)];
  });
}

function before(a: ModelMessage, b: ModelMessage): boolean {
  if (a.time !== b.time) return a.time < b.time;
  const [x, y] = [Buffer.from(a.messageId), Buffer.from(b.messageId)];
  return Buffer.compare(x, y) < 0 || (Buffer.compare(x, y) === 0 && a.kind === 'web');
}
