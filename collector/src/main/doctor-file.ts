// What `doctor` says of the database and of whoever serves it.
// Invariant: reads only; a damaged file is a finding with the way out, not an error.
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BrokenFile } from '../ingest/core.ts';
import { faultOfDatabase, type Inspection, inspectDatabase } from '../storage/sqlite/inspect.ts';
import { megabytes } from './command.ts';
import { awaitSignOfLife, isServed } from './control.ts';
import { checkDisk } from './doctor-settings.ts';
import { type Finding, fail, ok, warn } from './finding.ts';
import { IN_USE, inUse } from './in-use.ts';
import { holderOf } from './lock.ts';
import { messageOf, type Settings } from './settings.ts';

/** The collector copies the log at this size itself, should its thread not keep up: more means a reader holds it. */
const MAX_LOG_BYTES = 300_000_000;
/** As far as a file's clock may be ahead when it is opened. */
const MAX_AHEAD_MS = 60_000;
const RESTORE = 'stop the collector and put a backup in its place: tidemark restore BACKUP';

export async function checkFile(settings: Settings, { quick }: { quick: boolean }): Promise<Finding[]> {
  const { database } = settings;
  if (database === ':memory:')
    return [warn('database', 'in memory: gone with its process', 'set TIDEMARK_DB to a file')];
  if (!existsSync(database))
    return [
      warn('database', `there is no ${database} yet`, '`tidemark serve` makes it'),
      checkDisk(database, 0),
    ];
  const found = [ok('database', database), ...checkRights(database)];
  const inspection = inspect(database, found);
  if (inspection) {
    found.push(checkVersion(inspection), checkDisk(database, inspection.liveBytes));
    found.push(checkLog(inspection), ...checkState(inspection, settings));
    if (!quick) found.push(checkWhole(database));
  }
  found.push(await checkHolder(database), ...checkFirstRun(database));
  return found;
}

function inspect(database: string, found: Finding[]): Inspection | null {
  try {
    return inspectDatabase(database);
  } catch (error) {
    found.push(
      error instanceof BrokenFile
        ? fail('integrity', `${database} is damaged (${error.damage})`, RESTORE)
        : fail('database', messageOf(error), 'is TIDEMARK_DB the right file, and may you read it?'),
    );
    return null;
  }
}

function checkRights(database: string): Finding[] {
  const { mode, uid } = statSync(database);
  const found: Finding[] = [];
  const open = mode & 0o077;
  if (open !== 0)
    found.push(
      warn(
        'rights',
        `others than its owner may open it (mode ${(mode & 0o777).toString(8)})`,
        `chmod 600 ${database}`,
      ),
    );
  const me = process.getuid?.();
  if (me !== undefined && uid !== me)
    found.push(
      warn(
        'rights',
        `it belongs to user ${uid}, and you are ${me}`,
        'run the commands as the user that serves it',
      ),
    );
  try {
    accessSync(dirname(database), constants.W_OK);
  } catch {
    found.push(
      fail('rights', `you may not write in ${dirname(database)}`, 'its log and lock must be there too'),
    );
  }
  return found.length > 0 ? found : [ok('rights', 'for its owner alone')];
}

function checkVersion({ schemaVersion, knownVersion }: Inspection): Finding {
  const says = `schema version ${schemaVersion}`;
  if (schemaVersion > knownVersion)
    return fail('version', `${says}, this Tidemark knows up to ${knownVersion}`, 'run the newer Tidemark');
  if (schemaVersion < knownVersion)
    return warn('version', says, `the next start brings it up to ${knownVersion}: make a backup first`);
  return ok('version', says);
}

function checkLog({ logBytes }: Inspection): Finding {
  const says = `write-ahead log of ${megabytes(logBytes)}`;
  return logBytes > MAX_LOG_BYTES
    ? warn('log', says, 'something reads the file for long: a verify, a backup, or a replicator that hangs')
    : ok('log', says);
}

function checkState(inspection: Inspection, settings: Settings): Finding[] {
  const { clock, facts, messages, people, refused } = inspection;
  const found: Finding[] = [];
  const now = settings.now ?? Date.now();
  const number = (n: number): string => n.toLocaleString('en');
  found.push(ok('content', `${number(messages)} messages of ${number(people)} people`));
  if (clock !== null && clock > now + MAX_AHEAD_MS)
    found.push(
      fail(
        'clock',
        `the file was last used at ${new Date(clock).toISOString()}, which is ahead of this machine's clock`,
        'set the clock right; if the earlier time is true: tidemark verify --repair',
      ),
    );
  else if (clock !== null) found.push(ok('clock', `last used at ${new Date(clock).toISOString()}`));
  // A repair or an erasure that was cut off.
  if (facts.get('rebuild') === true || facts.get('room') === true)
    found.push(
      warn('repair', 'people must be computed anew', 'the next `tidemark serve` does it, or finishes it'),
    );
  const zone = facts.get('timezone');
  if (typeof zone === 'string' && zone !== settings.timezone)
    found.push(
      warn(
        'time zone',
        `days were counted in ${zone}, TIDEMARK_TZ is ${settings.timezone}`,
        'set TIDEMARK_TZ as before, or the next start computes active_days anew',
      ),
    );
  const codes = refused.map(({ code, count }) => `${number(count)} ${code}`).join(', ');
  found.push(
    codes === ''
      ? ok('rejected', 'none kept')
      : warn('rejected', codes, 'GET /api/rejected says why, POST /api/rejected/:id/replay takes them again'),
  );
  return found;
}

function checkWhole(database: string): Finding {
  try {
    const fault = faultOfDatabase(database);
    return fault === null ? ok('integrity', 'SQLite finds no fault') : fail('integrity', fault, RESTORE);
  } catch (error) {
    return fail('integrity', messageOf(error), RESTORE);
  }
}

async function checkHolder(database: string): Promise<Finding> {
  const pid = holderOf(database);
  if (pid === null) return ok('served', 'by nobody');
  if (!(await isServed(database))) return warn('served', inUse(pid), `${IN_USE}: look again when it is done`);
  try {
    await awaitSignOfLife(database);
    return ok('served', `by process ${pid}`);
  } catch (error) {
    const found = `process ${pid} does not answer (${messageOf(error)})`;
    return fail('served', found, 'see its log; is it stopped (`kill -CONT`), or stuck?');
  }
}

/** The keys in clear, for whoever started it first. */
function checkFirstRun(database: string): Finding[] {
  const file = join(dirname(database), 'first-run.txt');
  if (!existsSync(file) || readFileSync(file).length === 0) return [];
  return [warn('first run', `${file} holds the keys`, 'keep them elsewhere and delete it')];
}
