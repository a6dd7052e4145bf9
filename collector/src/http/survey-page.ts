// The HTML and CSS of a survey's own page, and of what there is to say instead.
// Invariant: what an author or a visitor wrote goes in as escaped text or escaped JSON, never as markup.
import type { OfferedSurvey } from '../wire/survey.ts';

/** What the page's script reads (sdk-web/src/survey/page.ts). */
export interface PageData {
  survey: OfferedSurvey;
  language: string;
  isPreview: boolean;
  /** Only where the signature proved it. */
  userId?: string;
  userSignature?: string;
}

/** The page's own words; the survey has its own. */
const WORDS = {
  en: {
    wait: 'The survey is loading…',
    noScript: 'This survey needs JavaScript, which your browser does not run here.',
    missing: 'There is no such survey',
    missingMore: 'The link may be mistyped, or the survey was removed. Whoever sent it to you can tell.',
    closed: 'This survey is closed',
    closedMore: 'It takes no more answers. Thank you for wanting to help.',
  },
  zh: {
    wait: '问卷加载中…',
    noScript: '此问卷需要 JavaScript，而您的浏览器未启用它。',
    missing: '没有找到这份问卷',
    missingMore: '链接可能有误，或问卷已被移除。请向发送链接的人确认。',
    closed: '问卷已结束',
    closedMore: '目前不再接受回答。感谢您愿意参与。',
  },
};

const RIGHT_TO_LEFT = /^(ar|he|iw|fa|ur|yi|ji|ps|sd|ug|dv|ckb)\b/i;

const wordsFor = (language: string): (typeof WORDS)['en'] => (/^zh\b/i.test(language) ? WORDS.zh : WORDS.en);

export const escapeText = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** JSON that no HTML parser can mistake for the end of its element. */
export const escapeJson = (data: unknown): string =>
  JSON.stringify(data).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

function frame(language: string, title: string, head: string, body: string): string {
  const direction = RIGHT_TO_LEFT.test(language) ? 'rtl' : 'ltr';
  return `<!doctype html>
<html lang="${escapeText(language)}" dir="${direction}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${escapeText(title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="-/page.css">
${head}<main>
${body}</main>
</html>
`;
}

/** @param writeKey public: the page sends with it */
export function surveyPage(data: PageData, writeKey: string): string {
  const { survey, language } = data;
  const words = wordsFor(language);
  const head = `<script async src="../sdk.js" data-write-key="${escapeText(writeKey)}" data-page="off"></script>
<script type="application/json" id="data">${escapeJson(data)}</script>
<script type="module" src="../sdk-survey-page.js"></script>
`;
  const body = `<div id="survey"></div>
<p id="wait" role="status">${words.wait}</p>
<noscript><p>${words.noScript}</p></noscript>
`;
  return frame(language, survey.name, head, body);
}

export function noticePage(kind: 'missing' | 'closed', language: string): string {
  const words = wordsFor(language);
  const [title, more] =
    kind === 'missing' ? [words.missing, words.missingMore] : [words.closed, words.closedMore];
  return frame(language, title, '', `<div class="notice"><h1>${title}</h1>\n<p>${more}</p></div>\n`);
}

export const pageStyle = `:root{color-scheme:light dark;--ground:#eef0f5;--text:#171a21;--muted:#566072;--card:#fff}
@media (prefers-color-scheme:dark){:root{--ground:#0e1014;--text:#f1f3f7;--muted:#a9b2c1;--card:#181b21}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;min-height:100dvh;display:grid;place-items:center;background:var(--ground);color:var(--text);font:400 1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","PingFang SC","Microsoft YaHei",sans-serif}
main{width:100%;max-width:720px;padding:clamp(8px,4vw,48px)}
#survey{border-radius:14px}
#survey:not(:empty){box-shadow:0 1px 2px #0000000f,0 16px 48px #0000001c}
#wait{text-align:center;color:var(--muted)}
.notice{padding:clamp(28px,8vw,64px) clamp(20px,6vw,56px);border-radius:14px;background:var(--card);text-align:center;box-shadow:0 1px 2px #0000000f,0 16px 48px #0000001c}
h1{margin:0 0 10px;font-size:1.5rem;line-height:1.3}
.notice p{margin:0 auto;max-width:44ch;color:var(--muted)}
noscript p{text-align:center}
noscript~#wait,main:has(noscript p)>#wait{display:none}
`;
