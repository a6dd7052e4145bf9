// Answers about survey responses.
// Invariant: a submission's messages stand together; each is one indexed scan bounded by its limit, except counts.
import { SURVEY_EVENT } from '../../wire/message.ts';
import type { Answering, ResponseRow } from '../port.ts';
import { historyRow, type MessageRow, OF_MESSAGE, statusCode, statusOf, typeCode } from './columns.ts';
import type { Statements } from './statements.ts';
import { storedMessages } from './stored-messages.ts';
import type { Terms } from './terms.ts';

interface ResponseColumns {
  seq: number;
  survey: string;
  node: number;
  submission: string;
  status: number;
}

const response = ({ seq, survey, node, submission, status }: ResponseColumns): ResponseRow => ({
  seq,
  survey,
  node,
  submission,
  status: statusOf(status),
});

export function surveyAnswers(
  statements: Statements,
  terms: Terms,
): Answering<'completed-count' | 'is-completed' | 'responses' | 'survey-messages' | 'response-rows'> {
  const { all, count } = statements;
  const messages = storedMessages(statements, terms);
  return {
    'completed-count': ({ survey, since }) =>
      Number.isFinite(since)
        ? count(
            `SELECT count(*) AS n FROM (SELECT DISTINCT r.node, r.submission
             FROM response AS r JOIN message AS m ON m.seq = r.seq
             WHERE r.survey = ? AND r.status = ? AND m.time >= ?)`,
            ...[survey, statusCode('completed'), since],
          )
        : count(
            'SELECT count(*) AS n FROM (SELECT DISTINCT node, submission FROM response WHERE survey = ? AND status = ?)',
            ...[survey, statusCode('completed')],
          ),
    'is-completed': ({ survey, node, submission, since }) =>
      count(
        `SELECT EXISTS (SELECT 1 FROM response AS r JOIN message AS m ON m.seq = r.seq
         WHERE r.survey = ? AND r.node = ? AND r.submission = ? AND r.status = ? AND m.time >= ?) AS n`,
        ...[survey, node, submission, statusCode('completed'), since],
      ) > 0,
    responses({ survey, after, until, limit }) {
      type Found = ResponseColumns & MessageRow & { filed: number; said: number };
      const select = (where: string): string =>
        `SELECT r.seq, r.survey, r.node AS filed, r.submission, r.status AS said, ${OF_MESSAGE}
         FROM response AS r JOIN message AS m ON m.seq = r.seq
         WHERE r.survey = ? AND ${where} AND m.time <= ?
         ORDER BY r.node, r.submission, r.seq LIMIT +?`;
      const { node, submission, seq } = after ?? { node: 0, submission: '', seq: 0 };
      // In two parts, each one stretch of the index: a submission may have any number of messages.
      const same = after
        ? all<Found>(
            select('r.node = ? AND r.submission = ? AND r.seq > ?'),
            ...[survey, node, submission, seq, until, limit],
          )
        : [];
      const others =
        same.length < limit
          ? all<Found>(
              select('(r.node, r.submission) > (?, ?)'),
              ...[survey, node, submission, until, limit - same.length],
            )
          : [];
      return [...same, ...others].map((found) => ({
        ...response({ ...found, node: found.filed, status: found.said }),
        row: historyRow(found, terms),
      }));
    },
    'survey-messages'({ after, limit }) {
      const event = terms.find(SURVEY_EVENT);
      return messages('seq > ? AND (type = ? OR event = ?)', [after, typeCode('survey'), event ?? -1], limit);
    },
    'response-rows': ({ after, limit }) =>
      all<ResponseColumns>('SELECT * FROM response WHERE seq > ? ORDER BY seq LIMIT +?', after, limit).map(
        response,
      ),
  };
}
