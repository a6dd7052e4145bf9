// What the lane says a slice cost whom.
import { expect, it } from 'vitest';
import type { AcceptedMessage } from '../wire/accepted.ts';
import { costs, placeOf, type Requests } from './lane-slice.ts';

const request = (key: string, messages: number, refused = 0): Requests => ({
  sender: { key, address: '' },
  // Only how many there are is looked at.
  messages: Array.from({ length: messages }, () => ({}) as AcceptedMessage),
  refused: [],
  size: messages + refused,
  bytes: 0,
});
const part = (job: Requests, from: number, to: number) => ({ job, from, to });
const said = (found: ReturnType<typeof costs>) =>
  found.map(({ sender, messages, ms }) => [sender.key, messages, ms]);

it('knows whose a message is', () => {
  const slice = [
    part(request('a', 2), 0, 2),
    part(request('refused', 0, 3), 0, 3),
    part(request('b', 5, 2), 3, 7),
  ];
  const places = [0, 1, 2, 3].map((n) => placeOf(slice, n));
  expect(places.map(({ job, at }) => `${job.sender.key}${at}`)).toEqual(['a0', 'a1', 'b3', 'b4']);
  expect(() => placeOf(slice, 4)).toThrow();
});

it('charges each sender for their own messages', () => {
  const slice = [
    part(request('light', 2), 0, 2),
    part(request('refused', 0, 3), 0, 3),
    part(request('dear', 5), 1, 3),
  ];
  const times = { begun: 100, through: [101, 102, 142, 192], late: [false, false, false, false], over: 195 };
  expect(said(costs(slice, times))).toEqual([
    ['light', 2, 2],
    ['refused', 0, 0],
    ['dear', 2, 90],
  ]);
});

it('charges for the work at its end whoever sent what came late', () => {
  const slice = [
    part(request('light', 1), 0, 1),
    part(request('late', 2), 0, 2),
    part(request('both', 2), 0, 2),
  ];
  const times = { begun: 0, through: [1, 2, 3, 4, 5], late: [false, true, true, false, true], over: 95 };
  expect(said(costs(slice, times))).toEqual([
    ['light', 1, 1],
    ['late', 2, 62],
    ['both', 2, 32],
  ]);
});

it('charges nobody where there was no message', () => {
  const times = { begun: 100, through: [], late: [], over: 105 };
  expect(costs([part(request('refused', 0, 3), 0, 3)], times)).toMatchObject([{ ms: 0 }]);
  expect(costs([], times)).toEqual([]);
});
