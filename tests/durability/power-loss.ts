// Power loss, simulated: at random commits under load the files are copied as a disk may hold them then, and opened.
// Invariant: in every copy all that was acknowledged is there, nothing twice, and `verify` finds no difference.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { createApp } from '../../collector/src/app.ts';
import type { Core } from '../../collector/src/ingest/core.ts';
import { createCore, createCoreOn } from '../../collector/src/ingest/create-core.ts';
import { openSqlite } from '../../collector/src/storage/sqlite/open.ts';
import { ADMIN_KEY, SERVER_KEY, SIGNING_SECRET, WEB_KEY } from '../collector.ts';
import { createRandom, type Random } from '../random.ts';
import { type Client, createClient } from './client.ts';
import { define } from './definitions.ts';
import { copyLogInto, type Disk, leave, watchCommits } from './lost-power.ts';
import { createParties, namingSeed, operationsOf, type Parties, refuse } from './parties.ts';

const SENDERS = 3;
const OPERATORS = 2;
/** The power goes after so many commits at most since it went last. */
const MAX_COMMITS_BETWEEN = 25;
/** The log is copied into the database at one of so many commits, so that it is begun anew. */
const COMMITS_A_CHECKPOINT = 10;
/** As in `tidemark serve`. */
const TICK_MS = 250;

export interface PowerLossOptions {
  /** An empty folder. */
  folder: string;
  /** How often the power goes. */
  losses: number;
  /** Copies opened each time, every one lost in another way. */
  copies: number;
  seed: number;
  onLoss?: (report: PowerLossReport) => void;
}

export interface PowerLossReport {
  losses: number;
  copies: number;
  /** Copies made while the newest commit was not on the disk, though it was written. */
  unsynced: number;
  /** Of these, with the newest commit one that need not be on the disk. */
  lazy: number;
  /** Copies whose log was half copied into the database. */
  halfCopied: number;
  acknowledged: number;
  operations: number;
}

/** @throws Error that names the seed and everything that is wrong */
export const playPowerLoss = (options: PowerLossOptions): Promise<PowerLossReport> =>
  namingSeed(options.seed, () => play(options));

async function play(options: PowerLossOptions): Promise<PowerLossReport> {
  const { folder, losses, seed } = options;
  const random = createRandom(seed);
  const parties = createParties({ senders: SENDERS, operators: OPERATORS, seed, large: 0.02 });
  const power = createPower(options, parties, random);
  const isOver = (): boolean => power.wrong.length > 0 || power.report.losses >= losses;
  const database = join(folder, 'tidemark.db');
  let ready = false;
  let untilLoss = random.whole(1, MAX_COMMITS_BETWEEN);
  const store = watchCommits(openSqlite({ path: database }), database, async (disk) => {
    if (!ready || isOver()) return;
    untilLoss--;
    // Every other time at one that a build makes and nobody waits for.
    if (untilLoss <= 0 && (power.report.losses % 2 === 0 || disk.isLazy)) {
      untilLoss = random.whole(1, MAX_COMMITS_BETWEEN);
      // Nothing is acknowledged meanwhile: this commit is not over.
      await power.goes(disk);
    }
    if (random.chance(1 / COMMITS_A_CHECKPOINT)) copyLogInto(database);
  });
  const core = await createCoreOn(store, { now: Date.now });
  try {
    const client = await clientOf(core);
    await define(client);
    ready = true;
    await Promise.all([
      parties.senders.run(client, isOver),
      ...parties.operators.map((operator) => operator.run(client, isOver)),
      tickUntil(core, isOver),
    ]);
  } finally {
    await core.close();
  }
  refuse('after the power went', power.wrong);
  return power.report;
}

interface Power {
  readonly report: PowerLossReport;
  readonly wrong: string[];
  /** Leaves copies as they may be found, opens each and looks at it. */
  goes(disk: Disk): Promise<void>;
}

function createPower({ folder, copies, onLoss }: PowerLossOptions, parties: Parties, random: Random): Power {
  const report: PowerLossReport = {
    losses: 0,
    copies: 0,
    unsynced: 0,
    lazy: 0,
    halfCopied: 0,
    acknowledged: 0,
    operations: 0,
  };
  const wrong: string[] = [];

  async function look(disk: Disk): Promise<void> {
    const at = join(folder, 'found');
    const { how, unsynced, halfCopied } = leave(at, disk, random);
    report.copies++;
    if (halfCopied) report.halfCopied++;
    if (unsynced) report.unsynced++;
    if (unsynced && disk.isLazy) report.lazy++;
    const faults = await faultsOf(at, parties).catch((error: unknown) => [String(error)]);
    wrong.push(
      ...faults.map((fault) => `loss ${report.losses + 1}, copy ${report.copies} (${how}): ${fault}`),
    );
    rmSync(at, { recursive: true });
  }

  return {
    report,
    wrong,
    async goes(disk) {
      for (let copy = 0; copy < copies; copy++) await look(disk);
      report.losses++;
      report.acknowledged = parties.senders.acknowledged.size;
      report.operations = operationsOf(parties);
      onLoss?.(report);
    },
  };
}

/** All that is wrong with what was found. */
async function faultsOf(folder: string, { senders, operators }: Parties): Promise<string[]> {
  const database = join(folder, 'tidemark.db');
  const faults: string[] = [];
  const core = await createCore({ database, now: Date.now });
  try {
    const { differences } = await core.verify({});
    faults.push(...differences.map((difference) => `verify: ${JSON.stringify(difference)}`));
    const client = await clientOf(core);
    for (const operator of operators) faults.push(...(await operator.broken(client)));
    await core.tick();
    const settled = await core.verify({});
    faults.push(...settled.differences.map((difference) => `after a tick: ${JSON.stringify(difference)}`));
  } finally {
    await core.close();
  }
  return [...faults, ...wrongRows(database, senders.acknowledged)];
}

/** Reads the table of messages itself, past every index. */
function wrongRows(path: string, acknowledged: ReadonlyMap<string, unknown>): string[] {
  const database = new Database(path, { readonly: true });
  try {
    const said = database.pragma('integrity_check', { simple: true });
    const faults = said === 'ok' ? [] : [`integrity_check: ${said}`];
    const ids = database.prepare<[], string>('SELECT message_id FROM message NOT INDEXED').pluck().all();
    const stored = new Set(ids);
    if (stored.size < ids.length) faults.push(`${ids.length - stored.size} messages are stored twice`);
    for (const id of acknowledged.keys())
      if (!stored.has(id)) faults.push(`${id} was acknowledged and is lost`);
    return faults;
  } finally {
    database.close();
  }
}

async function clientOf(core: Core): Promise<Client> {
  const keys = {
    writeKey: WEB_KEY,
    serverKey: SERVER_KEY,
    adminKey: ADMIN_KEY,
    signingSecret: SIGNING_SECRET,
  };
  const { fetch } = await createApp({ core, keys, rateLimit: 'off' });
  return createClient('http://localhost', fetch);
}

async function tickUntil(core: Core, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await core.tick();
    await sleep(TICK_MS);
  }
}
