// The SQLite schema and its migrations.
// Invariant: `user_version` counts the migrations applied; an older file is brought up in one
// transaction, a newer one and another program's are refused untouched.
import type { Database } from 'better-sqlite3';

/** Each entry takes a file from version i to i + 1. Never edit one that was released; add the next. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

  -- Event names and segment keys by number.
  CREATE TABLE term (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);

  -- Users (kind 0) and devices (kind 1).
  CREATE TABLE node (
    id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    ext TEXT NOT NULL,
    public_id TEXT NOT NULL,
    root INTEGER NOT NULL
  );
  CREATE UNIQUE INDEX node_ext ON node (ext, kind);
  CREATE UNIQUE INDEX node_public ON node (public_id);
  CREATE INDEX node_root ON node (root) WHERE root <> id;

  -- The accepted messages: the only truth. kind 0 = web key, 1 = server key.
  CREATE TABLE message (
    seq INTEGER PRIMARY KEY,
    node INTEGER NOT NULL,
    device INTEGER,
    time INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    kind INTEGER NOT NULL,
    trusted INTEGER NOT NULL,
    type INTEGER NOT NULL,
    event INTEGER,
    received_at INTEGER NOT NULL,
    body TEXT NOT NULL
  );
  CREATE UNIQUE INDEX message_id ON message (message_id, kind);
  CREATE INDEX message_node ON message (node, time);

  -- Messages dated in the future, until their time has come.
  CREATE TABLE pending (time INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (time, seq)) WITHOUT ROWID;

  -- Which user was linked to which device, and by whom first.
  CREATE TABLE pair (
    user INTEGER NOT NULL,
    device INTEGER NOT NULL,
    trusted TEXT,
    plain TEXT,
    PRIMARY KEY (user, device)
  ) WITHOUT ROWID;
  CREATE INDEX pair_device ON pair (device);

  -- A device's runs, as JSON: [[stamp, user], ...].
  CREATE TABLE timeline (device INTEGER PRIMARY KEY, runs TEXT NOT NULL);

  CREATE TABLE alias (
    user INTEGER NOT NULL,
    device INTEGER NOT NULL,
    previous_user INTEGER,
    time INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    kind INTEGER NOT NULL,
    trusted INTEGER NOT NULL
  );
  CREATE INDEX alias_user ON alias (user);
  CREATE INDEX alias_previous ON alias (previous_user) WHERE previous_user IS NOT NULL;
  CREATE INDEX alias_device ON alias (device);

  CREATE TABLE person (
    id INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    due INTEGER,
    built INTEGER NOT NULL,
    email TEXT,
    state TEXT NOT NULL
  );
  CREATE INDEX person_due ON person (due) WHERE due IS NOT NULL;
  CREATE INDEX person_email ON person (email) WHERE email IS NOT NULL;

  CREATE TABLE membership (
    version INTEGER NOT NULL,
    person INTEGER NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (version, person)
  ) WITHOUT ROWID;
  CREATE INDEX membership_person ON membership (person);

  CREATE TABLE transition (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    segment INTEGER NOT NULL,
    person INTEGER NOT NULL,
    entered INTEGER NOT NULL,
    at INTEGER NOT NULL,
    cause TEXT NOT NULL
  );
  CREATE INDEX transition_segment ON transition (segment, seq);
  CREATE INDEX transition_person ON transition (person, seq);

  CREATE TABLE grp (id TEXT PRIMARY KEY, traits TEXT NOT NULL) WITHOUT ROWID;

  CREATE TABLE refused (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at INTEGER NOT NULL,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    message_id TEXT,
    kind INTEGER NOT NULL,
    sent_at TEXT,
    body TEXT NOT NULL
  );
  CREATE UNIQUE INDEX refused_id ON refused (message_id, kind) WHERE message_id IS NOT NULL;
  CREATE INDEX refused_web ON refused (kind, id);
  `,
  `
  -- Groups: their messages, their members, and changes that not every member was brought up to yet.
  ALTER TABLE message ADD COLUMN grp TEXT;
  UPDATE message SET grp = CAST(json_extract(body, '$.groupId') AS TEXT) WHERE type = 4;
  CREATE INDEX message_grp ON message (grp, seq) WHERE grp IS NOT NULL;
  ALTER TABLE grp ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
  CREATE TABLE group_log (
    grp TEXT NOT NULL,
    revision INTEGER NOT NULL,
    at INTEGER NOT NULL,
    traits TEXT NOT NULL,
    PRIMARY KEY (grp, revision)
  ) WITHOUT ROWID;
  CREATE TABLE group_member (grp TEXT NOT NULL, person INTEGER NOT NULL, PRIMARY KEY (grp, person)) WITHOUT ROWID;
  CREATE INDEX group_member_person ON group_member (person);

  -- Merges and unmerges made by the API (kind 0, 1), in order; seq is that of the newest message then.
  CREATE TABLE operation (
    id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    user INTEGER NOT NULL,
    into_user INTEGER,
    at INTEGER NOT NULL,
    seq INTEGER NOT NULL
  );
  CREATE INDEX operation_user ON operation (user);

  -- A merge made by the API is an alias without a message: device 0, seq minus its operation's id.
  ALTER TABLE alias ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE alias ADD COLUMN voided INTEGER NOT NULL DEFAULT 0;
  UPDATE alias SET seq = coalesce(
    (SELECT seq FROM message WHERE message.message_id = alias.message_id AND message.kind = alias.kind), 0);

  -- Who was put on static lists, by the id it was given for.
  CREATE TABLE listed (list INTEGER NOT NULL, node INTEGER NOT NULL, PRIMARY KEY (list, node)) WITHOUT ROWID;
  CREATE INDEX listed_node ON listed (node);

  -- Distinct values of people with very many: text is a string's own or other values' JSON.
  CREATE TABLE distinct_value (
    person INTEGER NOT NULL,
    leaf INTEGER NOT NULL,
    text TEXT NOT NULL,
    is_text INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (person, leaf, text, is_text)
  ) WITHOUT ROWID;

  -- Erased: keyed hashes of message ids used up, and of ids that are refused from now on.
  CREATE TABLE gone (hash TEXT NOT NULL, kind INTEGER NOT NULL, PRIMARY KEY (hash, kind)) WITHOUT ROWID;
  CREATE TABLE suppressed (hash TEXT PRIMARY KEY) WITHOUT ROWID;

  -- Computed anew when the file is opened: how a person is written down has changed.
  INSERT INTO fact VALUES ('rebuild', 'true') ON CONFLICT DO UPDATE SET value = 'true';
  `,
  `
  -- Which messages are of which survey submission, and what they say of it.
  CREATE TABLE response (
    seq INTEGER PRIMARY KEY,
    survey TEXT NOT NULL,
    node INTEGER NOT NULL,
    submission TEXT NOT NULL,
    status INTEGER NOT NULL
  );
  CREATE INDEX response_submission ON response (survey, node, submission, seq, status);

  -- The last decision whether to ask somebody, as it was made.
  CREATE TABLE decision (
    survey TEXT NOT NULL,
    person INTEGER NOT NULL,
    at INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (survey, person)
  ) WITHOUT ROWID;
  CREATE INDEX decision_person ON decision (person);

  INSERT INTO fact VALUES ('rebuild', 'true') ON CONFLICT DO UPDATE SET value = 'true';
  `,
  `
  -- Matches that people's rows let go of, in blocks as JSON. Rows that know of none have theirs read from the
  -- messages when one comes late. With a rowid: a block is too long for the leaves of an index.
  CREATE TABLE shed_match (
    person INTEGER NOT NULL,
    leaf INTEGER NOT NULL,
    no INTEGER NOT NULL,
    body TEXT NOT NULL,
    ids TEXT NOT NULL,
    PRIMARY KEY (person, leaf, no)
  );
  `,
  `
  -- 0: the message is kept. Else the number of its expiry; its body is what definitions of that time look at.
  ALTER TABLE message ADD COLUMN expired INTEGER NOT NULL DEFAULT 0;
  `,
  `
  -- 1: all that this person sent was sent with anonymous consent.
  ALTER TABLE person ADD COLUMN anonymous INTEGER NOT NULL DEFAULT 0;
  -- The others, who are listed: there may be few of them among very many.
  CREATE INDEX person_listed ON person (id) WHERE anonymous = 0;

  INSERT INTO fact VALUES ('rebuild', 'true') ON CONFLICT DO UPDATE SET value = 'true';
  `,
  `
  -- 1: logged by the erasure of its person. It is nobody's, also once somebody goes by that id again.
  ALTER TABLE transition ADD COLUMN erased INTEGER NOT NULL DEFAULT 0;
  -- Such rows are the first of their person; others with that cause are of people who are there.
  UPDATE transition SET erased = 1 WHERE entered = 0 AND cause = '{"operation":"erased"}' AND NOT EXISTS (
    SELECT 1 FROM transition AS earlier WHERE earlier.person = transition.person
    AND earlier.segment = transition.segment AND earlier.seq < transition.seq);
  `,
  `
  -- What a person's row has by number is a list from now on, which older versions cannot read. Rows written before
  -- are read as they are, and written anew with the person's next message.
  `,
  `
  -- Values of sliding windows, whose leaves go by negative numbers: the commonest of them.
  CREATE INDEX distinct_commonest ON distinct_value (person, leaf, n DESC, text, is_text DESC) WHERE leaf < 0;
  `,
  `
  -- By stamp, the order in which they take effect: there may be very many of one instant.
  ALTER TABLE pending RENAME TO pending_by_seq;
  CREATE TABLE pending (
    time INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    kind INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (time, message_id, kind)
  ) WITHOUT ROWID;
  INSERT INTO pending SELECT m.time, m.message_id, m.kind, m.seq
    FROM pending_by_seq AS p JOIN message AS m ON m.seq = p.seq;
  DROP TABLE pending_by_seq;
  `,
  `
  -- In order: a device may be linked to a user by very many aliases.
  DROP INDEX alias_device;
  CREATE INDEX alias_device ON alias (device, user, time, message_id, kind);
  `,
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/** The file was written by a newer version of Tidemark. */
export class NewerFile extends Error {
  override readonly name = 'NewerFile';
}

/** The file is a sound SQLite database, but of something else. */
export class ForeignFile extends Error {
  override readonly name = 'ForeignFile';
  /** @param wayOut what to do, put behind what it is */
  constructor(path: string, wayOut = '') {
    super(`${path} is a database, but not one of Tidemark${wayOut}`);
  }
}

/** The file must be brought up to date by a writer first. */
export class OlderFile extends Error {
  override readonly name = 'OlderFile';
}

function versionOf(db: Database): number {
  const version = db.pragma('user_version', { simple: true }) as number; // PRAGMA user_version is an integer
  if (version > SCHEMA_VERSION) {
    throw new NewerFile(
      `The database has schema version ${version}; this Tidemark knows versions up to ${SCHEMA_VERSION}. ` +
        'Open it with the newer Tidemark that wrote it, or restore an older backup.',
    );
  }
  return version;
}

/** Litestream puts tables of its own into what it copies, also before there are any of ours. */
const tablesOf = (db: Database): Set<string> =>
  new Set(
    db
      .prepare<[], string>(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB '_litestream_*'",
      )
      .pluck()
      .all(),
  );

export function isOfTidemark(db: Database): boolean {
  const tables = tablesOf(db);
  return tables.has('fact') && tables.has('message');
}

/** Refuses another program's file; one without tables may become ours. @throws ForeignFile */
export function requireOurs(db: Database, path: string): void {
  const version = db.pragma('user_version', { simple: true }) as number; // PRAGMA user_version is an integer
  const isOurs = version === 0 ? tablesOf(db).size === 0 : isOfTidemark(db);
  if (!isOurs) throw new ForeignFile(path, '; set TIDEMARK_DB to another file');
}

/** For readers: refuses a file that a migration would change. */
export function requireCurrent(db: Database): void {
  const version = versionOf(db);
  if (version < SCHEMA_VERSION)
    throw new OlderFile(
      `The database has schema version ${version}; this command reads version ${SCHEMA_VERSION}. ` +
        'Start `tidemark serve` on it once to bring it up to date.',
    );
}

/** @param to for tests: the version to stop at */
export function migrate(db: Database, to: number = SCHEMA_VERSION): void {
  const version = versionOf(db);
  if (version === to) return;
  db.transaction(() => {
    for (const step of MIGRATIONS.slice(version, to)) db.exec(step);
    db.pragma(`user_version = ${to}`);
  }).immediate();
}
