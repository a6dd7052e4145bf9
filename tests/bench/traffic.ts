// The messages of the benchmark: about 800 bytes each, as a browser SDK sends them.
// Invariant: the same seed gives the same bodies; ids are time-ordered and never repeat in one run.
import { createRandom } from '../random.ts';

/** How many people the messages come from. */
export const PEOPLE = 5_000;
/** Definitions count this event; the others do not match. */
export const EVENT = 'Product Viewed';

let sequence = 0;

function nextId(time: number): string {
  const head = time.toString(16).padStart(12, '0');
  const tail = (++sequence).toString(16).padStart(12, '0');
  return `${head.slice(0, 8)}-${head.slice(8)}-7000-8000-${tail}`;
}

export function message(random: () => number, time: number): Record<string, unknown> {
  const person = Math.floor(random() * PEOPLE);
  const product = Math.floor(random() * 500);
  return {
    type: 'track',
    event: EVENT,
    messageId: nextId(time),
    userId: `user-${person}`,
    timestamp: new Date(time).toISOString(),
    properties: {
      product_id: `sku-${product}`,
      name: `A product with a name of ordinary length, number ${product}`,
      category: ['garden', 'kitchen', 'books', 'toys'][product % 4],
      price: 4.99 + (product % 50),
      quantity: 1 + (product % 3),
      currency: 'EUR',
      position: product % 20,
    },
    context: {
      page: {
        path: `/products/${product}`,
        url: `https://shop.example/products/${product}?utm_source=news`,
        title: `A product with a name of ordinary length, number ${product}`,
        referrer: 'https://shop.example/search?q=garden',
      },
      locale: 'en-GB',
      timezone: 'Europe/Berlin',
      screen: { width: 1920, height: 1080 },
      library: { name: '@tidemark/sdk-web', version: '0.1.0' },
    },
  };
}

/** Bodies of `POST /v1/batch`, `size` messages each. */
export function bodies(count: number, size: number, seed: number, time: number): string[] {
  const random = createRandom(seed).next;
  return Array.from({ length: count }, () =>
    JSON.stringify({
      batch: Array.from({ length: size }, () => message(random, time)),
      sentAt: new Date(time).toISOString(),
    }),
  );
}

/** `matching` definitions that count the event, and `others` that do not match it. */
export function definitions(matching: number, others = 0): { traits: object; segments: object } {
  const traits: Record<string, object> = {};
  const segments: Record<string, object> = {};
  for (let i = 0; i < matching; i++) {
    const where = { path: 'properties.quantity', op: 'gte', value: 1 + (i % 3) };
    if (i % 5 === 0)
      segments[`viewed_${i}`] = {
        where: { event: EVENT, where, count: { op: 'gte', value: 3 + i }, within: '7d' },
      };
    else if (i % 5 === 1) traits[`spent_${i}`] = { type: 'sum', event: EVENT, where, property: 'price' };
    else if (i % 5 === 2) traits[`views_${i}`] = { type: 'count', event: EVENT, where };
    else if (i % 5 === 3) traits[`latest_${i}`] = { type: 'last', event: EVENT, where, property: 'category' };
    else
      segments[`active_${i}`] = {
        where: { event: EVENT, where: { ...where, value: i }, within: `${10 + i}d` },
      };
  }
  for (let i = 0; i < others; i++) {
    if (i % 2 === 0) traits[`other_${i}`] = { type: 'count', event: `Other ${i}` };
    else
      segments[`others_${i}`] = {
        where: { event: `Other ${i}`, count: { op: 'gte', value: 2 }, within: '30d' },
      };
  }
  return { traits, segments };
}
