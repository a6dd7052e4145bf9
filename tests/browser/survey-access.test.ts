// The survey widget for those who use a keyboard, a screen reader, larger text or another colour scheme.
// Invariant: every type of question is answered by keyboard alone, and axe finds nothing in any look.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OfferedSurvey, QuestionType } from '../../collector/src/wire/survey.ts';
import type { Showing, ShowOptions } from '../../sdk-web/src/survey/types.ts';
import { launchChromium, scripts, servePages } from './stage.ts';
import { ask, EVERY_TYPE, focused, survey, widget } from './survey-stage.ts';

interface Stage {
  show(text: string): Promise<unknown>;
  sent: { answers: Record<string, unknown>; status: string }[];
}
declare const stage: Stage;
declare const axe: {
  run(context: object, options?: object): Promise<{ violations: AxeFault[]; incomplete: AxeFault[] }>;
};
interface AxeFault {
  id: string;
  nodes: { html: string; failureSummary: string }[];
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** The widget with a client that only writes down what it is given. */
const PAGE = `<!doctype html><html lang="en"><title>T</title><h1>Page</h1><main><button id="before">Before</button><div id="box"></div></main>
<script type="module">
import { open } from '/sdk-survey-widget.js';
const sent = [];
window.stage = {
  sent,
  show(text) {
    const { survey, isPreview, isInline } = JSON.parse(text);
    const analytics = {
      user: () => ({ userId: null, anonymousId: 'a', traits: {} }),
      survey: (_, answers, { status }) => sent.push({ answers, status }),
    };
    const options = isInline ? { container: document.querySelector('#box') } : {};
    const loadWords = (language) => import('/sdk-survey-lang-' + language + '.js');
    return open({ survey, analytics, options, isPreview, loadWords, news: new EventTarget(), onGone() {} });
  },
};
</script>`;

let browser: Browser;
let pages: { url: string; close(): Promise<void> };
beforeAll(async () => {
  browser = await launchChromium();
  pages = await servePages({ '/': PAGE, ...scripts });
});
afterAll(async () => {
  await browser.close();
  await pages.close();
});

async function open(
  given: Parameters<Browser['newContext']>[0] = {},
): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...given });
  context.setDefaultTimeout(8_000);
  const page = await context.newPage();
  await page.goto(pages.url);
  await page.waitForFunction(() => 'stage' in window);
  return { context, page };
}
const show = (
  page: Page,
  wanted: OfferedSurvey,
  more: Partial<Pick<Showing, 'isPreview'>> & { isInline?: boolean } & ShowOptions = {},
): Promise<unknown> =>
  page.evaluate((text) => stage.show(text).then(() => null), JSON.stringify({ survey: wanted, ...more }));
const one = (type: QuestionType): OfferedSurvey => survey('s', [EVERY_TYPE[type]]);

describe('by keyboard alone', () => {
  const enter = 'Enter';
  /** Keys from the button before the survey, and the answer that they give. `=x` types x. */
  const SCRIPTS: Record<QuestionType, [keys: string[], answer: unknown]> = {
    nps: [['Tab', 'Tab', 'ArrowRight', 'ArrowRight', enter], 2],
    csat: [['Tab', 'Tab', 'Space', 'ArrowRight', enter], 2],
    ces: [['Tab', 'Tab', 'ArrowUp', enter], 7],
    rating: [['Tab', 'Tab', 'Space', 'ArrowRight', 'ArrowRight', enter], 3],
    single_choice: [['Tab', 'Tab', 'ArrowUp', 'Tab', '=A book', enter], 'A book'],
    multiple_choice: [
      ['Tab', 'Tab', 'Space', 'Tab', 'Tab', 'Space', enter],
      ['mail', 'calendar'],
    ],
    open_text: [['Tab', 'Tab', '=Faster', 'Control+Enter'], 'Faster'],
    ranking: [
      ['Tab', 'Tab', 'Tab', 'Space', 'Shift+Tab', 'Space', 'Tab', 'Tab', 'Tab', enter],
      ['speed', 'price', 'quality'],
    ],
    matrix: [['Tab', 'Tab', 'Space', 'Tab', 'Space', 'ArrowRight', enter], { easy: 'no', fast: 'partly' }],
    maxdiff: [['Tab', 'Tab', 'Space', 'Tab', 'ArrowDown', enter], { best: 'price', worst: 'speed' }],
    kano: [
      ['Tab', 'Tab', 'Space', 'Tab', 'Space', 'ArrowLeft', enter],
      { functional: 'like', dysfunctional: 'dislike' },
    ],
    price_sensitivity: [
      ['Tab', 'Tab', '=1', 'Tab', '=2', 'Tab', '=3', 'Tab', '=4', enter],
      { tooCheap: '1', cheap: '2', expensive: '3', tooExpensive: '4' },
    ],
    date: [['Tab', 'Tab', '=02282027', enter], '2027-02-28'],
    consent: [['Tab', 'Tab', 'ArrowDown', enter], 'declined'],
    info: [['Tab', 'Tab', enter], undefined],
  };

  it.each(Object.entries(SCRIPTS))('answers %s', async (type, [keys, answer]) => {
    const { context, page } = await open();
    await page.focus('#before');
    await show(page, one(type as QuestionType));
    for (const key of keys) {
      if (key.startsWith('=')) await page.keyboard.type(key.slice(1));
      else await page.keyboard.press(key);
    }
    await widget(page).getByRole('heading', { name: 'Thank you' }).waitFor();
    const last = await page.evaluate(() => stage.sent.at(-1));
    expect(last).toEqual({ status: 'completed', answers: answer === undefined ? {} : { q: answer } });
    await context.close();
  });

  it('goes from question to question, back, and out again', async () => {
    const { context, page } = await open();
    await page.focus('#before');
    const questions = [ask('a', 'csat'), ask('b', 'single_choice', EVERY_TYPE.single_choice)].map(
      (question, i) => ({ ...question, id: `q${i}` }),
    );
    await show(page, survey('s', questions));
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('Close');
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('1 of 5');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('Next');
    await page.keyboard.press('Enter');
    // At the first control of the next question.
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('Back');
    await page.keyboard.press('Enter');
    // Where the first answer is.
    expect(await focused(page)).toBe('2 of 5');
    await page.keyboard.press('Escape');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('before');
    await context.close();
  });

  it('shows where the focus is', async () => {
    const { context, page } = await open();
    await page.focus('#before');
    await show(page, one('nps'));
    for (const _ of ['Close', '0', 'Skip']) {
      await page.keyboard.press('Tab');
      const outline = await page.evaluate(() => {
        const at = document.activeElement?.shadowRoot?.activeElement as HTMLElement;
        const shown = at.matches('input') ? (at.nextElementSibling as HTMLElement) : at;
        const { outlineStyle, outlineWidth } = getComputedStyle(shown);
        return outlineStyle === 'solid' && Number.parseFloat(outlineWidth) >= 2;
      });
      expect(outline).toBe(true);
    }
    await context.close();
  });

  it('is brought to what is wrong', async () => {
    const { context, page } = await open();
    await page.focus('#before');
    await show(page, one('matrix'));
    for (const key of ['Tab', 'Tab', 'Space', 'Enter']) await page.keyboard.press(key);
    expect(await widget(page).getByRole('alert').textContent()).toBe('Please answer every row.');
    const group = await page.evaluate(() => {
      const at = document.activeElement?.shadowRoot?.activeElement?.closest('[role=radiogroup]');
      return [at?.getAttribute('aria-invalid'), at?.querySelector('h3')?.textContent];
    });
    expect(group).toEqual(['true', 'Fast']);
    await context.close();
  });
});

describe('axe', () => {
  async function faults(page: Page): Promise<string[]> {
    const found = await page.evaluate(() => axe.run({ include: [['tidemark-survey']] }));
    // What a gradient or an overlap keeps axe from judging is looked at by eye.
    return found.violations.map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('; ')}`,
    );
  }
  const LOOKS = [
    { colorScheme: 'light', viewport: { width: 1_100, height: 800 } },
    { colorScheme: 'dark', viewport: { width: 1_100, height: 800 } },
    { colorScheme: 'light', viewport: { width: 320, height: 640 } },
    { colorScheme: 'dark', viewport: { width: 390, height: 760 } },
  ] as const;

  it.each(LOOKS)('finds nothing in any type: $colorScheme, $viewport.width wide', async (look) => {
    const { context, page } = await open(look);
    await page.addScriptTag({ content: axeSource });
    for (const type of Object.keys(EVERY_TYPE) as QuestionType[])
      for (const presentation of ['popover', 'dialog'] as const) {
        await show(page, {
          ...one(type),
          presentation,
          questions: [{ ...EVERY_TYPE[type], required: true }, ask('b', 'info')],
        });
        expect(await faults(page), `${type} as ${presentation}`).toEqual([]);
        // With its error, and with something chosen.
        await widget(page).getByRole('button', { name: 'Next' }).click();
        const control = widget(page).locator('input,textarea,.rank').first();
        if (type !== 'info') {
          expect(await widget(page).getByRole('alert').textContent()).not.toBe('');
          expect(await faults(page), `${type} with its error`).toEqual([]);
          await (type === 'open_text' || type === 'date' || type === 'price_sensitivity'
            ? control.focus()
            : control.click());
          expect(await faults(page), `${type}, chosen`).toEqual([]);
        }
        await page.evaluate(() => document.querySelector('tidemark-survey')?.remove());
      }
    await context.close();
  });

  it.each(['#ffd400', '#9b1b30', '#7f7f7f', 'oklch(0.7 0.2 150)', '#000', '#fff'])(
    'finds nothing with the accent %s, in both schemes, in preview, in the page, and at the end',
    async (accent) => {
      for (const colorScheme of ['light', 'dark'] as const) {
        const { context, page } = await open({ colorScheme });
        await page.addScriptTag({ content: axeSource });
        await show(page, { ...one('nps'), theme: { accent } }, { isPreview: true, isInline: true });
        await widget(page).getByRole('radio', { name: '7' }).check();
        expect(await faults(page)).toEqual([]);
        await widget(page).getByRole('button', { name: 'Send' }).click();
        expect(await faults(page)).toEqual([]);
        await context.close();
      }
    },
  );

  it.each(['#10331f', '#fffbe8'])(
    'finds nothing on the background %s, whatever the scheme',
    async (background) => {
      for (const colorScheme of ['light', 'dark'] as const) {
        const { context, page } = await open({ colorScheme });
        await page.addScriptTag({ content: axeSource });
        await show(page, { ...one('multiple_choice'), theme: { background } });
        await widget(page).getByRole('checkbox', { name: 'Chat' }).check();
        expect(await faults(page)).toEqual([]);
        await context.close();
      }
    },
  );

  it('would find what is wrong', async () => {
    const { context, page } = await open();
    await page.addScriptTag({ content: axeSource });
    await show(page, one('nps'));
    await page.evaluate(() =>
      document
        .querySelector('tidemark-survey')
        ?.shadowRoot?.querySelector('.z')
        ?.removeAttribute('aria-label'),
    );
    expect(await faults(page)).toEqual([expect.stringContaining('button-name')]);
    await context.close();
  });
});

describe('room', () => {
  const ROOMS = [
    [320, 640],
    [390, 760],
    // A desktop of 1,280 by 800 at 200 and 400 per cent.
    [640, 400],
    [320, 200],
  ] as const;
  it.each(ROOMS)(
    'is enough at %i by %i: nothing is cut off, everything is large enough to touch',
    async (width, height) => {
      const { context, page } = await open({ viewport: { width, height } });
      for (const type of Object.keys(EVERY_TYPE) as QuestionType[]) {
        await show(page, one(type));
        const card = await widget(page).locator('.card').boundingBox();
        expect(
          card &&
            card.x >= 0 &&
            card.x + card.width <= width &&
            card.y >= 0 &&
            card.y + card.height <= height,
          type,
        ).toBe(true);
        const bad = await page.evaluate(() => {
          const root = document.querySelector('tidemark-survey')?.shadowRoot as ShadowRoot;
          const card = root.querySelector('.card') as HTMLElement;
          const small = [...root.querySelectorAll<HTMLElement>('button,input:not([type=text]),textarea')]
            .filter((element) => element.getClientRects().length > 0)
            // A label takes the pointer for its control.
            .map((element) => (element.closest('label') ?? element).getBoundingClientRect())
            .filter((box) => box.width < 24 || box.height < 24).length;
          return [small, card.scrollWidth > card.clientWidth];
        });
        expect(bad, type).toEqual([0, false]);
        await page.evaluate(() => document.querySelector('tidemark-survey')?.remove());
      }
      await context.close();
    },
  );
});
