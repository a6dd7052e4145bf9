// The survey widget in a real Chromium: when it shows, what it sends, what it leaves alone.
// Invariant: a page with surveys is the page without them, but for the survey.
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OfferedSurvey } from '../../collector/src/wire/survey.ts';
import { eventually, launchChromium, type Served, serveCollector, servePages, tag } from './stage.ts';
import {
  ask,
  flush,
  offering,
  options,
  type Sdk,
  show,
  statuses,
  survey,
  surveyMessages,
  widget,
} from './survey-stage.ts';

declare const sdk: () => Sdk;

let browser: Browser;
let served: Served;
let pages: { url: string; close(): Promise<void> };
let context: BrowserContext;
let page: Page;
let errors: string[];
let offers: OfferedSurvey[];

/** What strict pages allow, style included. */
const STRICT = (collector: string): string =>
  `default-src 'none'; script-src 'self' ${collector}; style-src 'self'; connect-src 'self' ${collector}; require-trusted-types-for 'script'; trusted-types 'none'`;

beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());
beforeEach(async () => {
  served = await serveCollector();
  const quiet = (attributes = ''): string =>
    tag(served.url, `data-page="off" data-use="surveys" data-flush-interval="50" ${attributes}`);
  const body = '<h1>Shop</h1><input id="name" aria-label="Name"><button id="buy">Buy</button>';
  pages = await servePages(
    {
      '*': `<!doctype html><html lang="en"><title>Shop</title>${quiet()}${body}<div id="box"></div>`,
      '/tall': `<!doctype html><html lang="en"><title>Tall</title>${quiet()}${body}<div id="tall"></div><script>tall.style.height='5000px'</script>`,
      '/zh': `<!doctype html><html lang="zh-CN"><title>Shop</title>${quiet()}${body}`,
      '/anonymous': `<!doctype html><html lang="en"><title>Shop</title>${quiet('data-consent="anonymous"')}${body}`,
      '/strict': `<!doctype html><html lang="en"><title>Strict</title><script src="/watch.js"></script>${quiet()}${body}`,
      '/watch.js': `window.violations = [];
        document.addEventListener('securitypolicyviolation', (e) => violations.push(e.violatedDirective + ' ' + e.blockedURI));`,
    },
    { '/strict': { 'content-security-policy': STRICT(served.url) } },
  );
  context = await browser.newContext({ reducedMotion: 'reduce' });
  context.setDefaultTimeout(8_000);
  await context.addInitScript('window.sdk = () => window.tidemark');
  offers = [];
  await offering(context, offers);
  errors = [];
});
afterEach(async () => {
  await context.close();
  await pages.close();
  await served.close();
  expect(errors).toEqual([]);
});

async function open(path = '/'): Promise<void> {
  page = await context.newPage();
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(pages.url + path);
  await eventually(
    () => page.evaluate(() => typeof window.sdk?.() === 'object' && 'surveys' in (sdk() ?? {})),
    Boolean,
  );
}
/** A message whose answer brings the offers. */
const ping = (): Promise<unknown> =>
  page.evaluate(async () => {
    sdk().track('Ping');
    await sdk().flush();
  });
const names = (): Promise<string[]> =>
  page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name));
const sent = (): ReturnType<typeof surveyMessages> => surveyMessages(served);
const isShown = (): Promise<boolean> => widget(page).locator('.card').isVisible();
const press = (name: string): Promise<void> =>
  widget(page).getByRole('button', { name, exact: true }).click();
const nps = survey('nps', [ask('score', 'nps'), ask('why', 'open_text')]);

describe('showing', () => {
  it('loads nothing but the trigger until something is offered, then asks, and tells each step', async () => {
    await open();
    await ping();
    expect((await names()).filter((name) => name.includes('survey'))).toEqual([
      `${served.url}/sdk-surveys.js`,
    ]);
    offers.push(nps);
    await ping();
    await widget(page).getByText('About score').waitFor();
    await widget(page).getByRole('radio', { name: '9', exact: true }).check();
    await press('Next');
    await widget(page).getByRole('textbox').fill('The search');
    await press('Send');
    await widget(page).getByRole('heading', { name: 'Thank you for your answers.' }).waitFor();
    await flush(page);
    const messages = sent();
    expect(statuses(messages)).toEqual(['shown', 'started', 'partial', 'completed']);
    expect(new Set(messages.map(({ submissionId }) => submissionId)).size).toBe(1);
    expect(messages[0]).toMatchObject({
      surveyId: 'nps',
      version: 'v1',
      language: 'en',
      trigger: 'offer',
      answers: {},
    });
    expect(messages[2]?.answers).toEqual({ score: 9 });
    expect(messages[3]?.answers).toEqual({ score: 9, why: 'The search' });
    expect(Object.keys(messages[3]?.timings as object)).toEqual(['score', 'why']);
    expect((await names()).some((name) => name.includes('sdk-survey-lang'))).toBe(false);
  });

  it('is in the top layer, takes no focus, is told politely and reached by Tab', async () => {
    offers.push(nps);
    await open();
    await page.focus('#buy');
    await ping();
    await widget(page).getByText('About score').waitFor();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('buy');
    expect(
      await page.evaluate(
        () => document.querySelector('tidemark-survey')?.shadowRoot?.querySelector(':popover-open') !== null,
      ),
    ).toBe(true);
    await eventually(
      () => widget(page).getByRole('status').textContent(),
      (text) => text === 'A short survey has appeared at the end of this page.',
    );
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('TIDEMARK-SURVEY');
    await page.keyboard.press('Escape');
    await eventually(isShown, (shown) => !shown);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('buy');
    await flush(page);
    expect(statuses(sent())).toEqual(['shown', 'dismissed']);
  });

  it('does not show one that is not offered any more', async () => {
    // Longer than a busy machine takes for the second answer.
    offers.push({ ...nps, trigger: { delayMs: 2_500 } });
    await open();
    await ping();
    const [offer] = offers.splice(0);
    await ping();
    await page.waitForTimeout(3_000);
    expect(await page.evaluate(() => document.querySelector('tidemark-survey'))).toBeNull();
    expect(sent()).toEqual([]);
    // Offered again, it waits again.
    offers.push(offer as OfferedSurvey);
    await ping();
    await eventually(isShown, Boolean);
  });

  it('does not show a finished one again, also on the next page, while the collector still offers it', async () => {
    offers.push(survey('one', [ask('q', 'info')]));
    await open();
    await ping();
    await press('Send');
    await ping();
    await open('/again');
    await ping();
    await page.waitForTimeout(800);
    expect(await page.evaluate(() => document.querySelector('tidemark-survey'))).toBeNull();
    expect(statuses(sent())).toEqual(['shown', 'started', 'completed']);
  });

  it('waits for the scroll and for the pointer to leave', async () => {
    offers.push({ ...nps, trigger: { scroll: 60 } });
    await open('/tall');
    await ping();
    await page.evaluate(() => scrollTo(0, 1_000));
    await page.waitForTimeout(200);
    expect(await isShown()).toBe(false);
    await page.evaluate(() => scrollTo(0, 3_500));
    await eventually(isShown, Boolean);
    await press('Close');
    offers.splice(0, 1, { ...survey('leave', [ask('q', 'csat')]), trigger: { exitIntent: true } });
    await ping();
    await page.waitForTimeout(200);
    expect(await isShown()).toBe(false);
    const leave = (clientY: number): Promise<unknown> =>
      page.evaluate(
        (y) => document.body.dispatchEvent(new MouseEvent('mouseout', { bubbles: true, clientY: y })),
        clientY,
      );
    await leave(300);
    await page.waitForTimeout(200);
    expect(await isShown()).toBe(false);
    await leave(-1);
    await eventually(isShown, Boolean);
    await flush(page);
    expect(sent().map(({ trigger }) => trigger)).toEqual(['scroll', 'scroll', 'exit']);
  });

  it.each([
    ['a modal dialog', '<dialog id="host"><p>Terms</p></dialog>', 'host.showModal()', 'host.close()'],
    [
      'one of its own making',
      '<div id="host" role="dialog" aria-modal="true" hidden>Hi</div>',
      'host.hidden = false',
      'host.hidden = true',
    ],
  ])('waits while the page has %s open', async (_, html, show, hide) => {
    await open();
    await page.evaluate((markup) => document.body.insertAdjacentHTML('beforeend', markup), html);
    await page.evaluate(show);
    offers.push(nps);
    await ping();
    await page.waitForTimeout(800);
    expect(await page.evaluate(() => document.querySelector('tidemark-survey'))).toBeNull();
    await page.evaluate(hide);
    await eventually(isShown, Boolean);
  });

  it('shows one after the other', async () => {
    offers.push(nps, survey('second', [ask('q', 'csat')]));
    await open();
    await ping();
    await widget(page).getByText('About score').waitFor();
    await page.waitForTimeout(700);
    expect(await widget(page).count()).toBe(1);
    await press('Close');
    await widget(page).getByText('About q').waitFor();
  });
});

describe('a strict page', () => {
  it('sees the survey as it should look, and no violation', async () => {
    offers.push({ ...nps, theme: { accent: 'rgb(1, 100, 50)' } });
    await open('/strict');
    await ping();
    const button = widget(page).getByRole('button', { name: 'Skip' });
    await button.waitFor();
    expect(await button.evaluate((element) => getComputedStyle(element).backgroundColor)).toBe(
      'rgb(1, 100, 50)',
    );
    await press('Skip');
    await press('Send');
    expect(await page.evaluate(() => window.violations)).toEqual([]);
  });
});

describe('an unfinished survey', () => {
  it('goes on at the same question after a reload, as the same submission, though nothing is offered', async () => {
    offers.push(nps);
    await open();
    await ping();
    await widget(page).getByRole('radio', { name: '3', exact: true }).check();
    await press('Next');
    await widget(page).getByText('About why').waitFor();
    offers.length = 0;
    await page.reload();
    await widget(page).getByText('About why').waitFor();
    await press('Back');
    expect(await widget(page).getByRole('radio', { name: '3', exact: true }).isChecked()).toBe(true);
    await press('Next');
    await press('Send');
    await flush(page);
    // What was on its way at the reload comes again a second later.
    await eventually(
      async () => sent().length,
      (count) => count >= 4,
    );
    expect(new Set(sent().map(({ submissionId }) => submissionId)).size).toBe(1);
    expect(statuses(sent())).toEqual(['shown', 'started', 'partial', 'completed']);
    expect(await page.evaluate(() => localStorage['tm.j.surveys'])).not.toContain('score');
  });

  it('is no other person’s', async () => {
    await open();
    await show(page, nps);
    await widget(page).getByRole('radio', { name: '3', exact: true }).check();
    await page.evaluate(() => sdk().reset());
    await page.reload();
    await page.waitForTimeout(800);
    expect(await page.evaluate(() => document.querySelector('tidemark-survey'))).toBeNull();
  });

  it('is kept nowhere without consent, and goes when it is taken back', async () => {
    await open('/anonymous');
    await show(page, nps);
    await widget(page).getByRole('radio', { name: '3', exact: true }).check();
    expect(await page.evaluate(() => Object.keys(localStorage))).toEqual([]);
    await open();
    await show(page, nps);
    expect(await page.evaluate(() => localStorage['tm.j.surveys'])).toContain('nps');
    await page.evaluate(() => sdk().consent('denied'));
    await widget(page).getByRole('radio', { name: '3', exact: true }).check();
    expect(await page.evaluate(() => Object.keys(localStorage))).toEqual([]);
  });

  it('is answered while the collector is down, and arrives', async () => {
    await open();
    await show(page, nps);
    await widget(page).getByText('About score').waitFor();
    await served.down();
    await widget(page).getByRole('radio', { name: '10', exact: true }).check();
    await press('Next');
    await press('Send');
    await widget(page).getByRole('heading', { name: 'Thank you' }).waitFor();
    await page.close();
    await served.up();
    await open();
    await eventually(
      async () => statuses(sent()),
      (all) => all.includes('completed'),
      30_000,
    );
    expect(sent().find(({ status }) => status === 'completed')?.answers).toMatchObject({ score: 10 });
  });
});

describe('the flow', () => {
  const branching = survey(
    'flow',
    [
      ask('score', 'nps', {
        next: [
          { when: { op: 'gte', value: 9 }, go: 'love' },
          { when: { op: 'exists' }, go: 'hate' },
        ],
      }),
      ask('love', 'open_text', {
        title: 'You gave {{answer.score}}, {{trait.name|friend}}. What do you love?',
        next: [{ go: 'end' }],
      }),
      ask('hate', 'open_text', { title: 'You gave {{answer.score}}. What went wrong?' }),
      ask('more', 'info', { title: 'So: {{answer.hate|nothing}}' }),
    ],
    { thanks: 'Thanks, {{trait.name|you}}!' },
  );

  it('branches, pipes, goes back, and takes back what is no longer on the way', async () => {
    await open();
    await page.evaluate(() => sdk().identify('ada', { name: '<b>Ada</b>' }));
    await show(page, branching);
    await widget(page).getByRole('radio', { name: '10', exact: true }).check();
    await press('Next');
    await widget(page).getByText('You gave 10, <b>Ada</b>. What do you love?').waitFor();
    await widget(page).getByRole('textbox').fill('All of it');
    expect(await widget(page).getByRole('button', { name: 'Send' }).isVisible()).toBe(true);
    await press('Back');
    await widget(page).getByRole('radio', { name: '2', exact: true }).check();
    await press('Next');
    await widget(page).getByText('You gave 2. What went wrong?').waitFor();
    await press('Skip');
    await widget(page).getByText('So: nothing').waitFor();
    await press('Send');
    await widget(page).getByRole('heading', { name: 'Thanks, <b>Ada</b>!' }).waitFor();
    await flush(page);
    expect(sent().at(-1)?.answers).toEqual({ score: 2, love: null });
  });

  it('shows an author’s markup as text', async () => {
    const hostile = '</h2><img src=x onerror="window.hacked = 1">';
    await open();
    await show(
      page,
      survey('hostile', [
        ask('q', 'single_choice', {
          title: hostile,
          description: hostile,
          options: [
            { id: hostile, label: hostile },
            { id: 'b', label: 'B' },
          ],
        }),
      ]),
    );
    await widget(page).getByRole('heading', { name: hostile }).waitFor();
    await widget(page).getByRole('radio', { name: hostile }).check();
    await press('Send');
    await flush(page);
    expect(sent().at(-1)?.answers).toEqual({ q: hostile });
    expect(await page.evaluate(() => 'hacked' in window)).toBe(false);
  });
});

describe('what is asked for', () => {
  const say = (text: string): Promise<void> =>
    widget(page).getByRole('alert').filter({ hasText: text }).waitFor();

  it('is said kindly, at its place', async () => {
    await open();
    await show(
      page,
      survey('strict', [
        ask('one', 'single_choice', { options: options('A', 'B'), other: true, required: true }),
        ask('many', 'multiple_choice', { options: options('A', 'B', 'C'), min: 2, max: 2 }),
        ask('rank', 'ranking', { options: options('A', 'B', 'C') }),
        ask('rows', 'matrix', { options: options('A', 'B'), labels: options('No', 'Yes'), required: true }),
        ask('diff', 'maxdiff', { options: options('A', 'B', 'C') }),
        ask('price', 'price_sensitivity'),
        ask('text', 'open_text', { required: true }),
      ]),
    );
    const at = widget(page);
    await press('Next');
    await say('Please choose an answer.');
    await at.getByRole('radio', { name: 'Other' }).check();
    await press('Next');
    await say('Please write an answer.');
    await at.getByRole('textbox').fill('  My own  ');
    await press('Next');
    await at.getByRole('checkbox', { name: 'A' }).check();
    await press('Next');
    await say('Please choose at least 2.');
    await at.getByRole('checkbox', { name: 'B' }).check();
    await at.getByRole('checkbox', { name: 'C' }).check();
    await press('Next');
    await say('Please choose at most 2.');
    await at.getByRole('checkbox', { name: 'A' }).uncheck();
    await press('Next');
    await at.getByRole('button', { name: 'B', exact: true }).click();
    await press('Next');
    await say('Please give each of them a place.');
    await at.getByRole('button', { name: 'C', exact: true }).click();
    await press('Next');
    await at.getByRole('radiogroup', { name: 'A' }).getByRole('radio', { name: 'Yes' }).check();
    await press('Next');
    await say('Please answer every row.');
    await at.getByRole('radiogroup', { name: 'B' }).getByRole('radio', { name: 'No' }).check();
    await press('Next');
    await at.getByRole('radio', { name: 'Most important: A' }).check();
    await at.getByRole('radio', { name: 'Least important: A' }).check();
    expect(await at.getByRole('radio', { name: 'Most important: A' }).isChecked()).toBe(false);
    await press('Next');
    await say('Please choose the most and the least important one.');
    await at.getByRole('radio', { name: 'Most important: C' }).check();
    await press('Next');
    for (const [i, amount] of ['5', '1,234.50', '20', ''].entries())
      await at.getByRole('textbox').nth(i).fill(amount);
    await press('Next');
    await say('Please enter all four amounts, as numbers.');
    await at.getByRole('textbox').nth(3).fill('30');
    await press('Next');
    await say('Please let the amounts rise from the first to the last.');
    await at.getByRole('textbox').nth(1).fill('10,5');
    await press('Next');
    await press('Send');
    await say('Please write an answer.');
    await at.getByRole('textbox').fill('Done');
    await press('Send');
    await flush(page);
    expect(sent().at(-1)).toMatchObject({
      status: 'completed',
      answers: {
        one: 'My own',
        many: ['b', 'c'],
        rank: ['b', 'c', 'a'],
        rows: { a: 'yes', b: 'no' },
        diff: { best: 'c', worst: 'a' },
        price: { tooCheap: '5', cheap: '10.5', expensive: '20', tooExpensive: '30' },
        text: 'Done',
      },
    });
  });
});

describe('languages', () => {
  const spoken = survey(
    'spoken',
    [ask('q', 'csat', { title: { en: 'How was it?', 'zh-CN': '感觉如何？', ar: 'كيف كان؟' } })],
    { languages: ['en', 'zh-CN', 'ar'] },
  );

  it('follow the page, and load singly', async () => {
    await open('/zh');
    await show(page, spoken);
    await widget(page).getByText('感觉如何？').waitFor();
    await press('提交');
    await flush(page);
    expect(sent().at(-1)).toMatchObject({ language: 'zh-CN' });
    expect((await names()).filter((name) => name.includes('-lang-'))).toEqual([
      `${served.url}/sdk-survey-lang-zh.js`,
    ]);
  });

  it('are written from right to left where they are', async () => {
    await open();
    await show(page, spoken, { language: 'ar' });
    await widget(page).getByText('كيف كان؟').waitFor();
    const box = await widget(page).getByRole('button', { name: 'إغلاق' }).boundingBox();
    const title = await widget(page).getByRole('heading').boundingBox();
    expect(box && title && box.x < title.x).toBe(true);
    // In the corner where a line ends.
    expect(title?.x).toBeLessThan(640);
  });

  it('fall back to English words around a language without a file', async () => {
    await open();
    await show(page, survey('tr', [ask('q', 'csat', { title: { tr: 'Nasıldı?' } })], { languages: ['tr'] }));
    await widget(page).getByText('Nasıldı?').waitFor();
    await press('Send');
  });
});

describe('headless', () => {
  it('lists, tells, and shows in the page', async () => {
    offers.push({ ...nps, trigger: { exitIntent: true } });
    await open();
    await ping();
    expect(
      await page.evaluate(() =>
        sdk()
          .surveys.list()
          .map(({ key }) => key),
      ),
    ).toEqual(['nps']);
    await page.evaluate(() => {
      window.views = [];
      for (const event of ['shown', 'completed', 'dismissed'] as const)
        sdk().surveys.on(event, (news) => window.views?.push([event, news.key, news.answers]));
    });
    expect(await show(page, 'none')).toBe(false);
    expect(
      await page.evaluate(() =>
        sdk().surveys.show('nps', {
          container: document.querySelector('#box') as Element,
          hidden: { order: 7 },
        }),
      ),
    ).toBe(true);
    expect(await page.locator('#box tidemark-survey').getByRole('button', { name: 'Close' }).count()).toBe(0);
    await widget(page).getByRole('radio', { name: '8', exact: true }).check();
    await press('Next');
    await press('Send');
    await flush(page);
    expect(await page.evaluate(() => window.views)).toEqual([
      ['shown', 'nps', {}],
      ['completed', 'nps', { score: 8 }],
    ]);
    expect(sent().at(-1)).toMatchObject({ trigger: 'api', hidden: { order: 7 }, answers: { score: 8 } });
  });

  it('previews: says so, sends nothing, keeps nothing', async () => {
    await open();
    await ping();
    expect(await page.evaluate((given) => sdk().surveys.preview(given), nps)).toBe(true);
    await widget(page).getByText('Preview: nothing is sent').waitFor();
    await widget(page).getByRole('radio', { name: '8', exact: true }).check();
    await press('Next');
    await press('Send');
    await widget(page).getByRole('heading', { name: 'Thank you' }).waitFor();
    await flush(page);
    expect(sent()).toEqual([]);
    expect(await page.evaluate(() => 'tm.j.surveys' in localStorage)).toBe(false);
  });

  it('leaves nothing on the page when it is closed', async () => {
    offers.push({ ...survey('later', [ask('q', 'csat')]), trigger: { delayMs: 300 } });
    await open();
    await ping();
    await show(page, nps);
    await page.evaluate(() => sdk().surveys.close());
    await page.waitForTimeout(900);
    expect(await page.evaluate(() => document.querySelector('tidemark-survey'))).toBeNull();
    await flush(page);
    expect(statuses(sent())).toEqual(['shown']);
  });
});

describe('a modal survey', () => {
  it('has the focus, keeps it, and gives it back', async () => {
    await open();
    await page.focus('#buy');
    await show(page, { ...nps, presentation: 'dialog' });
    const inside = (): Promise<string | undefined> => page.evaluate(() => document.activeElement?.tagName);
    expect(await inside()).toBe('TIDEMARK-SURVEY');
    for (let i = 0; i < 8; i++) {
      await page.keyboard.press('Tab');
      expect(['TIDEMARK-SURVEY', 'BODY']).toContain(await inside());
    }
    await page.keyboard.press('Escape');
    await eventually(isShown, (shown) => !shown);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('buy');
    await flush(page);
    expect(statuses(sent())).toEqual(['shown', 'dismissed']);
  });
});
