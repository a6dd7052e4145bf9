// Mixed load for as long as you like, on a collector that is stopped and killed now and then.
// Invariant: ends with the account of acknowledged against stored and with `verify`; memory stays below a bound.
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom, type Random } from '../random.ts';
import { audit, unkept } from './audit.ts';
import { type Client, createClient, unlessCutOff } from './client.ts';
import { type CollectorProcess, startCollector } from './collector-process.ts';
import { define } from './definitions.ts';
import { createParties, namingSeed, operationsOf, type Parties, randomOf, refuse } from './parties.ts';
import { PEOPLE } from './senders.ts';
import { createVitals, type Vitals } from './vitals.ts';

const SENDERS = 12;
const OPERATORS = 3;
const READERS = 2;
/** With these pauses some 300 messages a second: what a busy site sends, and an hour of it fits into memory here. */
const SENDER_PAUSE_MS = 600;
const OPERATOR_PAUSE_MS = 2_000;
const READER_PAUSE_MS = 100;
/** Of so many lives of a collector one ends by SIGKILL, the others by SIGTERM. */
const KILLED = 0.5;
const MIN_LIFE_MS = 10_000;
const MAX_LIFE_MS = 60_000;
/** Between two looks at whether somebody failed, and between two lines of progress. */
const PULSE_MS = 200;

export interface SoakOptions {
  database: string;
  minutes: number;
  seed: number;
  /** Above it the soak fails. */
  maxMemoryMb: number;
  tellEveryMs: number;
  onProgress: (report: SoakReport) => void;
}

export interface SoakReport {
  acknowledged: number;
  operations: number;
  reads: number;
  cutOff: number;
  refused: number;
  stops: number;
  kills: number;
  vitals: Vitals;
}

/** @throws Error that names the seed and everything that is wrong */
export const soak = (options: SoakOptions): Promise<SoakReport> =>
  namingSeed(options.seed, () => play(options));

async function play(options: SoakOptions): Promise<SoakReport> {
  const { database, minutes, seed, maxMemoryMb, tellEveryMs, onProgress } = options;
  const random = createRandom(seed);
  const parties = createParties({
    senders: SENDERS,
    operators: OPERATORS,
    seed,
    large: 0.02,
    senderPauseMs: SENDER_PAUSE_MS,
    operatorPauseMs: OPERATOR_PAUSE_MS,
  });
  const readers = Array.from({ length: READERS }, (_, i) => randomOf(seed, SENDERS + OPERATORS + i));
  const vitals = createVitals();
  const done = { reads: 0, stops: 0, kills: 0 };
  const report = (): SoakReport => ({
    ...parties.senders.figures,
    ...done,
    operations: operationsOf(parties),
    vitals,
  });
  const progress = setInterval(() => onProgress(report()), tellEveryMs);
  const end = performance.now() + minutes * 60_000;
  let collector = startCollector(database);
  try {
    await define(createClient(await collector.listening));
    for (;;) {
      const left = end - performance.now();
      const lifeMs = Math.min(left, random.whole(MIN_LIFE_MS, MAX_LIFE_MS));
      const client = vitals.timed(createClient(await collector.listening));
      await liveFor(lifeMs, client, { parties, vitals, readers, countRead: () => void done.reads++ }, () =>
        endLife(collector, random.chance(KILLED) ? 'SIGKILL' : 'SIGTERM', done),
      );
      const { most } = vitals.memoryMb();
      if (most > maxMemoryMb) throw new Error(`memory reached ${most} MB, more than ${maxMemoryMb} MB`);
      collector = startCollector(database);
      refuse('after a restart', await unkept(createClient(await collector.listening), parties));
      if (performance.now() >= end) break;
    }
    const client = createClient(await collector.listening);
    await parties.senders.finish(client);
    for (const operator of parties.operators) await operator.finish(client);
    refuse('at the end', await audit(database, collector, parties));
    return report();
  } finally {
    clearInterval(progress);
    await collector.kill();
  }
}

interface Load {
  parties: Parties;
  vitals: Vitals;
  readers: readonly Random[];
  countRead(): void;
}

/** Everybody works until the life is over; senders and operators are in the middle of something when it ends. */
async function liveFor(
  ms: number,
  client: Client,
  { parties: { senders, operators }, vitals, readers, countRead }: Load,
  endIt: () => Promise<void>,
): Promise<void> {
  const until = performance.now() + ms;
  let over = false;
  const isOver = (): boolean => over;
  const work = [
    senders.run(client, isOver),
    ...operators.map((operator) => operator.run(client, isOver)),
    ...readers.map((random) => read(client, isOver, random, countRead)),
    vitals.watch(client, isOver),
  ];
  let failed = false;
  for (const one of work)
    one.catch(() => {
      failed = true;
    });
  while (!failed && performance.now() < until) await sleep(PULSE_MS);
  await endIt();
  over = true;
  await Promise.all(work);
}

async function endLife(
  collector: CollectorProcess,
  signal: 'SIGKILL' | 'SIGTERM',
  done: { stops: number; kills: number },
): Promise<void> {
  await collector.kill(signal);
  if (signal === 'SIGKILL') done.kills++;
  else {
    done.stops++;
    const code = await collector.ended;
    if (code !== 0) throw new Error(`SIGTERM ended with ${code}: ${collector.said()}`);
  }
}

/** Looks at people and segments; which, and in which order, does not matter. */
async function read(
  client: Client,
  isOver: () => boolean,
  random: Random,
  countRead: () => void,
): Promise<void> {
  while (!isOver()) {
    const user = `user:u${random.whole(1, PEOPLE)}`;
    const path = random.pick([
      `/profiles/${user}`,
      `/profiles/${user}/events`,
      `/profiles/${user}/segments/just/why`,
      '/segments/just/profiles',
      '/segments/just/transitions',
      '/profiles?q=u1',
    ]);
    const answer = await unlessCutOff(() => client.api('GET', path));
    // 404: nobody sent anything for that person yet; 503: it is stopping.
    if (answer && ![200, 404, 503].includes(answer.status))
      throw new Error(`GET ${path} was answered ${answer.status} ${answer.text}`);
    countRead();
    await sleep(random.whole(0, READER_PAUSE_MS));
  }
}
