// The process that the durability test kills.
import { serve } from '@hono/node-server';
import { createCollector } from '@tidemark/collector';
import { ADMIN_KEY, SERVER_KEY, SIGNING_SECRET, WEB_KEY } from './collector.ts';

const [database = ''] = process.argv.slice(2);
const collector = await createCollector({
  database,
  writeKey: WEB_KEY,
  serverKey: SERVER_KEY,
  adminKey: ADMIN_KEY,
  signingSecret: SIGNING_SECRET,
  config: { segments: { active: { where: { event: 'Kept', within: '1h' } } } },
});
serve({ fetch: collector.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => process.send?.({ port }));
