// Where an import puts what it rejects: nothing that is there is destroyed by mistake, and no reason is lost.
import { existsSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { KEYS, useCommandLine } from './command-line.ts';

const { path, database, run } = useCommandLine();

const LINES = `${JSON.stringify({ type: 'track', event: 'E', userId: 'ada', messageId: 'm1' })}\n{ not json\n`;
const ROWS = 'who,what\nada,5\nbob,much\n';

/** A format: its file with a good line and a bad one, and the command for it. */
const FORMATS: [string, string, string, (file: string) => string[]][] = [
  ['NDJSON', 'dump.ndjson', LINES, (file) => ['import', file]],
  [
    'CSV',
    'orders.csv',
    ROWS,
    (file) => [
      ...['import', '--csv', file, '--map', 'userId=who', '--map', 'properties.n=what:number'],
      ...['--event', 'E'],
    ],
  ],
];

describe.each(FORMATS)('what an import of %s rejects', (_, name, content, args) => {
  let file: string;
  let rejectFile: string;
  beforeEach(() => {
    file = path(name);
    rejectFile = `${file}.rejected.ndjson`;
    writeFileSync(file, content);
  });

  it('is kept until the next import, of which nothing is left without rejects', async () => {
    expect((await run(args(file), KEYS)).code).toBe(2);
    expect(readFileSync(rejectFile, 'utf8').trim().split('\n')).toHaveLength(1);
    expect((await run(args(file), KEYS)).code).toBe(2);
    expect(readFileSync(rejectFile, 'utf8').trim().split('\n')).toHaveLength(1);
    writeFileSync(file, content.split('\n').slice(0, -2).join('\n'));
    expect((await run(args(file), KEYS)).code).toBe(0);
    expect(existsSync(rejectFile)).toBe(false);
  });

  it('is told in a dry run, which touches no file', async () => {
    writeFileSync(rejectFile, 'of an earlier import');
    const { code, out, err } = await run([...args(file), '--dry-run'], KEYS);
    expect(code).toBe(2);
    expect(out + err).toMatch(/rejected/);
    expect(readFileSync(rejectFile, 'utf8')).toBe('of an earlier import');
    expect(existsSync(database())).toBe(false);
  });

  it('never replaces what is imported, by whatever name', async () => {
    symlinkSync(file, path('link'));
    linkSync(file, path('hard'));
    for (const rejects of [file, relative(process.cwd(), file), path('link'), path('hard')])
      for (const more of [[], ['--dry-run']])
        expect(await run([...args(file), '--rejects', rejects, ...more], KEYS)).toMatchObject({
          code: 1,
          out: '',
          err: expect.stringMatching(/^tidemark: --rejects .* is the file that is imported.*\n$/),
        });
    expect(readFileSync(file, 'utf8')).toBe(content);
    expect(existsSync(database())).toBe(false);
  });

  it('never replaces the database', async () => {
    expect((await run(args(file), KEYS)).code).toBe(2);
    const before = readFileSync(database());
    const { code, err } = await run([...args(file), '--rejects', database()], KEYS);
    expect([code, err]).toEqual([1, expect.stringContaining('belongs to the database')]);
    expect(readFileSync(database()).equals(before)).toBe(true);
  });

  it.each([
    ['a folder', () => mkdirSync(path('there')), 'there', '(EISDIR)'],
    ['a file in no folder', () => {}, 'nowhere/x', '(ENOENT)'],
  ])('is not taken where %s is given for it: one line, nothing stored', async (_kind, make, where, code) => {
    make();
    const refused = await run([...args(file), '--rejects', path(where)], KEYS);
    expect([refused.code, refused.out]).toEqual([1, '']);
    const lines = refused.err.trim().split('\n');
    expect(lines.filter((line) => !line.startsWith('No `tidemark serve` has shown'))).toEqual([
      expect.stringContaining(`${path(where)} cannot be written`),
    ]);
    expect(refused.err).toContain(code);
    const again = await run([...args(file), '--json'], KEYS);
    expect(JSON.parse(again.out)).toMatchObject({ accepted: 1, duplicates: 0, rejected: 1 });
  });

  it('stops the import once there is no room for it, and loses none of it', async () => {
    // By a link: the device itself would be at the mercy of what is tested.
    symlinkSync('/dev/full', path('full'));
    const full = await run([...args(file), '--rejects', path('full')], KEYS);
    expect([full.code, full.out]).toEqual([1, '']);
    expect(full.err).toContain('full cannot be written: no space left on device (ENOSPC)');
    expect(full.err).not.toContain('    at ');
    const again = await run([...args(file), '--json'], KEYS);
    expect([again.code, JSON.parse(again.out)]).toMatchObject([2, { resumedAt: 0, rejected: 1 }]);
    expect(readFileSync(rejectFile, 'utf8').trim().split('\n')).toHaveLength(1);
  });
});
