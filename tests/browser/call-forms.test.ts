// The forms of Segment's calls: arguments left out, null or moved up, on our client and on Segment's own resolver.
// Invariant: what Segment's browser client takes for name, category, properties, options or id, ours takes for the same.
import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import type { JsonObject } from '../../collector/src/wire/message.ts';
import { setStage, tag } from './stage.ts';

type Resolved = [category: unknown, name: unknown, properties: JsonObject, options: JsonObject];
// Segment's package has no types for this file: see its `arguments-resolver`.
const segment = createRequire(import.meta.url)(
  '@segment/analytics-next/dist/cjs/core/arguments-resolver',
) as { resolvePageArguments(...args: unknown[]): Resolved };

/** A call as JSON: undefined stands as this text. */
const NOTHING = '(undefined)';
type Call = [method: string, ...args: unknown[]];

const { open } = setStage((url) => ({
  pages: { '*': `<!doctype html><title>Forms</title>${tag(url, 'data-page="off"')}` },
}));

/** The messages that the calls make, before they are queued. */
async function messagesOf(calls: Call[]): Promise<JsonObject[]> {
  const page = await open('/forms');
  return page.evaluate(
    ([all, nothing]) => {
      const made: JsonObject[] = [];
      sdk().use({
        before(message) {
          made.push(JSON.parse(JSON.stringify(message)));
          return null;
        },
      });
      for (const [method, ...args] of all) {
        const given = args.map((arg) => (arg === nothing ? undefined : arg));
        // Its name comes from the test, and its arguments are what is tested.
        (sdk()[method as 'track'] as (...args: unknown[]) => void)(...given);
      }
      return made;
    },
    [calls, NOTHING] as const,
  );
}

const PROPERTIES = { p: 1 };
const TIMESTAMP = '2026-06-10T12:00:00.000Z';
const OPTIONS = { context: { app: 'x' }, integrations: { All: false }, timestamp: TIMESTAMP };

/** Every form of page and screen with at most one object for the properties and one after it for the options. */
function* viewForms(): Generator<unknown[]> {
  const missing = [NOTHING, null];
  for (const a of [...missing, 'A', PROPERTIES])
    for (const b of [...missing, 'B', PROPERTIES, OPTIONS])
      for (const c of [...missing, PROPERTIES, OPTIONS])
        for (const d of [...missing, OPTIONS]) {
          const places = [a, b, c, d];
          const [properties, ...others] = places.flatMap((arg, i) => (arg === PROPERTIES ? [i] : []));
          const [options = 3, ...more] = places.flatMap((arg, i) => (arg === OPTIONS ? [i] : []));
          const isOrdered = properties === undefined ? options === 3 : properties < options;
          if (others.length === 0 && more.length === 0 && isOrdered) yield places;
        }
}

it('page and screen find their name, category, properties and options as Segment’s do', async () => {
  const forms = [...viewForms()];
  const calls = forms.flatMap((args): Call[] => [
    ['page', ...args],
    ['screen', ...args],
  ]);
  const messages = await messagesOf(calls);
  expect(messages).toHaveLength(calls.length);
  expect(forms.length).toBeGreaterThan(50);
  for (const [i, message] of messages.entries()) {
    const [method, ...args] = calls[i] as Call; // one message a call
    const given = args.map((arg) => (arg === NOTHING ? undefined : arg));
    const [category, name, properties, options] = segment.resolvePageArguments(...given);
    const isTold = 'context' in options;
    expect(
      {
        type: message.type,
        category: message.category ?? null,
        name: message.name ?? null,
        p: (message.properties as JsonObject).p,
        app: (message.context as JsonObject).app,
        integrations: message.integrations,
        isDated: message.timestamp === TIMESTAMP,
      },
      JSON.stringify(calls[i]),
    ).toEqual({
      type: method,
      category,
      name,
      p: properties.p,
      app: isTold ? 'x' : undefined,
      integrations: isTold ? { All: false } : undefined,
      isDated: isTold,
    });
    // What is one of the options is none of the properties.
    expect(message.properties).not.toHaveProperty('context');
  }
});

it.each<[Call, JsonObject]>([
  [['track', 'E', null, OPTIONS], { event: 'E', properties: {} }],
  [['track', 'E', NOTHING, OPTIONS], { event: 'E', properties: {} }],
  [['group', 'G', null, OPTIONS], { groupId: 'G', traits: {} }],
  [['identify', 'u', null, OPTIONS], { userId: 'u', traits: {} }],
  [['identify', null, { plan: 'pro' }, OPTIONS], { traits: { plan: 'pro' } }],
  [['identify', { plan: 'pro' }, OPTIONS], { traits: { plan: 'pro' } }],
  [['alias', 'new', 'old', OPTIONS], { userId: 'new', previousId: 'old' }],
  [['alias', 'new', null, OPTIONS], { userId: 'new', previousId: expect.stringMatching(/^[\da-f-]{36}$/) }],
  [['alias', 'new', OPTIONS], { userId: 'new', previousId: expect.stringMatching(/^[\da-f-]{36}$/) }],
  [['survey', 'S', { q: 1 }, OPTIONS], { surveyId: 'S', answers: { q: 1 } }],
])('%j has its options, and the rest where it belongs', async (call, expected) => {
  const [message] = await messagesOf([call]);
  expect(message).toMatchObject({
    ...expected,
    type: call[0],
    context: { app: 'x' },
    integrations: { All: false },
    timestamp: TIMESTAMP,
  });
});

it('options that cannot be read are refused, not thrown', async () => {
  const page = await open('/forms');
  const codes = await page.evaluate(() => {
    const seen: string[] = [];
    sdk().on('error', ({ code }) => seen.push(code));
    const bad = (): Record<string, unknown> => ({
      get context(): unknown {
        throw new Error('no');
      },
    });
    sdk().page({ p: 1 }, bad());
    sdk().page('A', 'B', {}, bad());
    sdk().identify({ plan: 'pro' }, bad());
    sdk().alias('new', bad());
    sdk().track('E', {}, bad());
    return seen;
  });
  expect(codes).toEqual(Array(5).fill('invalid_field'));
});
