// Connections that do harm by doing little: slow headers, slow bodies, 10,000 idle ones, huge headers.
// Invariant: nothing here depends on how fast the machine is: what is waited for comes, however late.
import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { boundAddresses, openFiles, SERVER_LIMITS, startListening } from '../collector/src/main/listen.ts';
import { basic, openCollector, type TestCollector, WEB_KEY } from './collector.ts';
import { useFolder } from './temporary-folder.ts';

/** Longer than any machine takes to open all of them. */
const FOR_EVER_MS = 3_600_000;
/** Ten thousand, or as many as a machine that allows fewer leaves to this process. */
const IDLE = Math.min(10_000, openFiles() - 500);

let collector: TestCollector;
let server: Server;
let port: number;

async function start(limits: Partial<typeof SERVER_LIMITS> = {}): Promise<void> {
  collector = await openCollector();
  server = await startListening(
    { fetch: (request) => collector.handle(request) },
    { port: 0, host: '127.0.0.1', trustProxy: 0 },
    { ...SERVER_LIMITS, ...limits },
  );
  ({ port } = server.address() as AddressInfo); // it listens on a port
}
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await collector.dispose();
});

/** All that comes until the other side closes. */
async function answerTo(sent: string, more: (socket: Socket) => void = () => {}): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.on('error', () => {});
  if (sent !== '') socket.write(sent);
  more(socket);
  await once(socket, 'close');
  return text;
}

async function isServed(): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/v1/track`, {
    method: 'POST',
    headers: { authorization: basic(WEB_KEY) },
    body: JSON.stringify({ userId: 'u', event: 'E' }),
  });
  return answer.status === 200;
}

const HEAD = `POST /v1/batch HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic(WEB_KEY)}\r\n`;

describe('a connection', () => {
  it('that sends nothing, or headers without end, is closed', async () => {
    await start({ headersMs: 200, checkMs: 50 });
    const never = await Promise.all([answerTo(''), answerTo('POST /v1/batch HTTP/1.1\r\nHost: x\r\nA: ')]);
    expect(never.map((text) => text === '' || text.startsWith('HTTP/1.1 408'))).toEqual([true, true]);
    expect(await isServed()).toBe(true);
  });

  it('whose body does not come is answered 408, and nothing of it is stored', async () => {
    await start({ headersMs: 200, requestMs: 400, checkMs: 50 });
    const half = `${HEAD}Content-Length: 1000\r\n\r\n{"batch":[{"userId":"slow","event":"E","type":"track"}`;
    const trickling = (socket: Socket): void => {
      const timer = setInterval(() => socket.write(' '), 20);
      socket.on('close', () => clearInterval(timer));
    };
    const answers = await Promise.all([answerTo(half), answerTo(half, trickling)]);
    for (const text of answers) expect(text).toMatch(/^HTTP\/1\.1 408/);
    expect(await isServed()).toBe(true);
    expect(await collector.profile('user:slow')).toBeUndefined();
  });

  it('with huge headers is answered 431', async () => {
    await start();
    expect(await answerTo(`${HEAD}X: ${'x'.repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431/);
    const many = Array.from({ length: 3_000 }, (_, i) => `X${i}: ${i}\r\n`).join('');
    expect(await answerTo(`${HEAD}${many}\r\n`)).toMatch(/^HTTP\/1\.1 431/);
    expect(await isServed()).toBe(true);
  });
});

describe('many connections', () => {
  let child: ChildProcess | undefined;
  const inFolder = useFolder('idle');
  afterEach(() => {
    child?.kill();
  });

  it('that idle, 10,000 of them, leave the others their service', async () => {
    // Else the first would be closed for their slowness before the last are there, on a busy machine.
    await start({ headersMs: FOR_EVER_MS, requestMs: FOR_EVER_MS, keepAliveMs: FOR_EVER_MS });
    const script = inFolder('idle.cjs');
    // Some say nothing, some have begun a request, some a body.
    writeFileSync(
      script,
      `const { connect } = require('node:net');
       const begun = ['', 'POST /v1/batch HTTP/1.1\\r\\nHost: x\\r\\n', ${JSON.stringify(`${HEAD}Content-Length: 9\r\n\r\n{`)}];
       let open = 0;
       const next = (i) => {
         if (i >= ${IDLE}) return;
         const socket = connect(${port}, '127.0.0.1', () => {
           if (begun[i % 3]) socket.write(begun[i % 3]);
           if (++open === ${IDLE}) process.send('open');
           next(i + 100);
         });
         socket.on('error', (error) => process.send(error.message));
       };
       for (let i = 0; i < 100; i++) next(i);`,
    );
    child = fork(script);
    const [said] = await once(child, 'message');
    expect(said).toBe('open');
    for (let i = 0; i < 20; i++) expect(await isServed()).toBe(true);
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
    expect(
      await new Promise((resolve) => server.getConnections((_, count) => resolve(count))),
    ).toBeGreaterThan(IDLE);
  });

  it('of one address are closed past its share, and counted again when they end', async () => {
    await start();
    const opened = new EventEmitter();
    // Of a server and its sockets nothing else is used.
    boundAddresses(opened as unknown as Server, 2, (socket) => (socket as unknown as { from: string }).from);
    const open = (from: string) => {
      const socket = Object.assign(new EventEmitter(), { from, destroyed: false, destroy() {} });
      socket.destroy = () => {
        socket.destroyed = true;
        socket.emit('close');
      };
      opened.emit('connection', socket);
      return socket;
    };
    const [first, second, third] = [open('2001:db8::1'), open('2001:db8::2'), open('2001:db8::3')];
    expect([first, second, third].map(({ destroyed }) => destroyed)).toEqual([false, false, true]);
    expect(open('192.0.2.1').destroyed).toBe(false);
    expect(['127.0.0.1', '127.0.0.1', '127.0.0.1'].map((from) => open(from).destroyed)).not.toContain(true);
    first.destroy();
    expect([open('2001:db8::4').destroyed, open('2001:db8::5').destroyed]).toEqual([false, true]);
  });
});
