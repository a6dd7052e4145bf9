// The log of `serve`: a line of JSON for each record, and for people at a terminal a line of words.
// Invariant: nothing about anybody and no secret: no address, id, key, query, header or body, no path but the route's
// pattern, and no message of an error but our own and the database's, which hold none of these.
import pino from 'pino';
import type { RequestTold } from '../app.ts';
import { isOfDatabase, isOurs } from './known-errors.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface Log {
  info(what: string): void;
  warn(what: string): void;
  error(what: string, error: unknown): void;
  /** At `error` where something failed inside, unless that is known; else at `debug`. */
  request(told: RequestTold, failure?: 'news' | 'known'): void;
}

export interface LogOptions {
  level: LogLevel;
  isTerminal: boolean;
  write: (text: string) => void;
}

export function createLog({ level, isTerminal, write }: LogOptions): Log {
  const log = pino(
    {
      level,
      // Of the machine only the process: hostnames name people's laptops.
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      // Already described: pino's own would join the messages of causes.
      serializers: { err: (described: Described) => described },
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: isTerminal ? (line: string) => write(words(line)) : write },
  );
  return {
    info: (what) => log.info(what),
    warn: (what) => log.warn(what),
    error: (what, error) => log.error({ err: describe(error) }, what),
    request({ error, ...told }, failure = 'news') {
      // A 503 without an error is what `/readyz` has to say.
      if (error === undefined) log.debug(told, 'request');
      else log[failure === 'news' ? 'error' : 'debug']({ ...told, err: describe(error) }, 'request failed');
    },
  };
}

interface Described {
  type: string;
  code?: string;
  message?: string;
  /** Where it was thrown, without the message before it. */
  at?: string[];
  cause?: Described;
}

/** Places an error's stack is followed to. */
const FRAMES = 12;

/** Other errors' messages may quote what they failed on, such as the text that is no JSON. */
export function describe(error: unknown): Described {
  if (!(error instanceof Error)) return { type: typeof error };
  const known = isOurs(error) || isOfDatabase(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const frames = (error.stack ?? '').split('\n').filter((line) => /^ {4}at /.test(line));
  return {
    type: error.name,
    ...(code === undefined ? {} : { code }),
    ...(known ? { message: error.message } : { at: frames.slice(0, FRAMES).map((line) => line.trim()) }),
    ...(error.cause === undefined ? {} : { cause: describe(error.cause) }),
  };
}

/** One record in words. */
function words(line: string): string {
  // Written by pino.
  const {
    level,
    msg,
    err,
    method,
    route,
    status,
    ms,
    pid: _pid,
    time: _time,
  } = JSON.parse(line) as Record<string, unknown> & { err?: Described };
  const what = method === undefined ? '' : ` ${method} ${route} ${status} ${ms} ms`;
  const why = err
    ? `: ${err.message ?? err.type}${err.cause ? ` (${err.cause.message ?? err.cause.type})` : ''}`
    : '';
  return `${level === 'info' ? '' : `${level}: `}${msg}${what}${why}\n`;
}
