// What the core answers about surveys: who may be asked, what was sent, and what results rest on.
// Invariant: a survey is offered as it was last defined, and asked by the gates in force.
import { viewSubmission } from '../engine/submission.ts';
import type { ResponsePlace } from '../storage/port.ts';
import type { JsonObject } from '../wire/message.ts';
import { createPace } from './breathe.ts';
import type { Core } from './core.ts';
import { own } from './definition-book.ts';
import { exposureIn } from './exposure.ts';
import type { Inside } from './inside.ts';
import { decodeCursor, encodeCursor, findProfile, idsOf, iso } from './profile-reads.ts';
import { openReport } from './report.ts';
import { settledPerson } from './settle.ts';
import { createSubmissionReader } from './submission-reader.ts';
import { whyShutTo } from './survey-closing.ts';
import { offerOf } from './survey-offer.ts';
import { keepDecisions, type PageReading, readOn, standingsOf } from './survey-reads.ts';
import { takeSnapshot } from './survey-snapshot.ts';
import { splitOf } from './survey-split.ts';

export type SurveyCore = Pick<
  Core,
  'surveyStanding' | 'keepDecisions' | 'survey' | 'submissions' | 'surveySnapshot' | 'report'
>;

export function createSurveyCore({
  store,
  set,
  lane,
  book,
  tell,
  read,
  settleAll,
  liveVersion,
  copyWith,
}: Inside): SurveyCore {
  return {
    surveyStanding: (ref, key) =>
      read(async (at) => {
        if (!own(book.wanted.surveys, key)) return 'unknown_survey';
        if (!set.program.surveys.has(key)) return 'building';
        const id = await findProfile(set, ref);
        const person = id === null ? null : await settledPerson(set, id, at);
        if (!person) return 'unknown_profile';
        const exposure = exposureIn(book);
        const places = (await standingsOf(set, person, at, () => true)).map((standing) => ({
          standing,
          expose: exposure.survey(standing.key),
        }));
        const asked = places.find(({ standing }) => standing.key === key);
        if (!asked) return 'building';
        const [last] = (await store.read({ decisions: [{ survey: key, person: person.id }] })).decisions;
        const { publicId } = await idsOf(set, person.id);
        const kept = last ? { at: iso(last.at), decision: JSON.parse(last.text) as JsonObject } : null; // our own
        return { asked, others: places.filter((one) => one !== asked), last: kept, profileId: publicId };
      }),
    keepDecisions: (person, decisions) =>
      lane.task(async (working, at) => ({
        result: undefined,
        changed: await keepDecisions(working, person, decisions, at),
      })),
    survey: (key) =>
      read(async (at) => {
        const definition = own(book.wanted.surveys, key);
        if (!definition || definition.expose === 'none') return null;
        return (await whyShutTo(set, key, at)) ? 'closed' : offerOf(key, definition);
      }),
    async submissions(key, { limit, cursor }) {
      if (!own(book.wanted.surveys, key)) return null;
      const after = cursor === null ? null : decodeCursor(cursor, isPlace);
      const reader = createSubmissionReader(set, { survey: key, after });
      const reading: PageReading = { data: [], next: null };
      const until = tell();
      while (reading.next === null)
        await read(async () => {
          await readOn(set, reader, reading, { until, limit });
        });
      const place = reading.next.place;
      return read(async () => {
        const data = [];
        const pace = createPace();
        for (const { submission, person, state } of reading.data) {
          await pace();
          const { publicId: profileId, userId } = await idsOf(set, person);
          const view = viewSubmission(state);
          data.push({ submissionId: submission, person, profileId, userId, submission: view });
        }
        return { data, next: place && encodeCursor({ ...place }) };
      });
    },
    surveySnapshot: (key, { segment, by, digestFor }) =>
      takeSnapshot({ lane, set, settle: settleAll }, () => {
        const definition = own(book.wanted.surveys, key);
        if (!definition) return 'unknown_survey';
        if (segment !== null && !own(book.wanted.segments, segment)) return 'unknown_segment';
        const isKnown = {
          segment: (name: string) => own(book.wanted.segments, name) !== undefined,
          computed: (name: string) => own(book.wanted.traits, name) !== undefined,
        };
        const split = by === null ? null : splitOf(by, isKnown);
        if (split === 'unknown_split') return split;
        const trait = split?.kind === 'computed' ? set.program.traits.get(split.key) : undefined;
        const version = split?.kind === 'segment' ? liveVersion(split.key) : undefined;
        const target = definition.target?.segment;
        return {
          survey: key,
          definition,
          ...(target === undefined ? {} : { frame: liveVersion(target) }),
          ...(segment === null ? {} : { filter: liveVersion(segment) }),
          split: split && {
            ...split,
            ...(version === undefined ? {} : { version }),
            ...(trait === undefined ? {} : { trait }),
          },
          digest: digestFor(definition),
        };
      }),
    async report(segment, signal) {
      if (segment !== null && !own(book.wanted.segments, segment)) return 'unknown_segment';
      await settleAll();
      const version = segment === null ? null : liveVersion(segment);
      if (segment !== null && version === null) return 'building';
      return openReport({ copy: () => copyWith(set.program), read, signal }, version);
    },
  };
}

const isPlace = (value: unknown): value is ResponsePlace =>
  typeof value === 'object' &&
  value !== null &&
  'node' in value &&
  typeof value.node === 'number' &&
  'submission' in value &&
  typeof value.submission === 'string' &&
  'seq' in value &&
  typeof value.seq === 'number';
