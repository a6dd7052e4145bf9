// A receiver that takes whatever any browser SDK sends and finds the numbered events in it.
// Invariant: on 127.0.0.1 only; an event counts as often as it came over the wire.
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

/** Every event is named so: nothing else in a body looks like it. */
export const eventName = (n: number): string => `bm-${n}-bm`;

export interface Receiver {
  readonly url: string;
  /** Numbers of the events that came, every copy. */
  readonly came: number[];
  forget(): void;
  down(): Promise<void>;
  up(): Promise<void>;
}

/** @param files texts served by path: pages and scripts */
export async function createReceiver(files: Map<string, string>): Promise<Receiver> {
  const came: number[] = [];
  const seen = new Set<string>();
  let port = 0;
  let server: Server;
  const listen = async (): Promise<void> => {
    server = createServer(async (request, response) => {
      const path = (request.url ?? '/').split('?')[0] ?? '/';
      const file = request.method === 'GET' ? files.get(path) : undefined;
      const headers = {
        'access-control-allow-origin': request.headers.origin ?? '*',
        'access-control-allow-credentials': 'true',
        'access-control-allow-headers': request.headers['access-control-request-headers'] ?? '*',
        'content-type': path.endsWith('.js') ? 'text/javascript' : file ? 'text/html' : 'application/json',
      };
      const text = await textOf(request);
      for (const [, n] of `${text} ${decodeURIComponent(request.url ?? '')}`.matchAll(/bm-(\d+)-bm/g))
        came.push(Number(n));
      response.writeHead(200, headers).end(file ?? answerTo(path, text, seen));
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port; // listening on TCP
  };
  await listen();
  return {
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    came,
    forget() {
      came.length = 0;
    },
    up: listen,
    down: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A body as text: inflated, and with what is hidden in base64 beside it. */
async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const body = Buffer.concat(parts);
  try {
    return String(body[0] === 0x1f ? gunzipSync(body) : body);
  } catch {
    // Cut off as the page went away.
    return '';
  }
}

/** What clients need to hear to go on: each reads its own part. */
function answerTo(path: string, text: string, seen: Set<string>): string {
  if (path.endsWith('/settings'))
    return JSON.stringify({ integrations: { 'Segment.io': { apiKey: 'k' } }, metrics: { sampleRate: 0 } });
  if (path === '/v1/seen') {
    const { messageIds } = JSON.parse(text) as { messageIds: string[] };
    return JSON.stringify({ seen: messageIds.filter((id) => seen.has(id)) });
  }
  for (const [, id] of text.matchAll(/"messageId":"([^"]+)"/g)) seen.add(String(id));
  return JSON.stringify({ success: true, rejected: [], status: 1, ok: true });
}
