// Addresses against patterns.
// Invariant: as a survey's author would read them.
import { expect, it } from 'vitest';
import { MAX_URL_CHARS, patternFault, urlTest } from './url-pattern.ts';

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
  ['https://a.example?x=*', 'https://a.example/?x=1', true],
  ['https://a.example:443/', 'https://a.example/', true],
  ['http://a.example:80/*', 'http://a.example/x', true],
  ['https://*.example:443/*', 'https://b.example/x', true],
  ['*://A.example/*', 'https://a.example/x', true],
  ['/caf%c3%a9', 'https://a.example/café', true],
  ['/a b', 'https://a.example/a%20b', true],
  ['https://bücher.example/', 'https://bücher.example/', true],
  ['/go?to=https://b.example/*', 'https://a.example/go?to=https://b.example/x', true],
  ['/a*', 'https://a.example/%2A', false],
])('%s, on %s: %s', (pattern, url, holds) => {
  expect(urlTest(pattern)(url)).toBe(holds);
});

it.each([
  ['shop.example/cart', 'must begin with'],
  ['/cart#top', '"#"'],
  ['capacitor://x', 'must begin with'],
  ['/a?', 'must say what follows'],
  ['/a/../b', '".."'],
  ['https://u@a.example/', 'user name'],
  ['https://a b.example/', 'is no host'],
  [' /a', 'blanks'],
])('refuses %s', (pattern, why) => {
  expect(patternFault(pattern)).toContain(why);
});

it.each(['/', '*', '/a*b?c=*', 'https://*', 'http://localhost:4700/x', '*/cart', '*://shop.example/*'])(
  'takes %s',
  (pattern) => {
    expect(patternFault(pattern)).toBeNull();
  },
);

it('holds an address against one pattern after the other, and a very long one against none', () => {
  const [cart, all] = [urlTest('/cart'), urlTest('https://shop.example/*')];
  const address = 'https://shop.example/cart';
  const other = 'https://shop.example/';
  expect([cart(address), all(address), all(other), cart(other), cart(address)]).toEqual([
    true,
    true,
    true,
    false,
    true,
  ]);
  const long = `${other}${'x'.repeat(MAX_URL_CHARS - other.length)}`;
  expect([all(long), all(`${long}x`), urlTest('https://shop.example/*')(long)]).toEqual([true, false, true]);
});
