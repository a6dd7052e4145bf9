// From an event to an offer to an answer to a segment, with nothing between page and collector made up.
// Invariant: the very answer to the batch that carried the score shows the membership it made.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JsonObject } from '../../collector/src/wire/message.ts';
import { eventually, launchChromium, type Served, serveCollector, servePages, tag } from './stage.ts';
import { widget } from './survey-stage.ts';

declare const sdk: () => { track(event: string): void; identify(userId: string): void };

let browser: Browser;
let served: Served;
let pages: { url: string; close(): Promise<void> };

beforeAll(async () => {
  browser = await launchChromium();
  served = await serveCollector();
  const script = tag(served.url, 'data-use="surveys" data-flush-interval="50"');
  pages = await servePages({ '*': `<!doctype html><html lang="en"><title>App</title>${script}<h1>App</h1>` });
  await served.collector.define({
    segments: {
      unhappy_exporters: {
        expose: 'public',
        where: {
          all: [
            { survey: 'nps', question: 'score', op: 'lte', value: 6 },
            { event: 'Exported', count: { op: 'gte', value: 3 }, within: '7d' },
          ],
        },
      },
    },
    surveys: {
      nps: {
        name: 'NPS',
        questions: [{ id: 'score', type: 'nps', title: 'Would you recommend us?', required: true }],
        target: { event: { event: 'Exported' } },
      },
    },
  });
});
afterAll(async () => {
  await browser.close();
  await pages.close();
  await served.close();
});

/** What each batch was answered, with what it carried. */
function listen(page: Page): { sent: JsonObject[]; segments: string[] }[] {
  const batches: { sent: JsonObject[]; segments: string[] }[] = [];
  page.on('response', async (response) => {
    if (!response.url().includes('/v1/batch') || response.request().method() !== 'POST') return;
    const { me } = (await response.json()) as { me?: { segments: string[] } };
    const { batch } = response.request().postDataJSON() as { batch: JsonObject[] };
    batches.push({ sent: batch, segments: me?.segments ?? [] });
  });
  return batches;
}

async function visit(): Promise<{ page: Page; batches: ReturnType<typeof listen> }> {
  const context = await browser.newContext({ reducedMotion: 'reduce' });
  await context.addInitScript('window.sdk = () => window.tidemark');
  const page = await context.newPage();
  const batches = listen(page);
  await page.goto(pages.url);
  await page.waitForFunction(() => 'surveys' in (window.sdk?.() ?? {}));
  await page.evaluate(() => sdk().identify('ada'));
  return { page, batches };
}

it('puts a detractor who exported three times into a segment within the answer to their score', async () => {
  const { page, batches } = await visit();
  await page.evaluate(() => {
    for (let i = 0; i < 3; i++) sdk().track('Exported');
  });
  await widget(page).getByRole('radio', { name: '2', exact: true }).check({ force: true });
  await widget(page).getByRole('button').last().click();
  const carries = (kind: string) => (message: JsonObject) =>
    message.status === kind || message.event === kind;
  const answered = await eventually(
    async () => batches.find(({ sent }) => sent.some(carries('completed'))),
    (found) => found !== undefined,
  );
  expect(answered?.segments).toEqual(['unhappy_exporters']);
  expect(batches.find(({ sent }) => sent.some(carries('shown')))?.segments).toEqual([]);

  // The same person on another device, and with cleared storage, is not asked again.
  const other = await visit();
  await other.page.evaluate(() => sdk().track('Exported'));
  await eventually(async () => other.batches.some(({ sent }) => sent.some(carries('Exported'))), Boolean);
  await other.page.waitForTimeout(300);
  expect(await widget(other.page).count()).toBe(0);
  const { data } = (await served.collector.api('GET', '/api/surveys/nps/responses')).json;
  expect(data).toMatchObject([{ userId: 'ada', status: 'completed', answers: { score: 2 } }]);
});
