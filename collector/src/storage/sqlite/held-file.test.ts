import { spawn } from 'node:child_process';
import { existsSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { useFolder } from '../../../../tests/temporary-folder.ts';
import { holderIn, holdFile } from './held-file.ts';

const inFolder = useFolder('held-file');

function held(path: string, text: string): { release(): void } {
  const file = holdFile(path, text);
  if ('holder' in file) throw new Error(`held by ${file.holder}`);
  return file;
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
  expect(readdirSync(inFolder())).toEqual([]);
  const third = held(path, 'third');
  expect(holderIn(path)).toBe('third');
  third.release();
});

it('is free once its holder was killed, and stays held until then', async () => {
  const path = inFolder('lock');
  const module = fileURLToPath(new URL('./held-file.ts', import.meta.url));
  const code = `const { holdFile } = await import(${JSON.stringify(module)});
    if ('holder' in holdFile(${JSON.stringify(path)}, 'child')) process.exit(1);
    console.log('held');
    setInterval(() => {}, 1_000);`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code]);
  const ended = new Promise((resolve) => child.once('close', resolve));
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve);
    child.once('close', reject);
  });
  expect(holdFile(path, 'mine')).toEqual({ holder: 'child' });
  child.kill('SIGKILL');
  await ended;
  expect(existsSync(path)).toBe(true);
  expect(holderIn(path)).toBeNull();
  held(path, 'mine').release();
});

it('takes over what is no file of ours', () => {
  const path = inFolder('lock');
  writeFileSync(path, '{"pid":1,"started":"an earlier version wrote this"}');
  expect(holderIn(path)).toBeNull();
  const file = held(path, 'mine');
  expect(holderIn(path)).toBe('mine');
  file.release();
});

it('holds the file at the path, not one that was there', () => {
  const path = inFolder('lock');
  const first = held(path, 'first');
  renameSync(path, inFolder('moved'));
  const second = held(path, 'second');
  expect(holderIn(path)).toBe('second');
  first.release();
  expect(holderIn(path)).toBe('second');
  second.release();
});

it('leaves nothing where it cannot be written', () => {
  expect(() => holdFile(inFolder('nowhere', 'lock'), 'mine')).toThrow(/ENOENT/);
  expect(readdirSync(inFolder())).toEqual([]);
});
