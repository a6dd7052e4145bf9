import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { useFolder } from '../../../../tests/temporary-folder.ts';
import { type HeldFile, holderIn, holdFile } from './held-file.ts';

const inFolder = useFolder('held-file');
const MODULE = JSON.stringify(fileURLToPath(new URL('./held-file.ts', import.meta.url)));
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function held(path: string, text: string): HeldFile {
  const file = holdFile(path, text);
  if ('holder' in file) throw new Error(`held by ${file.holder}`);
  return file;
}

/** A process that runs this, with the module at hand. */
function startChild(code: string): { child: ChildProcess; said: Promise<string>; ended: Promise<unknown> } {
  const child = spawn(process.execPath, [
    ...['--import', 'tsx', '--input-type=module', '-e'],
    `import { appendFileSync, readFileSync } from 'node:fs';
     const { holdFile } = await import(${MODULE});
     ${code}`,
  ]);
  children.push(child);
  const said = new Promise<string>((resolve) => child.stdout?.once('data', (data) => resolve(String(data))));
  return { child, said, ended: new Promise((resolve) => child.once('close', resolve)) };
}

it('is held by one, who says what', () => {
  const path = inFolder('lock');
  expect(holderIn(path)).toBeNull();
  const first = held(path, 'first');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(holdFile(path, 'second')).toEqual({ holder: 'first' });
  expect(holderIn(path)).toBe('first');
  first.release();
  first.release();
  expect(holderIn(path)).toBeNull();
  const third = held(path, 'third');
  expect(holderIn(path)).toBe('third');
  third.release();
  expect(readdirSync(inFolder())).toEqual(['lock']);
});

it('is free once its holder was killed, and stays held until then', async () => {
  const path = inFolder('lock');
  const { child, said, ended } = startChild(`
    if ('holder' in holdFile(${JSON.stringify(path)}, 'child')) process.exit(1);
    console.log('held');
    setInterval(() => {}, 1_000);`);
  expect(await said).toBe('held\n');
  expect(holdFile(path, 'mine')).toEqual({ holder: 'child' });
  child.kill('SIGKILL');
  await ended;
  expect(holderIn(path)).toBeNull();
  held(path, 'mine').release();
});

it('is held by one at a time, however many come and go at once', async () => {
  const [path, marks] = [inFolder('lock'), inFolder('marks')];
  writeFileSync(marks, '');
  const rounds = 200;
  const runs = ['a', 'b', 'c'].map((name) =>
    startChild(`
      const marks = ${JSON.stringify(marks)};
      for (let taken = 0; taken < ${rounds}; ) {
        const file = holdFile(${JSON.stringify(path)}, '${name}' + taken);
        if ('holder' in file) continue;
        appendFileSync(marks, '${name}');
        appendFileSync(marks, '${name}');
        file.release();
        taken++;
      }`),
  );
  await Promise.all(runs.map(({ ended }) => ended));
  const text = readFileSync(marks, 'utf8');
  expect(text).toHaveLength(6 * rounds);
  // Two marks in a row of each: nobody else's between.
  expect(text.match(/../g)?.filter((pair) => pair[0] !== pair[1])).toEqual([]);
}, 120_000);

it('takes over what is no file of ours, unless somebody holds it as versions before did', () => {
  const path = inFolder('lock');
  writeFileSync(path, 'an earlier version wrote this');
  const isHeldBy = (text: string): boolean => text.startsWith('an earlier');
  expect([holderIn(path), holderIn(path, { isHeldBy })]).toEqual([null, 'an earlier version wrote this']);
  expect(holdFile(path, 'mine', { isHeldBy })).toEqual({ holder: 'an earlier version wrote this' });
  const file = held(path, 'mine');
  expect(holderIn(path, { isHeldBy })).toBe('mine');
  file.release();
});

it('leaves nothing new where it cannot be written', () => {
  expect(() => holdFile(inFolder('nowhere', 'lock'), 'mine')).toThrow(/ENOENT/);
  appendFileSync(inFolder('lock'), '');
  chmodSync(inFolder('lock'), 0o400);
  // Root may write it all the same.
  if (process.getuid?.() !== 0) expect(() => holdFile(inFolder('lock'), 'mine')).toThrow(/readonly|unable/);
  expect(readdirSync(inFolder())).toEqual(['lock']);
});
