// Somebody who changes definitions, merges, parts and erases people and keeps a list, beside the senders.
// Invariant: a step that was cut off is made again until it is answered; what was answered is never made again,
// so that losing it would show.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../random.ts';
import { type Answered, type Client, CutOff } from './client.ts';
import { LIST, ruleSegment } from './definitions.ts';

/** Segments that each operator defines, changes and deletes over and over. */
const RULES = 2;
/** How many of the newest merges and erasures are looked at after every restart; all are at the end. */
const LOOK_AT = 10;
/** After a 503 or no answer at all an operator waits so long. */
const AFTER_REFUSAL_MS = 20;
/** Messages of somebody who is erased. */
const VICTIM_MESSAGES = 3;

interface Step {
  /** The rule that may have the old or the new threshold while the step is under way. */
  rule?: { key: string; threshold: number | null };
  make(client: Client): Promise<void>;
}

export interface Promised {
  /** Rules by key: events from which on people are in; null: deleted. */
  rules: Map<string, number | null>;
  /** Who was merged into whom. */
  merged: Map<string, string>;
  parted: Map<string, string>;
  erased: string[];
  listed: string[];
}

export interface Operator {
  readonly promised: Promised;
  steps(): number;
  /** Resolves when the next step was answered. */
  nextAnswer(): Promise<void>;
  run(client: Client, isOver: () => boolean): Promise<void>;
  /** Makes the step that was cut off, if there is one. */
  finish(client: Client): Promise<void>;
  /** What of the newest promises does not hold; `all`: of all. */
  broken(client: Client, all?: 'all'): Promise<string[]>;
}

export const messageIdsOf = (user: string): string[] =>
  Array.from({ length: VICTIM_MESSAGES }, (_, i) => idOf(user, i));
const idOf = (user: string, no: number): string => `${user}-${no}`;
export const victimMessages = (user: string): object[] =>
  Array.from({ length: VICTIM_MESSAGES }, (_, i) => paid(user, i));
const paid = (userId: string, no = 0) => ({
  type: 'track',
  event: 'Paid',
  userId,
  messageId: idOf(userId, no),
  properties: { amount: 1 },
});

export interface OperatorOptions {
  /** What its rules and people begin with, so that several can work side by side. */
  name: string;
  random: Random;
  /** Longest pause between two steps, ms. Default none. */
  pauseMs?: number;
}

export function createOperator({ name, random, pauseMs = 0 }: OperatorOptions): Operator {
  const promised: Promised = {
    rules: new Map(),
    merged: new Map(),
    parted: new Map(),
    erased: [],
    listed: [],
  };
  let waiting: (() => void)[] = [];
  let serial = 0;
  let count = 0;
  let open: Step | null = null;

  function drawRule(): Step {
    const key = `${name}-rule-${random.whole(0, RULES - 1)}`;
    const threshold = random.chance(0.2) ? null : random.whole(1, 500);
    return {
      rule: { key, threshold },
      async make(client) {
        const path = `/segments/${key}`;
        if (threshold === null) expectOf(await client.api('DELETE', path), 204, 404);
        else expectOf(await client.api('PUT', path, ruleSegment(threshold)), 200, 201);
        promised.rules.set(key, threshold);
      },
    };
  }

  function drawMerge(): Step {
    const [from, into] = [`${name}-from${++serial}`, `${name}-into${serial}`];
    return {
      async make(client) {
        expectOf(await client.post([paid(from), paid(into)]), 200);
        expectOf(await client.api('POST', '/profiles/merge', { from, into }), 200);
        promised.merged.set(from, into);
      },
    };
  }

  function drawPart(): Step {
    const [from, into] = random.pick([...promised.merged]);
    return {
      async make(client) {
        expectOf(await client.api('POST', '/profiles/unmerge', { userId: from }), 200);
        promised.merged.delete(from);
        promised.parted.set(from, into);
      },
    };
  }

  function drawErasure(): Step {
    const user = `${name}-victim${++serial}`;
    return {
      async make(client) {
        expectOf(await client.post(victimMessages(user)), 200);
        // 404: done the first time, though nobody heard of it.
        expectOf(await client.api('DELETE', `/profiles/user:${user}`), 200, 404);
        promised.erased.push(user);
      },
    };
  }

  function drawListing(): Step {
    const user = `${name}-listed${++serial}`;
    return {
      async make(client) {
        expectOf(await client.post([paid(user)]), 200);
        expectOf(await client.api('PUT', `/segments/${LIST}/profiles/user:${user}`), 204);
        promised.listed.push(user);
      },
    };
  }

  function draw(): Step {
    const kinds = [drawRule, drawRule, drawMerge, drawErasure, drawListing];
    if (promised.merged.size > 0) kinds.push(drawPart);
    return random.pick(kinds)();
  }

  async function makeOpen(client: Client): Promise<void> {
    open ??= draw();
    await open.make(client);
    open = null;
    count++;
    for (const go of waiting) go();
    waiting = [];
  }

  async function brokenRules(client: Client): Promise<string[]> {
    const broken: string[] = [];
    for (const [key, threshold] of promised.rules) {
      const { status, json } = await client.api('GET', `/segments/${key}`);
      const where = status === 404 ? null : JSON.stringify(json.where);
      const may = [threshold, ...(open?.rule?.key === key ? [open.rule.threshold] : [])];
      const allowed = may.map((one) => (one === null ? null : JSON.stringify(ruleSegment(one).where)));
      if (!allowed.includes(where)) broken.push(`${key} is ${where}, should be ${allowed.join(' or ')}`);
    }
    return broken;
  }

  async function brokenPeople(client: Client, list: <T>(all: T[]) => T[]): Promise<string[]> {
    const broken: string[] = [];
    const userOf = async (user: string): Promise<unknown> => {
      const { status, json } = await client.api('GET', `/profiles/user:${user}`);
      return status === 404 ? null : json.userId;
    };
    const hold = async (user: string, allowed: readonly unknown[]): Promise<void> => {
      const found = await userOf(user);
      if (!allowed.includes(found)) broken.push(`${user} is ${found}, should be ${allowed.join(' or ')}`);
    };
    // One of these may be under way to being parted.
    for (const [from, into] of list([...promised.merged])) await hold(from, open ? [into, from] : [into]);
    for (const [from] of list([...promised.parted])) await hold(from, [from]);
    for (const user of list(promised.erased)) await hold(user, [null]);
    return broken;
  }

  return {
    promised,
    steps: () => count,
    nextAnswer: () => new Promise((resolve) => waiting.push(resolve)),
    async run(client, isOver) {
      while (!isOver()) {
        try {
          await makeOpen(client);
          if (pauseMs > 0) await sleep(random.whole(0, pauseMs));
        } catch (error) {
          if (!(error instanceof CutOff)) throw error;
          await sleep(AFTER_REFUSAL_MS);
        }
      }
    },
    async finish(client) {
      if (open) await makeOpen(client);
    },
    async broken(client, all) {
      const some = <T>(list: T[]): T[] => (all ? list : list.slice(-LOOK_AT));
      return [...(await brokenRules(client)), ...(await brokenPeople(client, some))];
    },
  };
}

function expectOf(answer: Answered, ...statuses: number[]): void {
  // Made again, like what was cut off.
  if (answer.status === 503) throw new CutOff('503');
  if (!statuses.includes(answer.status))
    throw new Error(`the operator was answered ${answer.status} ${JSON.stringify(answer.json)}`);
}
