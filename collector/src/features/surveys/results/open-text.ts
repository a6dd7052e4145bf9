// Themes of open answers, with whose words they are: respondents' and, told apart, interviews'.
// Invariant: shares are of respondents only; interviews are tagged into the same themes and quoted as such.
import type { JsonObject } from '../../../wire/message.ts';
import { type Theme, themesInSteps } from '../statistics/themes.ts';
import type { Submission } from './digest.ts';
import { shareOf } from './kind.ts';
import { type Pace, runPaced } from './pace.ts';

/** Themes of the question at that place, over submissions in order of their first message. */
export async function themesOf(
  submissions: readonly Submission[],
  place: number,
  pace: Pace,
): Promise<JsonObject> {
  const written = submissions.flatMap((submission) => {
    const text = submission.content.answers[place];
    return typeof text === 'string' ? [{ submission, text }] : [];
  });
  const answers = written.map(({ submission, text }) => {
    const { language } = submission.content;
    return language === null ? { text } : { text, language };
  });
  const found = await runPaced(themesInSteps(answers), pace);
  const isInterview = (answer: number) => written[answer]?.submission.content.source === 'interview';
  const respondents = (list: readonly number[]) => list.filter((answer) => !isInterview(answer)).length;
  const read = respondents(found?.read ?? []);
  return {
    read,
    interviews: written.filter((_, i) => isInterview(i)).length,
    themes: (found?.themes ?? []).map((theme) => themeOf(theme, read, { respondents, isInterview, written })),
    other: respondents(found?.unthemed ?? []),
  };
}

function themeOf(
  { terms, members, quotes }: Theme,
  read: number,
  of: {
    respondents: (list: readonly number[]) => number;
    isInterview: (answer: number) => boolean;
    written: readonly { submission: Submission }[];
  },
): JsonObject {
  const count = of.respondents(members);
  return {
    terms: terms.map(({ term, answers, z }) => ({ term, answers, z })),
    ...shareOf(count, read),
    interviews: members.length - count,
    quotes: quotes.map(({ answer, text }) => ({
      text,
      submissionId: of.written[answer]?.submission.submissionId ?? null,
      profileId: of.written[answer]?.submission.profileId ?? null,
      source: of.isInterview(answer) ? 'interview' : null,
    })),
  };
}
