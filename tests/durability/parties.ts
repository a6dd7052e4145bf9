// Everybody who is promised something: senders, and operators beside them.
// Invariant: the seed decides what each of them does, whatever the others do.
import { createRandom } from '../random.ts';
import { createOperator, type Operator } from './operator.ts';
import { createSenders, type Senders } from './senders.ts';

export interface Parties {
  senders: Senders;
  operators: readonly Operator[];
}

export interface PartiesOptions {
  senders: number;
  operators: number;
  seed: number;
  /** So many batches of one hold hundreds of messages. Default 0.1. */
  large?: number;
  /** Longest pauses, ms. Default none. */
  senderPauseMs?: number;
  operatorPauseMs?: number;
}

export function createParties(options: PartiesOptions): Parties {
  const { seed, large = 0.1, senderPauseMs = 0, operatorPauseMs = 0 } = options;
  return {
    senders: createSenders({ count: options.senders, seed, large, pauseMs: senderPauseMs }),
    operators: Array.from({ length: options.operators }, (_, i) =>
      createOperator({
        name: `op${i}`,
        random: randomOf(seed, options.senders + i),
        pauseMs: operatorPauseMs,
      }),
    ),
  };
}

/** One for each of up to a thousand who draw. */
export const randomOf = (seed: number, who: number) => createRandom(seed * 1_000 + who);

/** Steps that operators were told are done. */
export const operationsOf = ({ operators }: Parties): number =>
  operators.reduce((sum, operator) => sum + operator.steps(), 0);

/** Runs `work`; what it throws names the seed. */
export async function namingSeed<T>(seed: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Error(`--seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

/** @throws Error with all that is wrong, if anything is */
export function refuse(when: string, wrong: readonly string[]): void {
  if (wrong.length > 0) throw new Error(`${when}:\n${wrong.join('\n')}`);
}
