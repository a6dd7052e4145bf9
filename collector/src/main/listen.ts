// The HTTP server: how long it waits for a request, and how many connections it holds.
// Invariant: a connection that sends nothing, or too slowly, is closed in bounded time; those of one address never
// take up all there are.
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { serve as listen } from '@hono/node-server';
import { isLoopback, networkOf } from '../http/caller.ts';
import type { Collector } from './collector.ts';
import { messageOf, UsageError } from './settings.ts';

export interface ServerLimits {
  /** For a request's headers to be there, from the connection's first byte or its beginning, ms. */
  headersMs: number;
  /** For all of a request to be there, ms: then 408. */
  requestMs: number;
  /** How often both are looked at, ms. */
  checkMs: number;
  /** For the next request on a connection, ms. */
  keepAliveMs: number;
  /** All headers of a request together, bytes: past it 431. */
  headerBytes: number;
  connections: number;
  /** Of one address that is neither loopback nor, where proxies are trusted, theirs. */
  connectionsOfAddress: number;
}

/** Descriptors left to the database, its log, the threads and the control socket. */
const SPARE_DESCRIPTORS = 200;

export const SERVER_LIMITS: ServerLimits = {
  headersMs: 20_000,
  // The largest body at 70 KiB a second.
  requestMs: 60_000,
  checkMs: 5_000,
  // Longer than the proxies in front keep theirs (60 s), which would else use one that is being closed.
  keepAliveMs: 65_000,
  // What Node itself takes by default.
  headerBytes: 16 * 1024,
  // Some 10 KiB each where they idle.
  connections: 20_000,
  // A company behind one address, with six for each browser.
  connectionsOfAddress: 1_000,
};

/** @throws UsageError when it cannot listen there */
export function startListening(
  { fetch }: Pick<Collector, 'fetch'>,
  { port, host, trustProxy }: { port: number; host: string; trustProxy: number },
  limits: ServerLimits = SERVER_LIMITS,
): Promise<Server> {
  const { headersMs, requestMs, checkMs, keepAliveMs, headerBytes } = limits;
  const serverOptions = {
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    connectionsCheckingInterval: checkMs,
    keepAliveTimeout: keepAliveMs,
    maxHeaderSize: headerBytes,
  };
  return new Promise((resolve, reject) => {
    // Without options for HTTP/2 the adapter makes a plain HTTP server.
    const server = listen({ fetch, port, hostname: host, serverOptions }, () => resolve(server)) as Server;
    server.maxConnections = Math.max(1, Math.min(limits.connections, openFiles() - SPARE_DESCRIPTORS));
    if (trustProxy === 0) boundAddresses(server, limits.connectionsOfAddress);
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason =
        error.code === 'EADDRINUSE'
          ? `port ${port} on ${host} is in use; set PORT to another one`
          : `${messageOf(error)}; HOST is ${host}, PORT is ${port}`;
      reject(new UsageError(`cannot listen: ${reason}`));
    });
  });
}

/** Closes what one address opens past `most`. */
export function boundAddresses(
  server: Pick<Server, 'on'>,
  most: number,
  addressOf: (socket: Socket) => string | undefined = ({ remoteAddress }) => remoteAddress,
): void {
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const address = addressOf(socket);
    if (address === undefined || isLoopback(address)) return;
    const name = networkOf(address);
    const count = (open.get(name) ?? 0) + 1;
    if (count > most) {
      socket.destroy();
      return;
    }
    open.set(name, count);
    socket.once('close', () => {
      const left = (open.get(name) ?? 1) - 1;
      if (left === 0) open.delete(name);
      else open.set(name, left);
    });
  });
}

/** Descriptors this process may have open; infinite where the system does not say. */
export function openFiles(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
