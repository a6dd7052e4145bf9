// The origin that clients reach us at, as proxies tell it.
import { expect, it } from 'vitest';
import { originOf } from './caller.ts';

const seen = (headers: Record<string, string>, trustProxyHops = 1, publicUrl: string | null = null): string =>
  originOf(new Request('http://127.0.0.1:4700/v1/x', { headers }), { trustProxyHops, publicUrl }).origin;

it('is what the first of several proxies saw, protocol and host alike', () => {
  const host = { 'x-forwarded-host': 'shop.example, inner' };
  for (const protocol of ['https', 'https, http', 'https,http', ' https , http '])
    expect(seen({ 'x-forwarded-proto': protocol, ...host }, 2), protocol).toBe('https://shop.example');
  expect(seen({ 'x-forwarded-proto': 'http, https', ...host }, 2)).toBe('http://shop.example');
  expect(seen({ 'x-forwarded-proto': 'gopher, https', ...host })).toBe('http://shop.example');
});

it('has the port that clients see, not ours', () => {
  expect(seen({ 'x-forwarded-host': 'shop.example' })).toBe('http://shop.example');
  expect(seen({ 'x-forwarded-host': 'shop.example:8443', 'x-forwarded-proto': 'https' })).toBe(
    'https://shop.example:8443',
  );
  expect(seen({})).toBe('http://127.0.0.1:4700');
});

it('is what the settings say, and without trust what the connection says', () => {
  const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.example' };
  expect(seen(headers, 0)).toBe('http://127.0.0.1:4700');
  expect(seen(headers, 1, 'https://collect.example')).toBe('https://collect.example');
});
