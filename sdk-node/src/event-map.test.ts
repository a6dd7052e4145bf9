// The typed event map: what it lets through and what it refuses, told by the compiler.
import { expect, it } from 'vitest';
import { Analytics } from './index.ts';

interface ShopEvents {
  'Order Completed': { revenue: number; currency?: string };
  'Signed Up': { plan?: 'free' | 'pro' };
  // biome-ignore lint/complexity/noBannedTypes: an event without properties, as people write it
  'Signed Out': {};
}

it('checks names and properties, and costs nothing at run time', () => {
  const shop = new Analytics<ShopEvents>({ writeKey: 'k', disable: true });
  const calls = [
    shop.track({ userId: 'u', event: 'Order Completed', properties: { revenue: 1 } }),
    shop.track({ anonymousId: 'd', event: 'Signed Up' }),
    shop.track({ userId: 'u', event: 'Signed Out', messageId: 'm', timestamp: new Date() }),
    // @ts-expect-error no such event
    shop.track({ userId: 'u', event: 'Order Complete' }),
    // @ts-expect-error a property is missing
    shop.track({ userId: 'u', event: 'Order Completed' }),
    // @ts-expect-error of another type
    shop.track({ userId: 'u', event: 'Order Completed', properties: { revenue: '1' } }),
    // @ts-expect-error another event's property
    shop.track({ userId: 'u', event: 'Signed Up', properties: { revenue: 1 } }),
    new Analytics({ writeKey: 'k', disable: true }).track({
      userId: 'u',
      event: 'Anything',
      properties: { a: [1] },
    }),
  ];
  expect(calls).toEqual(Array(8).fill(true));
});
