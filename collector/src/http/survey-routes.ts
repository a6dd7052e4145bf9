// /api/surveys: why somebody is asked or not, and what was answered. Definitions are among the others' routes.
// Invariant: reads only.
import type { Context, Hono } from 'hono';
import { eligibilityOf } from '../features/surveys/eligibility.ts';
import type { surveyResults } from '../features/surveys/results/index.ts';
import { readDate } from '../wire/instant.ts';
import { adminQuery, notFound, pageOf } from './api-words.ts';
import { ApiError } from './errors.ts';
import type { HttpParts } from './parts.ts';

export function addSurveyRoutes(app: Hono, { core, onTrouble }: HttpParts): void {
  let loaded: Promise<ReturnType<typeof surveyResults>> | null = null;
  /** Their statistics are loaded with the first question for them: most starts are not for that. */
  const loadResults = () => {
    if (loaded) return loaded;
    const loading = import('../features/surveys/results/index.ts').then((module) =>
      module.surveyResults(core, { onTrouble }),
    );
    loaded = loading;
    loading.catch(() => {
      // Asked again it is tried again.
      loaded = null;
    });
    return loading;
  };
  app.get('/api/surveys/:key/eligibility', async (c) => {
    const { id, url = null, verified } = adminQuery(c, ['id', 'url', 'verified']);
    const key = c.req.param('key');
    if (id === undefined)
      throw invalidParameter('id is required: user:<userId>, anon:<anonymousId> or the profile’s own');
    if (url !== null && !URL.canParse(url))
      throw invalidParameter('url must be a whole address, such as https://shop.example/cart');
    if (verified !== undefined && verified !== 'true' && verified !== 'false')
      throw invalidParameter('verified must be true or false: whether they prove who they are');
    const found = await core.surveyStanding(id, key);
    if (found === 'unknown_survey') throw notFound('survey');
    if (found === 'unknown_profile') throw notFound('profile');
    if (found === 'building')
      throw new ApiError(409, 'building', `the survey "${key}" is still being built: nobody is asked yet`);
    const { asked, others, last, profileId } = found;
    const isVerified = verified === undefined ? null : verified === 'true';
    const eligibility = eligibilityOf(asked, others, core.now(), { url, isVerified });
    const { eligible, offered, reason, unknown, gates } = eligibility;
    const { delay, exitIntent, scroll } = asked.standing.definition.target ?? {};
    return c.json({
      survey: key,
      profileId,
      eligible,
      offered,
      reason,
      unknown,
      gates,
      page: { delay: delay ?? null, exitIntent: exitIntent ?? false, scroll: scroll ?? null },
      last: last && { at: last.at, ...last.decision },
    });
  });
  app.get('/api/surveys/:key/responses', async (c) => {
    adminQuery(c, ['limit', 'cursor']);
    const page = await core.submissions(surveyKey(c), pageOf(c));
    if (!page) throw notFound('survey');
    const iso = (time: number | undefined) => (time === undefined ? null : new Date(time).toISOString());
    const data = page.data.map(({ submissionId, profileId, userId, submission }) => {
      const { at, firstAt, lastAt, ...shown } = submission;
      return {
        submissionId,
        profileId,
        userId,
        ...shown,
        shownAt: iso(at.shown),
        startedAt: iso(at.started ?? at.partial),
        completedAt: iso(at.completed),
        dismissedAt: iso(at.dismissed),
        firstAt: iso(firstAt),
        lastAt: iso(lastAt),
      };
    });
    return c.json({ data, next: page.next });
  });
  app.get('/api/surveys/:key/results', async (c) => {
    const query = adminQuery(c, ['segment', 'from', 'to', 'by']);
    const period = { from: timeOf('from', query.from), to: timeOf('to', query.to) };
    if (period.from !== null && period.to !== null && period.from > period.to)
      throw invalidParameter('to must not be before from');
    const { segment = null, by = null } = query;
    if (by === '') throw invalidParameter('by names a segment or a trait; leave it out for no groups');
    const results = await loadResults();
    const found = await results({ survey: surveyKey(c), segment, by, period });
    if (found === 'unknown_survey') throw notFound('survey');
    if (found === 'unknown_segment') throw invalidParameter(`segment: there is no segment "${segment}"`);
    if (found === 'unknown_split') throw invalidParameter(`by: there is no "${by}"`);
    return c.json(found);
  });
}

const invalidParameter = (message: string): ApiError => new ApiError(400, 'invalid_parameter', message);

const DAY_MS = 86_400_000;
const DAY_CHARS = '2026-06-10'.length;

/** A day (UTC; `to` its end) or an instant, epoch ms. */
function timeOf(name: 'from' | 'to', text: string | undefined): number | null {
  if (text === undefined) return null;
  const time = readDate(text);
  if (time === undefined)
    throw invalidParameter(
      `${name} must be a day such as 2026-06-10 or an instant such as 2026-06-10T12:00:00Z`,
    );
  return name === 'to' && text.length === DAY_CHARS ? time + DAY_MS - 1 : time;
}

const surveyKey = (c: Context): string => c.req.param('key') ?? '';
