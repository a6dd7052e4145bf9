// What the lane says a slice cost whom.
import { expect, it } from 'vitest';
import type { AcceptedMessage } from '../wire/accepted.ts';
import { costs, type Requests } from './lane-slice.ts';

const request = (key: string, messages: number, refused = 0): Requests => ({
  sender: { key, address: '' },
  // Only how many there are is looked at.
  messages: Array.from({ length: messages }, () => ({}) as AcceptedMessage),
  refused: [],
  size: messages + refused,
  bytes: 0,
});

it('charges each sender for their own messages, and all alike for what was done for all', () => {
  const slice = [
    { job: request('light', 2), from: 0, to: 2 },
    { job: request('refused', 0, 3), from: 0, to: 3 },
    { job: request('dear', 5), from: 1, to: 3 },
  ];
  const said = costs(slice, [100, 101, 102, 142, 192], 92 + 8);
  expect(said.map(({ sender, messages, ms }) => [sender.key, messages, ms])).toEqual([
    ['light', 2, 6],
    ['refused', 0, 0],
    ['dear', 2, 94],
  ]);
});

it('charges nobody where there was no message', () => {
  expect(costs([{ job: request('refused', 0, 3), from: 0, to: 3 }], [100], 5)).toMatchObject([{ ms: 0 }]);
  expect(costs([], [], 5)).toEqual([]);
});
