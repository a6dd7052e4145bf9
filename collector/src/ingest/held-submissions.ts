// What is known of submissions of surveys, so that the lane can tell at once whether one may still be made.
// Invariant: what the commit being prepared adds is counted; only surveys that somebody asks about are counted.
import type { NewMessage, Store, SubmissionKey } from '../storage/port.ts';
import type { SurveyStatus } from '../wire/message.ts';

export interface HeldSubmissions {
  /**
   * What a submission's messages say of it so far, in effect or not. To be read before a message is added to it:
   * `since` as for `completedOf`.
   */
  submission(key: SubmissionKey, since: number): Promise<ReadonlySet<SurveyStatus>>;
  /**
   * Submissions of a survey that were completed, in effect or not. One that was completed before `since` (epoch ms)
   * and not since does not count.
   */
  completedOf(survey: string, since: number): Promise<number>;
}

/** What the working set does with them beside. */
interface Upkeep {
  /** Hears of every message of the commit being prepared. */
  note(entry: NewMessage): void;
  /** What is held, by kind: read again when it is asked for. */
  readonly maps: readonly Map<unknown, unknown>[];
}

interface Held {
  statuses: Set<SurveyStatus>;
  since: number;
  /** Among those completed since then. */
  isCounted: boolean;
}

const submissionName = ({ node, survey, submission }: SubmissionKey): string =>
  JSON.stringify([node, survey, submission]);

export function createHeldSubmissions({ read, query }: Pick<Store, 'read' | 'query'>): {
  submissions: HeldSubmissions;
  upkeep: Upkeep;
} {
  /** By `node submission survey`: what its messages say, this commit's included. */
  const held = new Map<string, Held>();
  /** By survey: submissions completed since then, this commit's included. */
  const completed = new Map<string, { since: number; count: number }>();

  return {
    submissions: {
      async submission(key, since) {
        const name = submissionName(key);
        const known = held.get(name);
        if (known?.since === since) return known.statuses;
        const [statuses = new Set<SurveyStatus>()] = (await read({ submissions: [key] })).submissions;
        const isCounted =
          statuses.has('completed') &&
          (since === ALWAYS || (await query({ ask: 'is-completed', ...key, since })));
        held.set(name, { statuses, since, isCounted });
        return statuses;
      },
      async completedOf(survey, since) {
        const known = completed.get(survey);
        if (known?.since === since) return known.count;
        const count = await query({ ask: 'completed-count', survey, since });
        completed.set(survey, { since, count });
        return count;
      },
    },
    upkeep: {
      note({ node, message: { time }, response }) {
        if (!response) return;
        const { survey, status } = response;
        const one = held.get(submissionName({ node, ...response }));
        const total = completed.get(survey);
        one?.statuses.add(status);
        if (status !== 'completed' || !total || time < total.since || one?.isCounted) return;
        // Of one that nobody asked about it is not known whether it was counted: whoever asks next counts anew.
        if (one?.since !== total.since) completed.delete(survey);
        else {
          one.isCounted = true;
          total.count++;
        }
      },
      maps: [held, completed],
    },
  };
}

/** Every instant is after it. */
export const ALWAYS = Number.NEGATIVE_INFINITY;
