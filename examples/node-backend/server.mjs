// A shop's back end: the order is paid here, so here is where `Order Completed` is true.
// Run it with TIDEMARK_SERVER_KEY=... node server.mjs, then POST /orders.
import { createServer } from 'node:http';
import { Analytics } from '@tidemark/sdk-node';

const writeKey = process.env.TIDEMARK_SERVER_KEY;
if (!writeKey) {
  console.error('Set TIDEMARK_SERVER_KEY to the server write key (`tidemark keys` lists and makes keys).');
  process.exit(1);
}

const analytics = new Analytics({
  writeKey,
  host: process.env.TIDEMARK_HOST ?? 'http://127.0.0.1:4700',
  onError: (error, messages) =>
    console.error(`Tidemark lost ${messages.length}: ${error.code ?? error.message}`),
});

const server = createServer(async (request, response) => {
  if (request.method !== 'POST' || request.url !== '/orders') {
    response.writeHead(404).end('POST /orders { "userId": "ada", "revenue": 48 }\n');
    return;
  }
  let text = '';
  for await (const chunk of request) text += chunk;
  let order;
  try {
    order = JSON.parse(text);
  } catch {
    response.writeHead(400).end('The body must be JSON.\n');
    return;
  }
  // One call, no waiting: the SDK batches, retries and keeps the order of events.
  analytics.track({
    userId: order.userId,
    event: 'Order Completed',
    properties: { revenue: order.revenue, order_id: order.id },
  });
  response.writeHead(202).end('accepted\n');
});

const port = Number(process.env.PORT ?? 3000);
server.listen(port, '127.0.0.1', () => console.log(`POST orders to http://127.0.0.1:${port}/orders`));

process.on('SIGTERM', () => {
  server.close(async () => {
    const { delivered, pending, dropped } = await analytics.closeAndFlush({ timeout: 5_000 });
    console.log(`Tidemark: ${delivered} delivered, ${pending} pending, ${dropped} dropped`);
  });
});
