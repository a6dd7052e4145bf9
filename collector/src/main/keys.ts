// `tidemark keys`: lists, makes and revokes keys.
// Invariant: a key itself is printed once, to stdout alone.
import { MAX_KEY_NAME_CHARS } from '../http/access.ts';
import type { KeyType, Role } from '../http/key-record.ts';
import { type Command, type Flags, report, tell, text } from './command.ts';
import { legibleInLine } from './legible.ts';
import type { KeyView } from './operations.ts';
import { type Settings, UsageError } from './settings.ts';
import { withOperations } from './with-operations.ts';

export const keys: Command = {
  flags: { role: { type: 'string' }, name: { type: 'string' } },
  positionals: true,
  run: runKeys,
};

async function runKeys(
  flags: Flags,
  settings: Settings,
  [action = 'list', subject, ...rest]: string[],
): Promise<number> {
  if (rest.length > 0) throw new UsageError(`keys: too many words: ${rest.join(' ')}`);
  const { configFile: _file, ...without } = settings;
  if (action === 'list') {
    const found = await withOperations(without, (ask) => ask('keys', null));
    report(flags, found, keyTable(found));
    return 0;
  }
  if (action === 'create') {
    if (subject !== 'web' && subject !== 'server' && subject !== 'admin')
      throw new UsageError('keys create takes web, server or admin');
    const role = text(flags.role);
    if (role !== undefined && (subject !== 'admin' || (role !== 'admin' && role !== 'read')))
      throw new UsageError('--role is admin or read, for admin keys only');
    const name = text(flags.name);
    if (name !== undefined && name.length > MAX_KEY_NAME_CHARS)
      throw new UsageError(`--name takes at most ${MAX_KEY_NAME_CHARS} characters`);
    const wanted: { kind: KeyType; role?: Role; name?: string } = { kind: subject };
    if (role === 'admin' || role === 'read') wanted.role = role;
    if (name !== undefined) wanted.name = name;
    const made = await withOperations(without, (ask) => ask('keys-create', wanted));
    report(flags, made, `${made.key}\n`);
    if (flags.json !== true) tell(`${made.kind} key ${made.id}; it is shown this once\n`);
    return 0;
  }
  if (action === 'revoke') {
    if (subject === undefined)
      throw new UsageError('keys revoke takes the id of a key; `tidemark keys` lists them');
    const done = await withOperations(without, (ask) => ask('keys-revoke', { id: subject }));
    report(flags, done, `${subject} is revoked\n`);
    return 0;
  }
  throw new UsageError(`keys: "${action}" is none of list, create, revoke`);
}

function keyTable(keys: readonly KeyView[]): string {
  const rows = [
    ['id', 'kind', 'role', 'name', 'made'],
    ...keys.map((key) => [key.id, key.kind, key.role ?? '', legibleInLine(key.name ?? ''), key.createdAt]),
  ];
  const widths = [0, 1, 2, 3, 4].map((i) => Math.max(...rows.map((row) => (row[i] ?? '').length)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
