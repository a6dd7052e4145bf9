// Rounds of: start, load from many senders, SIGKILL at a random moment. What was answered must be there afterwards.
// Invariant: the seed decides what is sent and when the kill comes; how far the collector was by then it cannot.
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom, type Random } from '../random.ts';
import { audit, unkept } from './audit.ts';
import { type Client, createClient } from './client.ts';
import { startCollector, untilOpening } from './collector-process.ts';
import { define } from './definitions.ts';
import { createParties, namingSeed, operationsOf, type Parties, refuse } from './parties.ts';
import type { Figures } from './senders.ts';

const SENDERS = 12;
const OPERATORS = 4;
/** Of four kills one comes right behind the answer to a sender, one behind the answer to an operator. */
const BEHIND_AN_ANSWER = 0.25;
/** The kill comes at most so long after the senders began, in milliseconds. */
const MAX_LOAD_MS = 1_500;
/** So many of one are killed while they open the file ... */
const KILLED_WHILE_OPENING = 0.15;
/** ... at most so long after they took the lock, in milliseconds. */
const MAX_OPENING_MS = 120;

export interface RoundsOptions {
  database: string;
  rounds: number;
  seed: number;
  /** Hears of every round that is over. */
  onRound?: (done: RoundsReport) => void;
}

export interface RoundsReport extends Figures {
  rounds: number;
  killedWhileOpening: number;
  /** What the operator did and was told so. */
  operations: number;
}

/** @throws Error that names the seed and everything that is wrong */
export const playRounds = (options: RoundsOptions): Promise<RoundsReport> =>
  namingSeed(options.seed, () => play(options));

async function play({ database, rounds, seed, onRound }: RoundsOptions): Promise<RoundsReport> {
  const random = createRandom(seed);
  const parties = createParties({ senders: SENDERS, operators: OPERATORS, seed });
  let killedWhileOpening = 0;
  const reportOf = (round: number): RoundsReport => ({
    ...parties.senders.figures,
    rounds: round,
    killedWhileOpening,
    operations: operationsOf(parties),
  });
  await setUp(database);
  for (let round = 1; round <= rounds; round++) {
    const collector = startCollector(database);
    try {
      if (random.chance(KILLED_WHILE_OPENING)) {
        await untilOpening(collector, database);
        await sleep(random.whole(0, MAX_OPENING_MS));
        killedWhileOpening++;
      } else {
        const client = createClient(await collector.listening);
        refuse(`before round ${round}`, await unkept(client, parties));
        await loadUntilKilled(client, parties, async () => {
          await killMoment(random, parties);
          await collector.kill();
        });
      }
    } finally {
      await collector.kill();
    }
    onRound?.(reportOf(round));
  }
  await settleAccounts(database, parties);
  return reportOf(rounds);
}

async function killMoment(random: Random, { senders, operators }: Parties): Promise<void> {
  const drawn = random.next();
  await sleep(random.whole(20, MAX_LOAD_MS));
  if (drawn < BEHIND_AN_ANSWER) await senders.nextAnswer();
  else if (drawn < 2 * BEHIND_AN_ANSWER) await Promise.race(operators.map((one) => one.nextAnswer()));
}

async function setUp(database: string): Promise<void> {
  const collector = startCollector(database);
  await define(createClient(await collector.listening));
  await collector.kill();
}

async function loadUntilKilled(
  client: Client,
  { senders, operators }: Parties,
  kill: () => Promise<void>,
): Promise<void> {
  let over = false;
  await Promise.all([
    senders.run(client, () => over),
    ...operators.map((operator) => operator.run(client, () => over)),
    kill().finally(() => {
      over = true;
    }),
  ]);
}

async function settleAccounts(database: string, parties: Parties): Promise<void> {
  const collector = startCollector(database);
  try {
    const client = createClient(await collector.listening);
    refuse('after the last round', await unkept(client, parties));
    await parties.senders.finish(client);
    for (const operator of parties.operators) await operator.finish(client);
    refuse('at the end', await audit(database, collector, parties));
  } finally {
    await collector.kill('SIGTERM');
  }
}
