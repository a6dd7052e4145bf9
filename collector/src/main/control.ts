// How commands reach a served file: HTTP over a local socket beside it, for its owner only.
// Invariant: the socket is mode 0600 in a folder of its owner; it speaks for the process that holds the lock.
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, unlinkSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Systems take at most 104 to 108 bytes for a socket's path. */
const MAX_SOCKET_BYTES = 100;

export type Progress = (done: number, total: number) => void;
export type Handle = (command: string, input: unknown, onProgress: Progress) => Promise<unknown>;

/** An answer that tells its progress first: lines of JSON, each `{ done, total }` but the last, an `Answer`. */
const LINES = 'application/x-ndjson';

interface Answer {
  status: number;
  body: unknown;
}

/** Beside the database where the path fits, else in a private folder named after it. */
export function socketPath(database: string): string {
  const beside = `${database}.sock`;
  if (Buffer.byteLength(beside) <= MAX_SOCKET_BYTES) return beside;
  const folder = join(tmpdir(), `tidemark-${process.getuid?.() ?? 0}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return join(folder, `${createHash('sha256').update(database).digest('hex').slice(0, 24)}.sock`);
}

/** Serves commands until `close`. */
export async function serveControl(database: string, handle: Handle): Promise<{ close(): Promise<void> }> {
  if (database === ':memory:') return { close: async () => {} };
  const path = socketPath(database);
  // Whoever holds the lock may clear away what a killed process left.
  if (existsSync(path)) unlinkSync(path);
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const tell: Progress = (done, total) => {
        if (!outgoing.headersSent) outgoing.writeHead(200, { 'content-type': LINES });
        outgoing.write(`${JSON.stringify({ done, total })}\n`);
      };
      answer(handle, incoming.url?.slice(1) ?? '', Buffer.concat(chunks).toString(), tell).then(
        (answered) => {
          if (outgoing.headersSent) outgoing.end(JSON.stringify(answered));
          else {
            outgoing.writeHead(answered.status, { 'content-type': 'application/json' });
            outgoing.end(JSON.stringify(answered.body));
          }
        },
      );
    });
  });
  const before = process.umask(0o177);
  try {
    await listen(server, path);
  } finally {
    process.umask(before);
  }
  chmodSync(path, 0o600);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}

async function answer(handle: Handle, command: string, text: string, onProgress: Progress): Promise<Answer> {
  try {
    return { status: 200, body: (await handle(command, JSON.parse(text || 'null'), onProgress)) ?? null };
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    return { status: 400, body: { name, message } };
  }
}

/** Whether somebody takes commands for the file; a socket that a killed process left does not count. */
export function isServed(database: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath(database));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // Another user's, say: asking it tells what is wrong.
    socket.once('error', (error: Error & { code?: string }) =>
      resolve(error.code !== 'ENOENT' && error.code !== 'ECONNREFUSED'),
    );
  });
}

/** A process that lives answers within milliseconds; the event loop of one that is stopped or stuck never does. */
const SIGN_OF_LIFE_MS = 5_000;

/** Waits for the process that serves the file to answer at all. @throws Error when it does not */
export async function awaitSignOfLife(database: string, withinMs = SIGN_OF_LIFE_MS): Promise<void> {
  await askServer(database, 'clock', null, { withinMs });
}

export interface Asking {
  onProgress?: Progress;
  /** Silence after which it counts as failed, ms; without it whatever the work takes. */
  withinMs?: number;
}

/** Asks the process that serves the file. @throws Error with its message when it refused. */
export function askServer(
  database: string,
  command: string,
  input: unknown,
  { onProgress = () => {}, withinMs }: Asking = {},
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { socketPath: socketPath(database), path: `/${command}`, method: 'POST' },
      (incoming) => {
        const inLines = incoming.headers['content-type'] === LINES;
        let text = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk: string) => {
          const lines = (text + chunk).split('\n');
          text = inLines ? (lines.pop() as string) : text + chunk; // split gives one piece at least
          if (!inLines) return;
          for (const line of lines) {
            const { done, total } = JSON.parse(line) as { done: number; total: number }; // written by serveControl
            onProgress(done, total);
          }
        });
        incoming.on('end', () => {
          // Written by serveControl, either way.
          const whole = JSON.parse(text) as unknown;
          const { status, body } = inLines ? (whole as Answer) : { status: incoming.statusCode, body: whole };
          if (status === 200) resolve(body);
          else reject(new Error((body as { message: string }).message)); // written by answer
        });
        incoming.on('error', () => reject(new Error('the collector was stopped before it was done')));
      },
    );
    asked.on('error', reject);
    if (withinMs !== undefined)
      asked.setTimeout(withinMs, () => asked.destroy(new Error(`no answer within ${withinMs / 1_000} s`)));
    asked.end(JSON.stringify(input));
  });
}
