// A success is the collector's own word.
import { expect, it } from 'vitest';
import { statusOf } from './answer.ts';

it('takes a 2xx for an answer only where the collector says so', () => {
  expect(statusOf(200, { success: true, accepted: 1, duplicates: 0, rejected: [] })).toBe(200);
  expect(statusOf(200, null)).toBe(0);
  expect(statusOf(204, {})).toBe(0);
  expect(statusOf(503, null)).toBe(503);
});
