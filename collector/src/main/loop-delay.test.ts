// How long the event loop kept its work waiting.
// Invariant: only what must have been waited for at least is asserted; a busy machine adds to it.
import { expect, it } from 'vitest';
import { watchLoop } from './loop-delay.ts';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

it('sees that the loop was blocked while nothing else was going on', async () => {
  const loop = watchLoop();
  expect(loop.take()).toEqual({ p50: 0, p99: 0, max: 0 });
  await sleep(450);
  block(500);
  await sleep(10);
  expect(loop.take().max).toBeGreaterThan(0.25);
  loop.stop();
});

it('looks more closely once there is work, and forgets what was taken', async () => {
  const loop = watchLoop();
  // Longer than between two looks whether there is work.
  for (let i = 0; i < 15; i++) {
    block(80);
    await sleep(10);
  }
  loop.take();
  for (let i = 0; i < 5; i++) {
    block(80);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { p50, p99, max } = loop.take();
  // Looking roughly only, blocks shorter than between two looks would be no delay.
  expect(p50).toBeGreaterThan(0.05);
  expect(p99).toBeGreaterThanOrEqual(p50);
  expect(max).toBeGreaterThanOrEqual(0.06);
  loop.stop();
});

it('does not take a pause without work for a delay', async () => {
  const loop = watchLoop();
  const work = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      block(20);
      await sleep(10);
    }
  };
  // Each longer than between two looks whether there is work.
  await work(80);
  await sleep(6_000);
  await work(80);
  const { max } = loop.take();
  loop.stop();
  // A busy machine may add some hundreds of milliseconds to the 20; the pause was of six seconds.
  expect(max).toBeGreaterThan(0.01);
  expect(max).toBeLessThan(4);
}, 30_000);
