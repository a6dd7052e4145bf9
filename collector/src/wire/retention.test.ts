// Tests what a definitions file may say about how long events are kept.
// Invariant: every fault has a pointer and says how to mend it.
import { describe, expect, it } from 'vitest';
import { parseDefinitionFile } from './definitions.ts';

const faultsOf = (retention: unknown): [string, string][] => {
  const parsed = parseDefinitionFile({ retention });
  return parsed.ok ? [] : parsed.faults.map(({ pointer, message }) => [pointer, message]);
};

describe('retention in a definitions file', () => {
  it('names events, pages and screens, each with a duration', () => {
    const retention = { 'Product Viewed': '90d', $page: '26w', $screen: '1h', constructor: '5m' };
    expect(parseDefinitionFile({ retention })).toEqual({ ok: true, value: { retention } });
  });

  it('is what no event may be kept by where it is left out', () => {
    expect(parseDefinitionFile({})).toEqual({ ok: true, value: {} });
  });

  it.each([
    ['Product Viewed', 90, /^must be a duration: .*"90d"/],
    ['Product Viewed', '0d', /^must be a duration/],
    ['Product Viewed', '200y', /^must be a duration/],
    ['Product Viewed', null, /^must be a duration/],
    ['', '1d', /^must name an event$/],
    ['*', '1d', /^must name one event, without \*$/],
    ['Product*', '1d', /^must name one event, without \*$/],
    ['$identify', '1d', /^traits are kept .*erase the person instead$/],
    ['$group', '1d', /^groups are kept /],
    ['$survey', '1d', /^answers are kept /],
    ['Survey Responded', '1d', /^answers are kept /],
    ['$alias', '1d', /^is no event; .*\$page and \$screen/],
  ])('refuses %s kept for %s', (event, duration, message) => {
    const pointer = `/retention/${event}`;
    expect(faultsOf({ [event]: duration })).toEqual([[pointer, expect.stringMatching(message)]]);
  });

  it('points at names as JSON pointers do', () => {
    expect(faultsOf({ 'a/b~c': 1 })).toEqual([['/retention/a~1b~0c', expect.any(String)]]);
    expect(faultsOf(['a'])).toEqual([['/retention', 'must be an object of durations by event']]);
    expect(faultsOf(null)).toEqual([['/retention', 'must be an object of durations by event']]);
  });
});
