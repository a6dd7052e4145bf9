// Whose a folder of the spool is, told by its name, and whether that process still lives.
// Invariant: a folder of a living process on this machine is never taken for abandoned; one of another
// machine only after a long silence.
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface Owner {
  /** The machine and, on Linux, the process namespace: only within one do process ids mean anything. */
  machine: string;
  pid: number;
  /** When the process began, in the kernel's ticks; empty where that cannot be known. */
  start: string;
  /** Tells the clients of one process apart. */
  nonce: string;
}

/** Who asks, and what it knows of processes; tests bring their own. */
export interface Processes {
  machine: string;
  pid: number;
  startOf(pid: number): string;
  exists(pid: number): boolean;
}

/** A live owner touches its folder every 30 s (`CARE_INTERVAL_MS`); a paused container may miss a few. */
const SILENCE_MS = 5 * 60_000;
const FREE = 'free';
const ZOMBIE = 'Z';
const NAME = /^([\w-]+)~(\d+)~(\d*)~([\w-]+)$/;

export const nameOf = ({ machine, pid, start, nonce }: Owner): string =>
  `${machine}~${pid}~${start}~${nonce}`;
/** The name of a folder whose client was closed: anybody may take it. */
export const freeName = (nonce: string): string => `${FREE}~${nonce}`;

/** Clients of this process, also those of another copy of this module in it. */
const REGISTRY = Symbol.for('tidemark.spool.nonces');
export function registeredNonces(): Set<string> {
  const shared = globalThis as { [REGISTRY]?: Set<string> };
  shared[REGISTRY] ??= new Set();
  return shared[REGISTRY];
}

/**
 * Whether a folder of this name may be taken. Null: it is no folder of a spool.
 * @param silentMs time since it was last touched
 */
export function isAbandoned(name: string, silentMs: number, processes: Processes): boolean | null {
  if (name.startsWith(`${FREE}~`)) return true;
  const [, machine = '', pidText = '', start = '', nonce = ''] = NAME.exec(name) ?? [];
  if (machine === '') return null;
  if (machine !== processes.machine) return silentMs > SILENCE_MS;
  const pid = Number(pidText);
  if (pid === processes.pid && start === '') return !registeredNonces().has(nonce);
  if (!processes.exists(pid)) return true;
  // The number may have been given to another process since.
  return start !== '' && processes.startOf(pid) !== start;
}

export const nodeProcesses = (): Processes => ({
  machine: machineOf(hostname(), namespaceOf()),
  pid: process.pid,
  startOf,
  exists(pid) {
    try {
      process.kill(pid, 0);
      return true;
    } catch (error) {
      // Another user's process may not be signalled, but it is there.
      return (error as NodeJS.ErrnoException).code === 'EPERM';
    }
  },
});

const machineOf = (host: string, namespace: string): string =>
  `${host.replaceAll(/[^\w-]/g, '_') || 'host'}${namespace && `-${namespace}`}`;

function namespaceOf(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '';
  } catch {
    return ''; // no Linux
  }
}

/**
 * Field 22 of /proc/<pid>/stat (proc(5)); the name before it may hold spaces and brackets. A process that was
 * killed and that its parent has not fetched yet is still listed, but began nothing.
 */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === ZOMBIE ? '' : (fields[19] ?? '');
  } catch {
    return '';
  }
}
