// `tidemark serve`: the collector over HTTP in the foreground.
// Invariant: one process a file; SIGTERM answers what is under way and leaves the file clean.
import { statSync } from 'node:fs';
import type { Server } from 'node:http';
import type { Applied } from '../ingest/core.ts';
import { textOfApplied } from './apply.ts';
import { type InnerCollector, openCollector } from './collector.ts';
import { type Handle, serveControl } from './control.ts';
import { makeFolderOf } from './database-folder.ts';
import { addDemo } from './demo.ts';
import { announceFirstRun } from './first-run.ts';
import { startListening } from './listen.ts';
import { takeLock } from './lock.ts';
import type { Log } from './log.ts';
import { watchLoop } from './loop-delay.ts';
import { createOperations } from './operations.ts';
import { createOutage, type Outage } from './outage.ts';
import { createPeopleProgress } from './progress.ts';
import { collectorOptions, notTaken, SECRETS, type Settings } from './settings.ts';
import { VERSION } from './version.ts';

/** Changes made by time show within a second of their instant. */
const TICK_MS = 250;
/** A stop takes at most this long; what is not answered by then is cut off. */
const STOP_LIMIT_MS = 9_000;

export interface ServeOptions {
  settings: Settings;
  /** Folder of the examples, to serve the demo shop at /demo. */
  demo: string | null;
  /** What is for whoever started it: keys, the address. */
  print: (text: string) => void;
  /** The same for a bar, which moves the cursor. */
  draw: (text: string) => void;
  isTerminal: boolean;
  /** What happens from then on. */
  log: Log;
}

/** Resolves with the exit code once stopped. */
export async function serve({ settings, demo, print, draw, isTerminal, log }: ServeOptions): Promise<number> {
  // A wrong path, or a disk that is not mounted, is another database with the same keys.
  const isNew = settings.database !== ':memory:' && !hasContent(settings.database);
  makeFolderOf(settings.database);
  const lock = takeLock(settings.database);
  let collector: InnerCollector | null = null;
  const loop = watchLoop();
  const outage = createOutage(log);
  try {
    const opening = createPeopleProgress({ title: 'Computing people anew', isTerminal, write: draw });
    collector = await openCollector({
      ...collectorOptions(settings),
      makesKeys: true,
      onError: (error) => log.error('something failed inside', error),
      onWarning: log.warn,
      onRequest: outage.request,
      loopDelay: loop.take,
      onProgress: opening.onProgress,
    });
    opening.finish();
    const url =
      settings.publicUrl ??
      `http://${settings.host.includes(':') ? `[${settings.host}]` : settings.host}:${settings.port}`;
    if (demo !== null) await addDemo(collector, demo);
    const server = await startListening(collector, settings);
    const control = await serveControl(settings.database, logged(createOperations(collector), log));
    // From here on a signal stops it the orderly way, also one that comes while it introduces itself.
    const stopped = untilStopped(server, collector, control, { log, outage });
    const address = actualUrl(server, url, settings);
    if (collector.firstRun) {
      const { refused } = collector.app;
      const given = new Set(
        SECRETS.filter((field) => settings[field] !== undefined && !refused.includes(field)),
      );
      announceFirstRun(
        { url: address, database: settings.database, keys: collector.firstRun, given },
        isTerminal,
        print,
      );
      await collector.app.access.rememberShown().catch((error: unknown) => {
        log.error('that the keys were shown could not be stored; the next start makes new ones', error);
      });
    }
    for (const warning of [
      ...settings.warnings,
      ...settings.unknownVariables,
      ...collector.app.refused.map(notTaken),
    ])
      log.warn(warning);
    if (collector.applied) tellApplied(collector.applied, settings.configFile ?? '', { print, log });
    const place = settings.publicUrl === undefined ? address : `${settings.host}:${portOf(server, settings)}`;
    const known = settings.publicUrl === undefined ? '' : `, known as ${settings.publicUrl},`;
    print(`Tidemark listens on ${place}${known} with ${settings.database}\n`);
    if (isNew) log.warn(`${settings.database} is a new, empty database`);
    // A terminal has just been told.
    if (!isTerminal) log.info(`started, version ${VERSION}`);
    if (demo !== null) print(`The demo shop is at ${address}/demo\n`);
    const code = await stopped;
    await collector.close();
    collector = null;
    if (!isTerminal) log.info('stopped');
    return code;
  } finally {
    loop.stop();
    await collector?.close();
    outage.end();
    lock.release();
  }
}

const hasContent = (file: string): boolean => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0;

/** A file that says less than it did takes definitions away, and one with a retention lets go of events. */
function tellApplied(
  applied: Applied,
  file: string,
  { print, log }: Pick<ServeOptions, 'print' | 'log'>,
): void {
  const { changed, deleted, retention } = applied;
  if (changed + deleted > 0) print(`From ${file}: ${textOfApplied(applied)}`);
  log.info(
    `definitions file applied: ${changed} created or changed, ${deleted} deleted, ` +
      `${Object.keys(retention).length} events with a retention`,
  );
}

/** Commands that change what the collector does, for whoever asks later what happened. */
const LOGGED: ReadonlySet<string> = new Set(['apply', 'keys-create', 'keys-revoke', 'put-surveys', 'repair']);

function logged(handle: Handle, log: Log): Handle {
  return async (command, input, onProgress) => {
    const answer = await handle(command, input, onProgress);
    if (LOGGED.has(command)) log.info(`done by command: ${command}`);
    return answer;
  };
}

/** The one that the system chose where none was given. */
function portOf(server: Server, { port }: Settings): number {
  const bound = server.address();
  return port !== 0 || bound === null || typeof bound === 'string' ? port : bound.port;
}

function actualUrl(server: Server, url: string, settings: Settings): string {
  const { publicUrl } = settings;
  return publicUrl === undefined ? url.replace(/:0$/, `:${portOf(server, settings)}`) : url;
}

function untilStopped(
  server: Server,
  collector: InnerCollector,
  control: { close(): Promise<void> },
  { log, outage }: { log: Log; outage: Outage },
): Promise<number> {
  return new Promise((resolve) => {
    const ticking = startTicking(collector, outage);
    let stopping = false;
    const stop = (signal: string): void => {
      // Whoever asks twice means it.
      if (stopping) process.exit(1);
      stopping = true;
      log.info(`${signal}: stopping; requests under way are answered`);
      // What takes minutes goes on at the next start.
      collector.core.endLongWork();
      const limit = setTimeout(() => server.closeAllConnections(), STOP_LIMIT_MS);
      const closed = new Promise<void>((done) => server.close(() => done()));
      server.closeIdleConnections();
      // Connections that fall idle now would keep the server open.
      const sweep = setInterval(() => server.closeIdleConnections(), 100);
      Promise.all([closed, control.close(), ticking.stop()]).then(() => {
        clearTimeout(limit);
        clearInterval(sweep);
        resolve(0);
      });
    };
    // SIGHUP: the terminal was closed, or somebody hopes for a reload, which a restart is.
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop(signal));
  });
}

/** Ticks one after the other, never two at once. */
function startTicking(collector: InnerCollector, outage: Outage): { stop(): Promise<void> } {
  let stopped = false;
  let failed = false;
  let timer: ReturnType<typeof setTimeout>;
  let running: Promise<void> = Promise.resolve();
  const next = (): void => {
    timer = setTimeout(() => {
      // A build may take minutes, and people's time comes meanwhile.
      running = collector.core.tick({ waitForBuilds: false }).then(
        () => {
          failed = false;
        },
        (error: unknown) => {
          // Said once, not four times a second.
          if (!failed) outage.tickFailed(error);
          failed = true;
        },
      );
      running.then(() => {
        outage.look(!failed && collector.core.stats().writable);
        if (!stopped) next();
      });
    }, TICK_MS);
  };
  next();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
