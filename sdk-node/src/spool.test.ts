// The spool on a real folder, and over a file system that fails.
// Invariant held against it: a message is on disk, settled, or its write was told to have failed.
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Loss } from '../../sdk-web/src/core/queue.ts';
import { createSpool, type Recovered, type Spool } from './spool.ts';
import type { Files, Place } from './spool-journal.ts';
import { isAbandoned, nodeProcesses, type Processes } from './spool-owner.ts';

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'tidemark-spool-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

interface Life {
  spool: Spool;
  troubles: Loss[];
  codes(): string[];
  /** Runs what is due after so many ms. */
  advance(ms: number): void;
}

/** Processes of a machine where those named are alive. */
const machineOf = (pid: number, alive: number[], machine = 'm'): Processes => ({
  machine,
  pid,
  startOf: (asked) => `${asked}0`,
  exists: (asked) => alive.includes(asked),
});

let clock = Date.now();
/** Somebody at the clock. */
let shift = 0;

/** One process's spool; it ends by being forgotten, as a killed process does. */
function live(pid: number, { alive = [pid], files = fs as Files, maxBytes = 1e9, machine = 'm' } = {}): Life {
  const troubles: Loss[] = [];
  let timers: { at: number; run: () => void }[] = [];
  const spool = createSpool({
    folder,
    maxBytes,
    files,
    processes: machineOf(pid, alive, machine),
    onTrouble: (loss) => troubles.push(loss),
    now: () => clock + shift,
    elapsed: () => clock,
    uuid: () => crypto.randomUUID(),
    after(ms, run) {
      const timer = { at: clock + ms, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((held) => held !== timer);
      };
    },
  });
  return {
    spool,
    troubles,
    codes: () => troubles.map(({ code }) => code),
    advance(ms) {
      clock += ms;
      for (const timer of timers.filter(({ at }) => at <= clock)) {
        timers = timers.filter((held) => held !== timer);
        timer.run();
      }
    },
  };
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (messageId: string, more = ''): string => JSON.stringify({ type: 'track', messageId, more });

function write({ spool }: Life, ...ids: string[]): { messageId: string; place: Place | null }[] {
  return ids.map((messageId) => ({ messageId, place: spool.write(bytesOf(textOf(messageId))) }));
}

function found({ spool }: Life, most = Number.POSITIVE_INFINITY): Recovered[] {
  const all: Recovered[] = [];
  spool.feed((one) => all.length < most && all.push(one) > 0);
  return all;
}

const idsOf = (entries: { messageId: string }[]): string[] => entries.map(({ messageId }) => messageId);
const filesIn = (): string[] => fs.readdirSync(folder, { recursive: true }).map(String).sort();
/** The files of messages that a process left, by path. */
const leftFiles = (): string[] =>
  filesIn()
    .filter((name) => name.endsWith('.jsonl'))
    .map((name) => join(folder, name));

describe('after a kill', () => {
  it('what was not answered for is found by the next process, in order, as it was written', () => {
    const killed = live(1);
    const entries = write(killed, 'a', 'b', 'c', 'd');
    killed.spool.settle([entries[1] as (typeof entries)[0]]);
    const next = live(2);
    const left = found(next);
    expect(idsOf(left)).toEqual(['a', 'c', 'd']);
    expect(left[0]?.text).toBe(textOf('a'));
    expect(next.troubles).toEqual([]);
    next.spool.settle(left);
    expect(filesIn()).toEqual([]);
  });

  it('nothing is found twice, also when the finder is killed half way', () => {
    write(live(1), 'a', 'b', 'c');
    const second = live(2);
    second.spool.settle(found(second, 1));
    const third = live(3);
    expect(idsOf(found(third))).toEqual(['b', 'c']);
    // The one before is gone; the one that lives has them.
    expect(found(live(4, { alive: [3, 4] }))).toEqual([]);
  });

  it('hands out no more than is asked for, and goes on from there', () => {
    write(live(1), 'a', 'b', 'c');
    const next = live(2);
    expect(idsOf(found(next, 2))).toEqual(['a', 'b']);
    expect(idsOf(found(next))).toEqual(['c']);
    expect(found(next)).toEqual([]);
  });

  it('a neighbour takes over while it runs', () => {
    const neighbour = live(2, { alive: [1, 2] });
    const killed = live(1);
    const alive = [1, 2];
    const watching = live(3, { alive });
    write(killed, 'a');
    let calls = 0;
    watching.spool.onFound(() => calls++);
    watching.advance(30_000);
    expect(found(watching)).toEqual([]);
    alive.splice(0, 1);
    watching.advance(30_000);
    expect(idsOf(found(watching))).toEqual(['a']);
    expect(calls).toBe(2);
    expect(found(neighbour)).toEqual([]);
  });

  it('a process with the number of the dead one is not taken for it', () => {
    write(live(1), 'a');
    const reborn = { ...machineOf(1, [1]), startOf: () => '77' };
    const spool = createSpool({
      folder,
      maxBytes: 1e9,
      files: fs,
      processes: reborn,
      onTrouble: (loss) => expect.fail(loss.message),
      now: () => clock,
      elapsed: () => clock,
      uuid: () => crypto.randomUUID(),
      after: () => () => {},
    });
    expect(idsOf(found({ spool } as Life))).toEqual(['a']);
  });

  it('leaves the folder of another machine alone until it has been silent for long', () => {
    const away = live(1, { machine: 'other' });
    write(away, 'a');
    const here = live(2);
    expect(found(here)).toEqual([]);
    away.advance(4 * 60_000);
    here.advance(2 * 60_000);
    expect(found(here)).toEqual([]);
    here.advance(6 * 60_000);
    expect(idsOf(found(here))).toEqual(['a']);
    // The other one lives after all: it says so and goes on in a folder of its own.
    away.advance(30_000);
    expect(away.codes()).toEqual(['spool_failed']);
    expect(write(away, 'b')[0]?.place).not.toBeNull();
  });
});

describe('closing', () => {
  it('leaves nothing behind when all is answered for', () => {
    const life = live(1);
    life.spool.settle(write(life, 'a', 'b'));
    life.spool.close();
    expect(filesIn()).toEqual([]);
  });

  it('leaves the rest to the next client, also of the same process', () => {
    const life = live(1);
    write(life, 'a');
    life.spool.close();
    expect(idsOf(found(live(1)))).toEqual(['a']);
  });

  it('leaves what it found and did not hand out', () => {
    write(live(1), 'a', 'b');
    const second = live(2);
    expect(idsOf(found(second, 1))).toEqual(['a']);
    second.spool.close();
    expect(idsOf(found(live(3)))).toEqual(['a', 'b']);
    write(live(4), 'c');
    live(5).spool.close();
    expect(idsOf(found(live(6))).sort()).toEqual(['a', 'b', 'c']);
  });
});

describe('files that are not as they were written', () => {
  it('tells of a line that was cut off, and loses no other', () => {
    write(live(1), 'a', 'b');
    fs.appendFileSync(leftFiles()[0] as string, textOf('c').slice(0, 20));
    const next = live(2);
    expect(idsOf(found(next))).toEqual(['a', 'b']);
    expect(next.codes()).toEqual(['spool_torn']);
  });

  it('takes a last line that lacks nothing but its end', () => {
    write(live(1), 'a');
    fs.appendFileSync(leftFiles()[0] as string, textOf('b'));
    const next = live(2);
    expect(idsOf(found(next))).toEqual(['a', 'b']);
    expect(next.troubles).toEqual([]);
  });

  it('keeps a file with lines that are no messages, tells, and sends the others once', () => {
    write(live(1), 'a');
    const [file = ''] = leftFiles();
    fs.appendFileSync(file, `\0\0\0\n[1]\n${textOf('b')}\n`);
    const next = live(2);
    const left = found(next);
    expect(idsOf(left)).toEqual(['a', 'b']);
    expect(next.codes()).toEqual(['spool_corrupt']);
    next.spool.settle(left);
    next.spool.close();
    expect(leftFiles()).toHaveLength(1);
    expect(found(live(3))).toEqual([]);
  });

  it('keeps what cannot be read, tells, and reads the rest', () => {
    write(live(1), 'a');
    const [file = ''] = leftFiles();
    fs.mkdirSync(file.replace('000001', '000000'));
    const next = live(2);
    const left = found(next);
    expect(idsOf(left)).toEqual(['a']);
    expect(next.codes()).toEqual(['spool_unreadable']);
    expect(next.troubles[0]?.message).toContain('000000.jsonl');
    next.spool.settle(left);
    next.spool.close();
    expect(filesIn().some((name) => name.endsWith('000000.jsonl'))).toBe(true);
  });

  it('tells once of what others forbid to take', () => {
    write(live(1), 'a');
    const files: Files = {
      ...fs,
      renameSync: () => {
        throw Object.assign(new Error('EACCES: permission denied, rename'), { code: 'EACCES' });
      },
    };
    const next = live(2, { files });
    for (let i = 0; i < 3; i++) next.advance(30_000);
    expect(next.codes()).toEqual(['spool_unreadable']);
    expect(idsOf(found(live(3)))).toEqual(['a']);
  });

  it('leaves alone what is not its own', () => {
    fs.writeFileSync(join(folder, 'notes.txt'), 'x');
    fs.mkdirSync(join(folder, 'photos'));
    const life = live(1);
    life.spool.settle(write(life, 'a'));
    life.spool.close();
    expect([filesIn(), life.troubles]).toEqual([['notes.txt', 'photos'], []]);
  });
});

describe('a disk that fails', () => {
  it('tells once, keeps what it had, and writes again when it can', () => {
    let isFull = false;
    const files: Files = {
      ...fs,
      writeSync: ((fd: number, data: Uint8Array, at: number, length: number, position: number) => {
        if (isFull && at > 0) throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
        // The last bytes of a full disk: half a line.
        return fs.writeSync(fd, data, at, isFull ? length >> 1 : length, position);
      }) as Files['writeSync'],
    };
    const life = live(1, { files });
    write(life, 'a');
    isFull = true;
    expect(write(life, 'b', 'c').map(({ place }) => place)).toEqual([null, null]);
    life.advance(1_000);
    expect(write(life, 'd')[0]?.place).toBeNull();
    expect(life.codes()).toEqual(['spool_failed']);
    expect(life.troubles[0]?.message).toContain('ENOSPC');
    isFull = false;
    life.advance(1_000);
    expect(write(life, 'e')[0]?.place).not.toBeNull();
    const next = live(2);
    expect(idsOf(found(next))).toEqual(['a', 'e']);
    expect(next.troubles).toEqual([]);
  });

  it('writes again in time whatever becomes of the clock', () => {
    let isFull = true;
    const files: Files = {
      ...fs,
      writeSync: ((...args: Parameters<typeof fs.writeSync>) => {
        if (isFull) throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
        return fs.writeSync(...args);
      }) as Files['writeSync'],
    };
    const life = live(1, { files });
    write(life, 'a');
    isFull = false;
    shift = -3_600_000;
    life.advance(1_000);
    expect(write(life, 'b')[0]?.place).not.toBeNull();
    shift = 0;
  });

  it('holds no more than maxBytes, those of the dead included', () => {
    write(live(1), 'a', 'b');
    const bytes = 2 * (textOf('a').length + 1);
    const life = live(2, { maxBytes: bytes + 10 });
    expect(write(life, 'c')[0]?.place).toBeNull();
    expect(life.codes()).toEqual(['spool_failed']);
    life.spool.settle(found(life));
    life.advance(1_000);
    expect(write(life, 'd')[0]?.place).not.toBeNull();
  });

  it('goes on in memory where there is no folder to be had', () => {
    const file = join(folder, 'file');
    fs.writeFileSync(file, '');
    folder = join(file, 'spool');
    const life = live(1);
    expect(write(life, 'a')[0]?.place).toBeNull();
    expect(life.codes()).toContain('spool_failed');
    folder = join(file, '..');
  });

  it('makes a folder anew that somebody removed', () => {
    const life = live(1);
    life.spool.write(bytesOf('x'.repeat(1024 * 1024)));
    fs.rmSync(folder, { recursive: true });
    expect(write(life, 'a')[0]?.place).toBeNull();
    life.advance(1_000);
    expect(write(life, 'b')[0]?.place).not.toBeNull();
    expect(idsOf(found(live(2)))).toEqual(['b']);
  });
});

it('has or has told of every message, whatever fails and whenever it is killed', () => {
  const failing = fc.infiniteStream(fc.integer({ min: 0, max: 9 }));
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('write' as const), size: fc.nat(400_000) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('settle' as const), size: fc.nat(5) }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constantFrom('kill' as const, 'close' as const), size: fc.nat() }),
    },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), failing, fc.nat(3), (steps, chances, rate) => {
      const flaky = <F extends (...args: never[]) => unknown>(run: F): F =>
        ((...args: Parameters<F>) => {
          if (chances.next().value < rate) throw Object.assign(new Error('EIO'), { code: 'EIO' });
          return run(...args);
        }) as F;
      const files: Files = {
        ...fs,
        // Short writes, and now and then none.
        writeSync: flaky(((fd: number, data: Uint8Array, at: number, length: number, position: number) =>
          fs.writeSync(fd, data, at, Math.ceil(length / 2), position)) as never),
        openSync: flaky(fs.openSync as never),
        appendFileSync: flaky(fs.appendFileSync as never),
        ftruncateSync: flaky(fs.ftruncateSync as never),
        mkdirSync: flaky(fs.mkdirSync as never),
      };
      fs.rmSync(folder, { recursive: true, force: true });
      let pid = 1;
      let life = live(pid, { files });
      let ids = 0;
      /** What was written or found in this life, and not settled. */
      let held: { messageId: string; place: Place | null }[] = [];
      const owed = new Set<string>();
      const reopen = (): void => {
        life = live(++pid, { files });
        held = found(life).map(({ messageId, place }) => ({ messageId, place }));
        for (const id of owed) expect(idsOf(held)).toContain(id);
        expect(new Set(idsOf(held)).size).toBe(held.length);
        expect(life.codes().filter((code) => code === 'spool_corrupt')).toEqual([]);
      };
      for (const { do: what, size } of steps) {
        if (what === 'write') {
          const messageId = `m${ids++}`;
          clock += 1_000;
          const place = life.spool.write(bytesOf(textOf(messageId, 'x'.repeat(size))));
          held.push({ messageId, place });
          if (place) owed.add(messageId);
        } else if (what === 'settle') {
          const answered = held.splice(0, size);
          life.spool.settle(answered);
          for (const { messageId } of answered) owed.delete(messageId);
        } else {
          if (what === 'close') life.spool.close();
          reopen();
        }
      }
      reopen();
      life.spool.settle(held);
      life.spool.close();
      const last = live(++pid);
      // With acknowledgements that could not be written some are found again, but none that was never written.
      last.spool.settle(found(last));
      last.spool.close();
      expect(leftFiles()).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

it('knows the processes of this machine', () => {
  const processes = nodeProcesses();
  expect(processes.machine).toMatch(/^[\w-]+$/);
  expect(processes.exists(process.pid)).toBe(true);
  expect(processes.startOf(process.pid)).toBe(processes.startOf(process.pid));
});

it.runIf(process.platform === 'linux')(
  'knows that a process is dead before its parent has fetched it',
  async () => {
    const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 20'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      const pid = await new Promise<number>((resolve) => {
        parent.stdout.once('data', (chunk: Buffer) => resolve(Number(chunk.toString())));
      });
      const processes = nodeProcesses();
      await expect.poll(() => processes.startOf(pid)).toBe('');
      expect(processes.exists(pid)).toBe(true);
      expect(isAbandoned(`${processes.machine}~${pid}~77~n`, 0, processes)).toBe(true);
    } finally {
      parent.kill('SIGKILL');
    }
  },
);
