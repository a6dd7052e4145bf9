// What --help says.
// Invariant: every command and flag is here, with an example that works as it stands.

export const HELP = `tidemark: profiles, computed traits and segments on one file

  tidemark serve      run the collector (http://127.0.0.1:4700, data in ./data/)
  tidemark keys       list, make and revoke keys
  tidemark apply      make a definitions file the one in force
  tidemark verify     recompute everything from the messages and compare
  tidemark import     bring in NDJSON (an export, Segment's shape), CSV or surveys
  tidemark export     everything as NDJSON in Segment's shape
  tidemark backup     one consistent file, while messages go on
  tidemark restore    put a backup in the database's place
  tidemark doctor     look at machine, settings and file, and say what to do

Each takes --help, --json (for machines) and --db FILE. \`tidemark --version\` prints the version. Environment:

  PORT, HOST                  where to listen (4700, 127.0.0.1)
  TIDEMARK_DB                 the database, a file or :memory: (data/tidemark.db)
  TIDEMARK_CONFIG             a definitions file
  TIDEMARK_WRITE_KEY, TIDEMARK_SERVER_KEY, TIDEMARK_ADMIN_KEY, TIDEMARK_SIGNING_SECRET
                              fix the keys instead of having them made
  TIDEMARK_TZ                 time zone that days are counted in (UTC)
  TIDEMARK_PUBLIC_URL         the address clients reach the collector at
  TIDEMARK_TRUST_PROXY        proxies in front whose X-Forwarded-For counts (0)
  TIDEMARK_RATE_LIMIT         requests a minute of one key and address, or off (1200; loopback exempt)
  TIDEMARK_IP                 what is kept of visitors' addresses: none, truncated or full (none)
  TIDEMARK_LOG_LEVEL          debug (with each request), info, warn, error or silent (info)
  TIDEMARK_DEBUG              anything: a command that fails for a reason inside also says where
  TIDEMARK_NOW                an ISO time: fixes the clock of import, verify and serve
`;

export const COMMAND_HELP: Record<string, string> = {
  serve: `tidemark serve [--port N] [--host ADDRESS] [--db FILE] [--config FILE] [--log-level LEVEL]
               [--ip none|truncated|full] [--demo EXAMPLES]

Runs the collector in the foreground. SIGTERM stops it after requests under way are answered. On the
first start it makes the keys: shown on a terminal, else written to first-run.txt beside the database.
It logs to stderr, in JSON unless that is a terminal, and nothing about anybody. LEVEL is debug (with each
request), info, warn, error or silent. Visitors' addresses are not kept unless --ip says so.

  tidemark serve
  PORT=8080 TIDEMARK_CONFIG=definitions.json tidemark serve
  tidemark serve --demo examples        # with the demo shop at /demo
`,
  keys: `tidemark keys [list]
tidemark keys create web|server|admin [--role admin|read] [--name TEXT]
tidemark keys revoke ID

  tidemark keys
  tidemark keys create server --name "shop back end"
  tidemark keys create admin --role read --name dashboards
  tidemark keys revoke key_0123456789abcdef
`,
  apply: `tidemark apply FILE

Creates and changes what the definitions file names, and deletes what it named before and no longer
does. Definitions made through the API stay. Resolves when everything is built.

  tidemark apply definitions.json
`,
  verify: `tidemark verify [--repair] [--json]

Recomputes every profile, trait and membership from the stored messages and reports each difference.
Reads only; a collector may go on serving the file. Exit code 0 if there is no difference, else 1.

  --repair   then computes everything anew, writes it down and looks again; exit code 0 if all is right
             after that. On a served file the collector does it, and goes on taking messages meanwhile.
             Also brings a file back whose clock was ahead: set the clock right, then repair.

  tidemark verify
  tidemark verify --repair
  tidemark verify --json --db /var/lib/tidemark/tidemark.db
`,
  import: `tidemark import FILE|- [--dry-run] [--rejects FILE]
tidemark import --csv FILE --map FIELD=COLUMN... [options]
tidemark import --surveys FILE --from formbricks|posthog [--replace] [--dry-run]

Brings in NDJSON, one message a line: an export of Tidemark, with all that belongs to it, or anybody's
messages in Segment's shape; gzip or not, - is stdin. Or a CSV file with a header row, one message a
row. Importing again changes nothing; an interrupted import goes on where it was. Exit code 2 if lines
or rows were rejected.

  --rejects FILE         where rejected ones go, with the reason (FILE.rejected.ndjson)
  --dry-run              NDJSON: judge every line; CSV: show the first messages; store nothing

For CSV:

  --map FIELD=COLUMN[:number|boolean]   userId, anonymousId, properties.revenue, traits.plan, ...
  --event TEXT           name of the track event; {column} is filled in
  --type TYPE            track (default), identify, page, screen, group, alias
  --timestamp COLUMN     when it happened; a date, a date and time, or epoch milliseconds (12 or 13
                         digits without a sign: other digits alone are rejected, not guessed at)
  --time 12:00:00Z       put behind a date that has no time
  --message-id TEMPLATE  {row} is the row's number from 1, {column} a column; unique for ever
  --mapping FILE         the same as JSON: { "event", "timestamp", "map": { "userId": "customer" } }

  tidemark import tidemark.ndjson
  zcat segment-dump/*.gz | tidemark import -
  tidemark import --csv orders.csv --map userId=customer_id --map properties.revenue=revenue:number \\
    --event "Order Completed" --timestamp date --time 12:00:00Z --message-id "order-{row}"

Surveys come in as definitions, each under its name as a key, with a note on everything that has no
counterpart here. One that would be asked of more people than before is exposed to nobody until you drop
its "expose". Exit code 2 if a survey could not be imported, or if another one has its key.

  --from TOOL            formbricks or posthog: what wrote the file
  --replace              overwrite surveys of the same key
  --dry-run              print the definitions, which \`tidemark apply\` takes, and store nothing

  tidemark import --surveys surveys.json --from formbricks --dry-run > definitions.json
  tidemark import --surveys surveys.json --from posthog
`,
  export: `tidemark export [FILE|-] [--since TIME] [--messages-only] [--force]

Writes every accepted message as a line of NDJSON in Segment's shape, in order of arrival, and beside
them what else it takes to make an equal database: definitions, merges, lists, hashes of the erased.
Reads one instant; a collector may go on serving the file. The file holds personal data: mode 0600.

  --since TIME        only what arrived from then on (ISO 8601)
  --messages-only     for other systems: messages, and nothing that only Tidemark reads
  --force             replace FILE

  tidemark export tidemark.ndjson
  tidemark export | gzip > tidemark.ndjson.gz
  tidemark export --messages-only --since 2026-11-01 november.ndjson
`,
  backup: `tidemark backup FILE [--force] [--json]

Copies the database into one file, of one instant, while a collector may go on serving it, and checks
the copy. FILE appears when it is whole and on disk; it holds the signing secret, its mode is 0600.

  --force             replace FILE

  tidemark backup /backup/tidemark-$(date +%F).db
`,
  restore: `tidemark restore FILE [--json]

Puts a backup in the database's place. Refused while the database is served. The backup is read whole
and checked first; the database that was there is kept beside it as *.before-restore-<time>.

  tidemark restore /backup/tidemark-2026-11-26.db
`,
  doctor: `tidemark doctor [--quick] [--json]

Looks at the machine, the settings and the file: one line each, ok, warn or fail, with what to do. Reads
only; a collector may go on serving the file. Exit code 1 if something failed.

  --quick             leave out SQLite's check of the whole file

  tidemark doctor
`,
};
