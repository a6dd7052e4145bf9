// The demo shop at /demo: three files of examples/shop, with a web key of its own in the page.
// Invariant: only the public web key reaches the page; the shop's definitions leave the user's alone.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type InnerCollector, parseConfig } from './collector.ts';
import { UsageError } from './settings.ts';

const FILES: Record<string, string> = {
  'index.html': 'text/html; charset=utf-8',
  'shop.css': 'text/css; charset=utf-8',
  'shop.js': 'text/javascript; charset=utf-8',
};
const KEY_MARK = '%TIDEMARK_WRITE_KEY%';

/** @param examples the examples folder. @throws UsageError when the shop is not there. */
export async function addDemo({ core, app }: InnerCollector, examples: string): Promise<void> {
  const folder = join(examples, 'shop');
  if (!existsSync(join(folder, 'index.html')))
    throw new UsageError(`--demo must name the examples folder; there is no shop in ${examples}`);
  const {
    traits = {},
    segments = {},
    surveys = {},
  } = parseConfig(JSON.parse(readFileSync(join(folder, 'definitions.json'), 'utf8')));
  // By the API's way, not as a file: a TIDEMARK_CONFIG of the user's stays the only file.
  for (const [key, definition] of Object.entries(traits)) await core.putDefinition('traits', key, definition);
  for (const [key, definition] of Object.entries(segments))
    await core.putDefinition('segments', key, definition);
  for (const [key, definition] of Object.entries(surveys))
    await core.putDefinition('surveys', key, definition);
  await core.tick();

  // The same at each start, so that a page that was open before goes on sending.
  const key = await app.access.pageKey('demo shop');

  app.routes.get('/', (c) => c.redirect('/demo/'));
  app.routes.get('/demo', (c) => c.redirect('/demo/'));
  app.routes.get('/demo/*', (c) => {
    const file = c.req.path.slice('/demo/'.length) || 'index.html';
    const type = Object.hasOwn(FILES, file) ? FILES[file] : undefined;
    if (type === undefined) return c.notFound();
    const text = readFileSync(join(folder, file), 'utf8').replace(KEY_MARK, key);
    return new Response(text, {
      headers: {
        'content-type': type,
        'cache-control': 'no-store',
        'content-security-policy':
          "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'",
        'x-content-type-options': 'nosniff',
      },
    });
  });
}
