// The demo shop as `npm start` serves it: a newcomer clicks and sees traits and segments change.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium, root } from './stage.ts';

const ADMIN = 'ak_for_the_demo_test';
let browser: Browser;
let url: string;
let folder: string;
let stop: () => Promise<void>;

beforeAll(async () => {
  browser = await launchChromium();
  folder = mkdtempSync(join(tmpdir(), 'tidemark-demo-'));
  const args = [
    '--conditions=tidemark-source',
    '--import',
    'tsx',
    'collector/src/cli.ts',
    'serve',
    '--demo',
    'examples',
  ];
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: {
      PATH: process.env.PATH ?? '',
      PORT: '0',
      TIDEMARK_DB: join(folder, 'demo.db'),
      TIDEMARK_ADMIN_KEY: ADMIN,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  url = await new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      const match = /demo shop is at (\S+)/.exec(String(chunk));
      if (match?.[1]) resolve(match[1]);
    });
    child.once('close', () => reject(new Error('the collector stopped')));
  });
  stop = async () => {
    child.kill('SIGTERM');
    await closed;
  };
});
afterAll(async () => {
  await browser.close();
  await stop();
  rmSync(folder, { recursive: true, force: true });
});

async function open(
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<{ page: Page; faults: string[]; bodies: string[] }> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const faults: string[] = [];
  const bodies: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  page.on('response', async (response) => bodies.push(await response.text().catch(() => '')));
  await page.goto(url);
  return { page, faults, bodies };
}

const chips = (page: Page) => page.locator('#segments li');

describe('the demo shop', () => {
  it('shows traits and segments change with each click, with a public key only', async () => {
    const { page, faults, bodies } = await open({ locale: 'en-GB' });
    await expect.poll(() => chips(page).allTextContents()).toEqual(['New here']);
    for (const name of ['Storm lantern', 'Copper kettle', 'Enamel mug'])
      await page.getByRole('button', { name: `Look at: ${name}` }).click();
    await expect.poll(() => chips(page).allTextContents()).toEqual(['Hesitating', 'New here']);
    await page.getByRole('button', { name: /^Buy: Fisherman/ }).click();
    await expect.poll(() => chips(page).allTextContents()).toEqual(['Customer']);
    await page.getByRole('button', { name: /^Buy: Storm lantern/ }).click();
    await expect.poll(() => chips(page).allTextContents()).toEqual(['Big spender', 'Customer']);
    expect(await page.locator('#traits').textContent()).toContain('Spent€137');
    await page.getByLabel('Your name').fill('Ada');
    await page.keyboard.press('Enter');
    await expect.poll(() => chips(page).allTextContents()).toEqual(['Big spender', 'Customer', 'Signed in']);
    await page.getByRole('button', { name: /Sign out/ }).click();
    await expect.poll(() => chips(page).allTextContents()).toEqual(['New here']);
    expect(faults).toEqual([]);
    expect(bodies.join('\n')).not.toContain(ADMIN);
    expect(bodies.join('\n')).not.toMatch(/[as]k_[\w-]{20,}/);
    await page.context().close();
  });

  it('asks after an order, and the answer is a segment at once', async () => {
    const { page, faults } = await open({ locale: 'en-GB', reducedMotion: 'reduce' });
    await page.getByRole('button', { name: /^Buy: Copper kettle/ }).click();
    const card = page.locator('tidemark-survey');
    await card.getByRole('radio', { name: '3', exact: true }).check({ force: true, timeout: 20_000 });
    await card.getByRole('button', { name: 'Next' }).click();
    await expect.poll(() => chips(page).allTextContents()).toContain('Unhappy customer');
    await card.getByText('What made it a 3?').waitFor();
    expect(faults).toEqual([]);
    await page.context().close();
  });

  it('speaks Chinese to those who read it, and by keyboard to all', async () => {
    const { page, faults } = await open({
      locale: 'zh-CN',
      colorScheme: 'dark',
      viewport: { width: 390, height: 844 },
    });
    await expect.poll(() => chips(page).allTextContents()).toEqual(['新访客']);
    expect(await page.getAttribute('html', 'lang')).toBe('zh-CN');
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('跳到商品');
    await page.getByRole('button', { name: /^购买：?:? ?铜水壶/ }).focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => chips(page).allTextContents()).toEqual(['顾客']);
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(overflow).toBe(0);
    await page.getByRole('button', { name: 'English' }).click();
    await expect.poll(() => page.locator('h1').textContent()).toContain('Click');
    expect(faults).toEqual([]);
    await page.context().close();
  });
});
