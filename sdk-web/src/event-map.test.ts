// The typed event map: what it lets through and what it refuses, told by the compiler.
import { expect, it } from 'vitest';
import type { Analytics } from './types.ts';

interface ShopEvents {
  'Order Completed': { revenue: number; currency?: string };
  'Signed Up': { plan?: 'free' | 'pro' };
}

it('checks names and properties of an interface, and nothing without one', () => {
  const calls: unknown[][] = [];
  // Only `track` is called, and the compiler judges the calls before that.
  const client = { track: (...args: unknown[]) => calls.push(args) };
  const shop = client as unknown as Analytics<ShopEvents>;
  const any = client as unknown as Analytics;
  shop.track('Order Completed', { revenue: 1 });
  shop.track('Signed Up');
  shop.track('Signed Up', { plan: 'pro' }, { timestamp: new Date(0) });
  // @ts-expect-error no such event
  shop.track('Order Complete');
  // @ts-expect-error a property is missing
  shop.track('Order Completed');
  // @ts-expect-error of another type
  shop.track('Order Completed', { revenue: '1' });
  any.track('Anything', { a: [1] });
  any.track('Nothing');
  expect(calls).toHaveLength(8);
});
