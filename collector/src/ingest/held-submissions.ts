// What is known of submissions of surveys, so that the lane can tell at once whether one may still be made.
// Invariant: what the commit being prepared adds is counted.
import type { NewMessage, Store, SubmissionKey } from '../storage/port.ts';
import type { SurveyStatus } from '../wire/message.ts';

export interface HeldSubmissions {
  /** What a submission's messages say of it so far, in effect or not. */
  submission(key: SubmissionKey): Promise<ReadonlySet<SurveyStatus>>;
  /** Submissions of a survey that were completed, in effect or not. */
  completedOf(survey: string): Promise<number>;
}

/** What the working set does with them beside. */
interface Upkeep {
  /** Hears of every message of the commit being prepared. */
  note(entry: NewMessage): void;
  /** What is held, by kind: read again when it is asked for. */
  readonly maps: readonly Map<unknown, unknown>[];
}

const submissionName = ({ node, survey, submission }: SubmissionKey): string =>
  JSON.stringify([node, survey, submission]);

export function createHeldSubmissions({ read, query }: Pick<Store, 'read' | 'query'>): {
  submissions: HeldSubmissions;
  upkeep: Upkeep;
} {
  /** By `node submission survey`: what its messages say, this commit's included. */
  const statuses = new Map<string, Set<SurveyStatus>>();
  /** By survey: submissions completed, this commit's included. */
  const completed = new Map<string, number>();

  return {
    submissions: {
      async submission(key) {
        const name = submissionName(key);
        const known = statuses.get(name);
        if (known) return known;
        const [said = new Set<SurveyStatus>()] = (await read({ submissions: [key] })).submissions;
        statuses.set(name, said);
        return said;
      },
      async completedOf(survey) {
        const known = completed.get(survey);
        if (known !== undefined) return known;
        const counted = await query({ ask: 'completed-count', survey });
        completed.set(survey, counted);
        return counted;
      },
    },
    upkeep: {
      note(entry) {
        if (!entry.response) return;
        const { survey, status } = entry.response;
        const said = statuses.get(submissionName({ node: entry.node, ...entry.response }));
        const count = completed.get(survey);
        if (status === 'completed' && said && count !== undefined && !said.has(status))
          completed.set(survey, count + 1);
        said?.add(status);
      },
      maps: [statuses, completed],
    },
  };
}
