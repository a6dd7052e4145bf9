// A survey's own page, for links in mails and chats: /s/:key.
// Invariant: the page may load and send from and to this origin only; a user is taken over from the address
// only with the proof of it.
import { createHash } from 'node:crypto';
import type { Context, Hono } from 'hono';
import type { OfferedSurvey } from '../wire/survey.ts';
import type { HttpParts } from './parts.ts';
import { noticePage, pageStyle, surveyPage } from './survey-page.ts';

/** Nothing but our own files; nobody frames it, so that nobody answers without knowing. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');
/** Browsers may use the style sheet this long before asking again, seconds. */
const STYLE_SECONDS = 300;

export function addSurveyPageRoutes(app: Hono, { access, core }: HttpParts): void {
  const html = (status: 200 | 404, text: string): Response =>
    new Response(text, {
      status,
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': POLICY,
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        // It may name somebody.
        'cache-control': 'no-store',
      },
    });

  const etag = `"${createHash('sha256').update(pageStyle).digest('base64url').slice(0, 20)}"`;
  app.get('/s/-/page.css', (c) => {
    const headers = {
      'content-type': 'text/css; charset=utf-8',
      'cache-control': `public, max-age=${STYLE_SECONDS}`,
      'x-content-type-options': 'nosniff',
      etag,
    };
    if (c.req.header('if-none-match') === etag) return new Response(null, { status: 304, headers });
    return new Response(pageStyle, { headers });
  });

  app.get('/s/:key', async (c) => {
    const survey = await core.survey(c.req.param('key'));
    if (survey === null) return html(404, noticePage('missing', languageOf(c, ['en', 'zh'])));
    if (survey === 'closed') return html(200, noticePage('closed', languageOf(c, ['en', 'zh'])));
    const data = {
      survey,
      language: languageOf(c, survey.languages),
      isPreview: c.req.query('preview') === '1',
      ...provenUser(c),
    };
    return html(200, surveyPage(data, await access.pageKey()));
  });

  function provenUser(c: Context): { userId: string; userSignature: string } | null {
    const { userId = '', userSignature = '' } = c.req.query();
    return userId !== '' && access.proves(userId, userSignature) ? { userId, userSignature } : null;
  }
}

/** One of these languages: as `?lang=` wishes, as the browser does, or the first. */
function languageOf(c: Context, languages: OfferedSurvey['languages']): string {
  const accepted = (c.req.header('accept-language') ?? '')
    .split(',')
    .map((item, i) => {
      const [name = '', ...rest] = item.split(';');
      const q = rest.map((part) => /^\s*q=([\d.]+)\s*$/.exec(part)?.[1]).find(Boolean);
      return { name: name.trim(), weight: Number(q ?? 1), i };
    })
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight || a.i - b.i)
    .map(({ name }) => name);
  const base = (name: string): string => name.toLowerCase().split('-')[0] as string;
  for (const wanted of [c.req.query('lang') ?? '', ...accepted]) {
    const found =
      languages.find((name) => name.toLowerCase() === wanted.toLowerCase()) ??
      languages.find((name) => base(name) === base(wanted));
    if (found !== undefined) return found;
  }
  return languages[0] ?? 'en';
}
