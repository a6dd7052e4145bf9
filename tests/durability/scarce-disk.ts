// Ways to let a collector run out of room, and to give it room again while it runs.
// Invariant: what is mounted here is unmounted by whoever asked for it, whatever happens.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Enough to start with and for some thousand messages. */
const ROOM_BYTES = 4 * 2 ** 20;
const MORE_ROOM_BYTES = 64 * 2 ** 20;

export interface ScarceDisk {
  /** Where the database goes. */
  folder: string;
  /** The command that the collector is started through. */
  through: readonly string[];
  /** Makes room for the running process. */
  makeRoom(pid: number): void;
  dispose(): void;
}

export interface Scarcity {
  name: string;
  create(): ScarceDisk;
}

/** A file system of its own: writes fail with ENOSPC. Needs the right to mount. */
const smallDisk: Scarcity = {
  name: 'a full disk',
  create() {
    const folder = mkdtempSync(join(tmpdir(), 'tidemark-small-'));
    mount(folder, `size=${ROOM_BYTES}`);
    return {
      folder,
      through: [],
      makeRoom: () => mount(folder, `remount,size=${MORE_ROOM_BYTES}`),
      dispose() {
        execFileSync('umount', [folder]);
        rmSync(folder, { recursive: true });
      },
    };
  },
};
const mount = (folder: string, options: string): void =>
  void execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tidemark-test', folder], { stdio: 'pipe' });

/** A limit on the size of files: writes past it fail with EFBIG, as an input/output error does. */
const limitedFiles: Scarcity = {
  name: 'files that may not grow',
  create() {
    const folder = mkdtempSync(join(tmpdir(), 'tidemark-limit-'));
    return {
      folder,
      through: ['prlimit', `--fsize=${ROOM_BYTES}:`, '--'],
      makeRoom: (pid) => limitFiles(pid, 'unlimited'),
      dispose: () => rmSync(folder, { recursive: true }),
    };
  },
};

/** How far files of a running process may grow; 0: every write fails. */
export const limitFiles = (pid: number, bytes: number | 'unlimited'): void =>
  void execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`], { stdio: 'pipe' });

export const scarcities: readonly Scarcity[] = [smallDisk, limitedFiles].filter(isPossible);

function isPossible({ create }: Scarcity): boolean {
  try {
    const disk = create();
    if (disk.through.length > 0) execFileSync(disk.through[0] ?? '', ['--version'], { stdio: 'pipe' });
    disk.dispose();
    return true;
  } catch {
    return false;
  }
}

/** What keeps root, who may write everything, to the rights of files. */
export const heldToRights: readonly string[] =
  process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search', '--'] : [];
