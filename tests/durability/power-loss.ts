// Power loss, simulated: at random commits under load the files are copied as a disk may hold them then, and opened.
// Invariant: in every copy all that was acknowledged is there, nothing twice, and `verify` finds no difference.
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { createApp } from '../../collector/src/app.ts';
import type { Core } from '../../collector/src/ingest/core.ts';
import { createCore, createCoreOn } from '../../collector/src/ingest/create-core.ts';
import type { Store } from '../../collector/src/storage/port.ts';
import { openSqlite } from '../../collector/src/storage/sqlite/open.ts';
import { ADMIN_KEY, SERVER_KEY, SIGNING_SECRET, WEB_KEY } from '../collector.ts';
import { createRandom, type Random } from '../random.ts';
import type { Parties } from './audit.ts';
import { type Client, createClient } from './client.ts';
import { define } from './definitions.ts';
import { createOperator } from './operator.ts';
import { createSenders } from './senders.ts';
import { copyHalf, LOSSES, loseEnd, type Written, writtenOf } from './write-ahead-log.ts';

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
export async function playPowerLoss(options: PowerLossOptions): Promise<PowerLossReport> {
  const { folder, losses, copies, seed, onLoss } = options;
  const random = createRandom(seed);
  const parties: Parties = {
    senders: createSenders({ count: SENDERS, seed, large: 0.02 }),
    operators: Array.from({ length: OPERATORS }, (_, i) =>
      createOperator({ name: `op${i}`, random: createRandom(seed * 1_000 + SENDERS + i) }),
    ),
  };
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
  const isOver = (): boolean => wrong.length > 0 || report.losses >= losses;
  const database = join(folder, 'tidemark.db');
  const side = (): void => {
    const other = new Database(database);
    other.pragma('wal_checkpoint(PASSIVE)');
    other.close();
  };

  async function losePower(disk: Disk): Promise<void> {
    for (let copy = 0; copy < copies; copy++) {
      const at = join(folder, 'found');
      const how = leave(at, disk, random, report);
      const found = await faultsOf(at, parties);
      wrong.push(...found.map((fault) => `loss ${report.losses + 1}, copy ${copy + 1} (${how}): ${fault}`));
      rmSync(at, { recursive: true });
      report.copies++;
    }
    report.losses++;
    report.acknowledged = parties.senders.acknowledged.size;
    report.operations = parties.operators.reduce((sum, operator) => sum + operator.steps(), 0);
    onLoss?.(report);
  }

  let ready = false;
  let untilLoss = random.whole(1, MAX_COMMITS_BETWEEN);
  const store = openSqlite({ path: database });
  const watched = watchCommits(store, database, async (disk) => {
    if (!ready || isOver()) return;
    untilLoss--;
    // Every other time at one that a build makes and nobody waits for.
    if (untilLoss <= 0 && (report.losses % 2 === 0 || disk.isLazy)) {
      untilLoss = random.whole(1, MAX_COMMITS_BETWEEN);
      // Nothing is acknowledged meanwhile: this commit is not over.
      await losePower(disk).catch((error: unknown) => void wrong.push(String(error)));
    }
    if (random.chance(1 / COMMITS_A_CHECKPOINT)) side();
  });
  const core = await createCoreOn(watched, { now: Date.now });
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
  if (wrong.length > 0) throw new Error(`--seed ${seed}: ${wrong.join('\n')}`);
  return report;
}

/** What of the files is on the disk for certain, right after a commit was written. */
interface Disk {
  database: string;
  /** The log as of the last commit that waited for the disk, this one not counted. */
  before: Written;
  /** The same, this one counted. */
  after: Written;
  isLazy: boolean;
}

/** Tells of every commit before whoever made it hears that it is done. */
function watchCommits(store: Store, database: string, onCommit: (disk: Disk) => Promise<void>): Store {
  let synced: Written = { salts: '', bytes: 0 };
  return {
    ...store,
    async commit(changes) {
      const committed = await store.commit(changes);
      const written = writtenOf(logOf(database));
      const isLazy = changes.lazy === true;
      // Where the log was begun anew, what came before is in the database, and nothing of this log need be there.
      const before = written.salts === synced.salts ? synced : { salts: written.salts, bytes: 0 };
      synced = isLazy ? before : written;
      await onCommit({ database, before, after: synced, isLazy });
      return committed;
    },
  };
}

const logOf = (database: string): Buffer =>
  existsSync(`${database}-wal`) ? readFileSync(`${database}-wal`) : Buffer.alloc(0);

/** Puts into a folder what may be found after the power went; says in which way it is lost. */
function leave(folder: string, disk: Disk, random: Random, report: PowerLossReport): string {
  mkdirSync(folder);
  const found = join(folder, 'tidemark.db');
  const log = logOf(disk.database);
  if (random.chance(0.25)) {
    // Before SQLite copies anything it syncs the log: so all of it is on the disk.
    const before = readFileSync(disk.database);
    writeFileSync(found, before);
    writeFileSync(`${found}-wal`, log);
    copyLogInto(found);
    writeFileSync(found, copyHalf(before, readFileSync(found), random));
    writeFileSync(`${found}-wal`, log);
    report.halfCopied++;
    return 'half copied';
  }
  const isSynced = random.chance(0.3);
  const { bytes } = isSynced ? disk.after : disk.before;
  const loss = random.pick(LOSSES);
  if (bytes < writtenOf(log).bytes) {
    report.unsynced++;
    if (disk.isLazy) report.lazy++;
  }
  copyFileSync(disk.database, found);
  writeFileSync(`${found}-wal`, loseEnd(log, bytes, loss, random));
  return `${loss} from ${bytes} of ${log.length}${disk.isLazy ? ', lazy' : ''}`;
}

function copyLogInto(found: string): void {
  const database = new Database(found);
  database.pragma('wal_checkpoint(PASSIVE)');
  database.close();
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
