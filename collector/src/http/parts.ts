// What the routes are given.
// Invariant: everything a route needs is passed in; nothing is looked up in the environment.
import type { Core } from '../ingest/core.ts';
import type { AgentReader } from '../wire/user-agent.ts';
import type { Access } from './access.ts';
import type { BodyRoom } from './body-room.ts';
import type { IpChoice } from './caller.ts';
import type { Decoder } from './decoder.ts';
import type { Gauges } from './metrics.ts';
import type { RateLimit } from './rate-limit.ts';

/** Counts of answers. */
export interface Traffic {
  /** By status. */
  answered: Map<number, number>;
  /** Those sent away with 429, by code. */
  refused: Map<string, number>;
}

export interface HttpParts {
  core: Core;
  access: Access;
  limit: RateLimit;
  /** Bounds bodies being read. */
  room: BodyRoom;
  /** Parses large bodies. */
  decoder: Decoder;
  /** What was answered so far, for /metrics. */
  traffic: Traffic;
  gauges: Gauges;
  /** What is kept of the addresses of web keys' senders. */
  keepIp: IpChoice;
  /** Hears of what failed inside and was answered all the same. */
  onTrouble: (error: unknown) => void;
  /** Hears of a secret key that came as pages send theirs. */
  onSecretInPage: (keyId: string) => void;
  newId: () => string;
  readAgent: AgentReader;
  /** The caller's address, or null where none is known. */
  addressOf(request: Request, env: unknown): string | null;
  /** The address clients reach us at. */
  originOf(request: Request): URL;
  /** The browser SDK as built, or null when this installation has none. */
  script: string | null;
  /** What it loads when asked to, by file name. */
  modules: Readonly<Record<string, string>>;
}
