// The NPS example in a browser: what somebody clicks is one submission, whatever they change.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { JsonObject } from '../../collector/src/wire/message.ts';
import { WEB_KEY } from '../collector.ts';
import { eventually, launchChromium, root, serveCollector, servePages } from './stage.ts';

const read = (name: string): string => readFileSync(`${root}/examples/nps/${name}`, 'utf8');

it('sends one submission that follows the clicks', async () => {
  const served = await serveCollector();
  const html = read('index.html')
    .replace('%TIDEMARK_HOST%', served.url)
    .replace('%TIDEMARK_WRITE_KEY%', WEB_KEY);
  const pages = await servePages(
    { '/': html, '/page.js': read('page.js'), '/page.css': read('page.css') },
    { '/page.css': { 'content-type': 'text/css' } },
  );
  const browser = await launchChromium();
  try {
    await served.collector.define(JSON.parse(read('definitions.json')));
    const page = await browser.newPage();
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    await page.goto(`${pages.url}/`);
    await page.getByText('10', { exact: true }).click();
    expect(await page.locator('#why').isVisible()).toBe(false);
    await page.getByText('4', { exact: true }).click();
    await page.locator('#why').fill('A dark mode');
    await page.getByRole('button').click();
    await page.getByText('Thank you!').waitFor();
    const submissions = () => served.collector.all<JsonObject>('/api/surveys/nps/responses');
    const found = await eventually(submissions, (all) => all[0]?.status === 'completed');
    expect(found).toHaveLength(1);
    expect(found[0]?.answers).toEqual({ score: 4, why: 'A dark mode' });
    expect(found[0]?.shownAt).not.toBeNull();
    expect(await served.collector.members('detractors')).toHaveLength(1);
    expect(await served.collector.members('promoters')).toEqual([]);
    expect(faults).toEqual([]);
  } finally {
    await browser.close();
    await pages.close();
    await served.close();
  }
});
