// Waits for a collector in a process of its own to say where it listens.
// Invariant: starts and stops nothing.
import type { ChildProcess } from 'node:child_process';

export interface Listening {
  /** Its address, once it listens; rejects with what it said if it ends before. */
  readonly url: Promise<string>;
  /** All it printed so far. */
  said(): string;
}

export function listeningOf(child: ChildProcess): Listening {
  let said = '';
  const url = new Promise<string>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      said += chunk;
      const match = /listens on (\S+)/.exec(said);
      if (match?.[1]) resolve(match[1]);
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('close', () => reject(new Error(`the collector stopped: ${said}`)));
  });
  return { url, said: () => said };
}
