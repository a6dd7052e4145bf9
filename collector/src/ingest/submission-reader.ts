// The stored messages of a survey, read as submissions: what was sent under one id and one submissionId together.
// Invariant: however little is read at a time, a submission is handed over once, whole, when its last message was read.
import { responseOf } from '../engine/response.ts';
import { emptySubmission, foldResponse, type SubmissionState } from '../engine/submission.ts';
import type { ResponsePlace } from '../storage/port.ts';
import { engineMessage } from './stored-message.ts';
import type { WorkingSet } from './working-set.ts';

/** Messages read in one go unless said otherwise: some 3 ms with their folding, with 200 answers each some 10 ms. */
export const RESPONSES_PAGE = 100;

/** One sender's submission. */
export interface SentSubmission {
  /** Its last message. */
  place: ResponsePlace;
  state: SubmissionState;
}

export interface SubmissionReader {
  /**
   * Reads on, a bounded number of messages: a submission may have any number, and messages wait behind the lane.
   * `until`: messages dated later have no effect yet, epoch ms. Answers the submissions whose end was seen.
   */
  next(until: number): Promise<{ sent: SentSubmission[]; isDone: boolean }>;
}

export interface Reading {
  survey: string;
  /** The last message that was read before. */
  after?: ResponsePlace | null;
  /** Messages read in one go. */
  page?: number;
  /** Messages stored after that number are passed over. */
  lastSeq?: number;
}

export function createSubmissionReader(
  { store }: Pick<WorkingSet, 'store'>,
  { survey, after = null, page = RESPONSES_PAGE, lastSeq = Number.POSITIVE_INFINITY }: Reading,
): SubmissionReader {
  /** The last message read: a submission goes on in the next page. */
  let reached = after;
  let open: SentSubmission | null = null;
  return {
    async next(until) {
      const rows = await store.query({ ask: 'responses', survey, after: reached, until, limit: page });
      const sent: SentSubmission[] = [];
      for (const { node, submission, seq, row } of rows) {
        reached = { node, submission, seq };
        if (seq > lastSeq) continue;
        if (open && !isOneSubmission(open.place, reached)) {
          sent.push(open);
          open = null;
        }
        open ??= { place: reached, state: emptySubmission() };
        open.place = reached;
        const message = engineMessage(row);
        const response = responseOf(message);
        if (response) foldResponse(open.state, response, message);
      }
      const isDone = rows.length < page;
      if (isDone && open) {
        sent.push(open);
        open = null;
      }
      return { sent, isDone };
    },
  };
}

/** Messages read at a time where one submission is: shown, started, a few answers, completed. */
const PAGE_OF_ONE = 8;

/** What all messages of one submission under one id say up to `until`, epoch ms. */
export async function readSubmission(
  set: Pick<WorkingSet, 'store'>,
  survey: string,
  { node, submission }: Omit<ResponsePlace, 'seq'>,
  until: number,
): Promise<SubmissionState> {
  const place = { node, submission, seq: 0 };
  const reader = createSubmissionReader(set, { survey, after: place, page: PAGE_OF_ONE });
  for (;;) {
    const { sent, isDone } = await reader.next(until);
    const [first] = sent;
    if (first) return isOneSubmission(first.place, place) ? first.state : emptySubmission();
    if (isDone) return emptySubmission();
  }
}

const isOneSubmission = (a: Omit<ResponsePlace, 'seq'>, b: Omit<ResponsePlace, 'seq'>): boolean =>
  a.node === b.node && a.submission === b.submission;
