// Everything a survey has to say: puts counts, figures, funnel, quality, groups and weights together.
// Invariant: a question's n are the valid answers of respondents, whether they completed the survey or not; the
// survey's n are completed submissions; interviews and previews are in neither.
import type { SurveySnapshot } from '../../../ingest/core.ts';
import { questionOf } from '../../../ingest/survey-offer.ts';
import type { JsonObject } from '../../../wire/message.ts';
import type { SurveyQuestion } from '../../../wire/survey.ts';
import { answersTo, type Digest, type Submission } from './digest.ts';
import { funnelOf } from './funnel.ts';
import { groupsOf } from './groups.ts';
import { KINDS } from './kinds.ts';
import { themesOf } from './open-text.ts';
import { type BestWorst, bestWorst, designsOf } from './ordered.ts';
import { createPace, type Pace, sortPaced } from './pace.ts';
import { questionTime, straightLinersOf, timingOf } from './quality.ts';
import { representationOf } from './representation.ts';

/** Times of completion, or of the last message of what was not completed: both ends included, epoch ms. */
export interface Period {
  from: number | null;
  to: number | null;
}

/** Results of the submissions of that period. Computed in pieces: others are answered in between. */
export async function resultsOf(snapshot: SurveySnapshot<Digest>, period: Period): Promise<JsonObject> {
  const pace = createPace();
  const questions = snapshot.definition.questions.map(questionOf);
  const chosen = await inOrder(
    snapshot.records.filter((record) => isChosen(record, snapshot, period)),
    pace,
  );
  const respondents = chosen.filter(({ content }) => content.source === 'respondent');
  const answered = respondents.filter(({ content }) => isAnswered(content));
  const interviews = chosen.filter(({ content }) => content.source === 'interview');
  const completed = answered.filter(({ content }) => content.status === 'completed');
  await pace();
  const figures: JsonObject = {};
  for (const [place, question] of questions.entries())
    figures[question.id] = await questionFigures({ place, question, answered, interviews }, pace);
  const designs = designFigures(answered, questions);
  await pace();
  const timing = timingOf(completed);
  await pace();
  const straightLiners = await straightLinersOf(answered, questions, pace);
  return {
    at: new Date(snapshot.at).toISOString(),
    n: completed.length,
    partial: answered.length - completed.length,
    interviews: interviews.length,
    questions: figures,
    maxdiff: designs,
    funnel: await funnelOf(
      chosen.map(({ content }) => content),
      questions,
      pace,
    ),
    timing,
    straightLiners,
    groups: await groupsOf(snapshot, answered, questions, pace),
    representation: await representationOf(snapshot, answered, questions, pace),
  };
}

/** Completed, or answered in part, also when it was closed after that. */
const isAnswered = ({ status, answers }: Digest): boolean =>
  status === 'completed' || answers.some((answer) => answer !== undefined);

function isChosen(
  { person, content }: Submission,
  { filter }: SurveySnapshot<Digest>,
  { from, to }: Period,
): boolean {
  if (filter && !filter.has(person)) return false;
  return (from === null || content.time >= from) && (to === null || content.time <= to);
}

/** By their first messages, so that nothing depends on the order in which they arrived. */
function inOrder(submissions: readonly Submission[], pace: Pace): Promise<Submission[]> {
  return sortPaced(
    submissions,
    ({ first: [a, x, k] }, { first: [b, y, l] }) => a - b || (x < y ? -1 : x > y ? 1 : k - l),
    pace,
  );
}

interface Asked {
  place: number;
  question: SurveyQuestion;
  answered: readonly Submission[];
  interviews: readonly Submission[];
}

async function questionFigures(
  { place, question, answered, interviews }: Asked,
  pace: Pace,
): Promise<JsonObject> {
  const answers = answersTo(answered, place);
  const invalid = answered.filter(({ content }) => content.answers[place] === null).length;
  const figures = KINDS[question.type].figures(answers, question);
  await pace();
  const texts =
    question.type === 'open_text'
      ? await themesOf(await inOrder([...answered, ...interviews], pace), place, pace)
      : {};
  const seconds = questionTime(answered, place);
  await pace();
  return { type: question.type, n: answers.length, invalid, ...figures, ...texts, seconds };
}

/** Best-worst questions that share items are one design: scores over all of its sets. */
function designFigures(answered: readonly Submission[], questions: readonly SurveyQuestion[]): JsonObject[] {
  return designsOf(questions).map(({ questions: places, items }) => {
    const people = answered.map(({ content }) =>
      places.flatMap((place) => {
        const answer = content.answers[place] as BestWorst | null | undefined; // of a best-worst question
        const shown = (questions[place]?.options ?? []).map(({ id }) => id);
        return answer ? [{ shown, ...answer }] : [];
      }),
    );
    const n = people.filter((sets) => sets.length > 0).length;
    return { questions: places.map((place) => questions[place]?.id ?? ''), n, ...bestWorst(people, items) };
  });
}
