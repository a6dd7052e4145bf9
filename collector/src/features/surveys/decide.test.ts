// Addresses against patterns.
// Invariant: as a survey's author would read them.
import { expect, it } from 'vitest';
import { matchesUrl } from './decide.ts';

it.each([
  ['/cart', 'https://shop.example/cart', true],
  ['/cart', 'https://shop.example/cart/2', false],
  ['/cart*', 'https://shop.example/cart/2?x=1#y', true],
  ['*/cart', 'https://shop.example/en/cart', true],
  ['/a*a', 'https://shop.example/a', false],
  ['/a*b*c', 'https://shop.example/a-b-b-c', true],
  ['/a*b*c', 'https://shop.example/a-c-b', false],
  ['/search?q=*', 'https://shop.example/search?q=tea', true],
  ['/search?q=*', 'https://shop.example/search?r=tea', false],
  ['https://shop.example', 'https://shop.example/', true],
  ['HTTPS://Shop.Example/A', 'https://shop.example/A', true],
  ['https://*.example/x', 'https://a.b.example/x', true],
  ['https://*', 'https://anything.example/x', true],
  ['https://shop.example/x', 'http://shop.example/x', false],
  ['/café*', 'https://shop.example/café/menu', true],
  ['/关于', 'https://shop.example/关于', true],
  ['/x', 'no address', false],
])('%s, on %s: %s', (pattern, url, holds) => {
  expect(matchesUrl(pattern, url)).toBe(holds);
});
