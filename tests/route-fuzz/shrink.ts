// Makes a failing history short: fewer waves, fewer requests, smaller bodies.
// Invariant: what it returns fails when it is played on a new collector, or is the history as given.
import type { Drawn } from './draw-request.ts';
import { type Fault, openWorld, type Wave } from './world.ts';

/** Longest the shrinking of a failure may take, ms. */
const LIMIT_MS = 120_000;

export interface Failure {
  readonly waves: readonly Wave[];
  readonly fault: Fault;
}

/** Plays waves on a new collector; null: nothing is wrong. */
export async function replay(seed: number, waves: readonly Wave[]): Promise<Fault | null> {
  const world = await openWorld(seed);
  try {
    for (const wave of waves) {
      const fault = await world.play(wave);
      if (fault) return fault;
    }
    return await world.verify();
  } finally {
    await world.close();
  }
}

/** One request a wave, so that each can be left out alone. */
const apart = (waves: readonly Wave[]): Wave[] =>
  waves.flatMap(({ requests, stepMs, tick }) =>
    requests.map((request, i) => {
      const isLast = i === requests.length - 1;
      return { requests: [request], stepMs: isLast ? stepMs : 0, tick: isLast && tick };
    }),
  );

export async function shrink(seed: number, failure: Failure): Promise<Failure> {
  const limit = performance.now() + LIMIT_MS;
  let best = failure;
  const accept = async (waves: readonly Wave[]): Promise<boolean> => {
    if (performance.now() > limit) return false;
    const fault = await replay(seed, waves);
    // Another fault is another failure: it is found again once this one is mended.
    if (fault === null || kindOf(fault) !== kindOf(best.fault)) return false;
    best = { waves, fault };
    return true;
  };
  const last = failure.fault.request;
  if (last && (await accept([{ requests: [last], stepMs: 0, tick: false }]))) return smaller(best, accept);
  if (!(await accept(apart(failure.waves)))) return best;
  for (let size = Math.ceil(best.waves.length / 2); size >= 1 && performance.now() < limit; ) {
    let removed = false;
    for (let at = 0; at < best.waves.length; ) {
      const rest = [...best.waves.slice(0, at), ...best.waves.slice(at + size)];
      if (await accept(rest)) removed = true;
      else at += size;
    }
    if (!removed || size > 1) size = size === 1 ? 0 : Math.ceil(size / 2);
  }
  return smaller(best, accept);

  async function smaller(found: Failure, tried: typeof accept): Promise<Failure> {
    for (let i = 0; i < found.waves.length; i++)
      for (const candidate of simpler(best.waves[i]?.requests[0]))
        await tried(best.waves.map((wave, j) => (j === i ? { ...wave, requests: [candidate] } : wave)));
    return best;
  }
}

/** What is wrong, without what differs from one playing to the next. */
const kindOf = ({ what }: Fault): string => what.split(/[:\n]/, 1)[0] ?? '';

/** The same request with less in it. */
function* simpler(request: Drawn | undefined): Generator<Drawn> {
  if (!request) return;
  yield { ...request, address: null };
  for (const [name] of request.headers)
    if (name !== 'authorization')
      yield { ...request, headers: request.headers.filter(([other]) => other !== name) };
  if (!request.body) return;
  try {
    const value: unknown = JSON.parse(Buffer.from(request.body).toString());
    for (const less of without(value)) yield { ...request, body: Buffer.from(JSON.stringify(less)) };
  } catch {
    // No JSON, or nested so deep that it cannot be written again: it stays whole.
  }
}

/** A value with one member or item left out, at any depth. */
function* without(value: unknown): Generator<unknown> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    if (Array.isArray(value)) yield value.filter((_, i) => i !== Number(key));
    else yield Object.fromEntries(Object.entries(value).filter(([other]) => other !== key));
    for (const less of without(member))
      yield Array.isArray(value)
        ? value.map((item, i) => (i === Number(key) ? less : item))
        : { ...value, [key]: less };
  }
}
