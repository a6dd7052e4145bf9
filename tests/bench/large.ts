// Messages a second into a file that holds 5,000,000 of them, beside one that holds 100,000.
// Invariant: both take the same kind of traffic from the same people, in turns, so that the machine's mood hits both.
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createVisits, fill } from './fill.ts';
import { type Caller, createCaller } from './live.ts';
import { percentile, say } from './report.ts';
import { type ServedCollector, startServed } from './served.ts';
import { definitions } from './traffic.ts';

const FEW = 100_000;
const MANY = 5_000_000;
const PEOPLE = 50_000;
const DAYS_MS = 30 * 86_400_000;
const DEFINITIONS = 5;
const CONNECTIONS = 16;
const BATCH = 20;
const ROUNDS = 5;
const MESSAGES_A_ROUND = 20_000;

interface Figure {
  rate: number;
  cpuUs: number;
}

interface Filled {
  messages: number;
  database: string;
  collector: ServedCollector;
  caller: Caller;
  rounds: Figure[];
}

/** @param most messages in the larger file, in place of 5,000,000 */
export async function benchLarge(scale: number, most = MANY * scale): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
  const files: Filled[] = [];
  try {
    const config = join(folder, 'definitions.json');
    writeFileSync(config, JSON.stringify(definitions(DEFINITIONS)));
    for (const messages of [FEW, most]) {
      const database = join(folder, `${messages}.db`);
      const collector = await startServed(database, config);
      const caller = createCaller(collector.port, CONNECTIONS);
      files.push({ messages, database, collector, caller, rounds: [] });
      const from = performance.now();
      const until = Date.now();
      await fill(caller, { from: 0, to: messages, people: PEOPLE, since: until - DAYS_MS, until });
      const took = (performance.now() - from) / 1_000;
      say(`Filled with ${inWords(messages)} messages in ${took.toFixed(0)} s`);
    }
    say(
      `${inWords(MESSAGES_A_ROUND)} messages of ${inWords(PEOPLE)} people in batches of ${BATCH}, ${DEFINITIONS} matching definitions; the median of ${ROUNDS} rounds in turns`,
    );
    for (let round = 0; round < ROUNDS; round++)
      for (const file of files) file.rounds.push(await measure(file, round));
    const [few, many] = files.map(show);
    if (!few || !many) throw new Error('both files are measured');
    say(
      `  ${inWords(most)} stored: ${(many.rate / few.rate).toFixed(2)} of the rate at ${inWords(FEW)} (aim: at least 0.80), ${(many.cpuUs / few.cpuUs).toFixed(2)} times its CPU a message`,
    );
  } finally {
    for (const { caller, collector } of files) {
      caller.close();
      await collector.stop();
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure({ messages, caller, collector }: Filled, round: number): Promise<Figure> {
  const from = messages + round * MESSAGES_A_ROUND;
  const now = Date.now();
  const to = from + MESSAGES_A_ROUND;
  const makeMessages = createVisits({ from, to, people: PEOPLE, since: now - 1_000, until: now });
  // Made beforehand: the sender's work is not to slow down what it measures.
  const bodies = Array.from({ length: MESSAGES_A_ROUND / BATCH }, (_, i) =>
    JSON.stringify({ batch: makeMessages(from + i * BATCH, from + (i + 1) * BATCH) }),
  );
  const cpu = collector.vitals().cpuMs;
  const start = performance.now();
  const sender = async (): Promise<void> => {
    for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) {
      const { status } = await caller.post('/v1/batch', body);
      if (status !== 200) throw new Error(`the collector answered ${status}`);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, sender));
  const ms = performance.now() - start;
  return {
    rate: MESSAGES_A_ROUND / (ms / 1_000),
    cpuUs: ((collector.vitals().cpuMs - cpu) * 1_000) / MESSAGES_A_ROUND,
  };
}

function show({ messages, database, collector, rounds }: Filled): Figure {
  const rates = rounds.map(({ rate }) => rate);
  const figure = {
    rate: percentile(rates, 0.5),
    cpuUs: percentile(
      rounds.map(({ cpuUs }) => cpuUs),
      0.5,
    ),
  };
  say(
    `  ${inWords(messages).padStart(9)} stored, ${(statSync(database).size / 1e6).toFixed(0).padStart(5)} MB: ${inWords(figure.rate)} messages/s (${inWords(Math.min(...rates))} to ${inWords(Math.max(...rates))}), ` +
      `${figure.cpuUs.toFixed(0)} us CPU; ${collector.vitals().memoryMb.toFixed(0)} MB resident`,
  );
  return figure;
}

const inWords = (value: number): string => Math.round(value).toLocaleString('en');
