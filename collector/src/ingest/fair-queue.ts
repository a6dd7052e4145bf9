// What waits for the lane: first come first served within a sender, senders in turn, by what their messages cost.
// Invariant: nobody whose messages are ordinary waits for more than one turn of each other sender; what waits is
// bounded, and what has to go is taken from whoever has most waiting, so that a flood pushes out itself and nobody else.

/** Who sends. Turns are shared equally between keys, and within a key between addresses. */
export interface Sender {
  /** The key's id. */
  key: string;
  /** The caller's network; empty where none is known. */
  address: string;
}

/** One request's messages, taken in parts. */
export interface Job {
  readonly sender: Sender;
  /** Messages; none where all of a request's were refused. */
  readonly size: number;
  readonly bytes: number;
}

/** A job's messages from `from` to before `to`. */
export interface Part<J extends Job> {
  readonly job: J;
  readonly from: number;
  readonly to: number;
}

export interface Amount {
  messages: number;
  bytes: number;
}

export interface FairQueue<J extends Job> {
  /** Lets a job wait. Answers those that have to go for it, itself perhaps; none of them was begun. */
  add(job: J): J[];
  /**
   * What is next, in turns; at most `room` messages. A job leaves with its last message. Whoever cost more than their
   * turns is passed over for as many turns as that is worth, a key among keys and an address among those of its key,
   * and as long as that lasts is not taken together with others.
   */
  take(room: number): Part<J>[];
  /** Says what messages of a sender took, ms; it is forgotten once nothing of theirs waits. */
  charge(sender: Sender, messages: number, ms: number): void;
  /** Something of that key waits, or of that address of it. */
  isWaiting(key: string, address?: string): boolean;
  /** All who wait are to be passed over. */
  areAllDear(): boolean;
  /**
   * Puts back the end of what was taken last. Its senders come first in what is taken next, but for whoever was
   * `served` last: they had their turn, however short it was.
   */
  giveBack(parts: readonly Part<J>[], served: Sender | null): void;
  /** Forgets what is left of a job. False: it was not there. */
  drop(job: J): boolean;
  jobs(): number;
  waiting(): Amount;
}

/** Messages of one sender in one turn: a tenth of a slice, so that a slice serves several senders. */
const TURN_MESSAGES = 20;
/** What a message may take before it counts as dear, ms: several times what an ordinary one does. */
const ORDINARY_MS = 0.25;
/** What a turn given up is worth to whoever was dear: about what one of ordinary messages takes. */
const TURN_MS = 1;

/**
 * Of what may wait, what may be begun at once, since it can be pushed out no more: others always find room. Jobs that
 * one turn is enough for are not asked.
 */
const BEGUN_SHARE = 0.5;

interface Entry<J> {
  readonly job: J;
  /** More than none: begun. */
  taken: number;
}
interface Account {
  /** Of what the queue may hold. */
  share: number;
  /** What was taken beyond ordinary turns, ms of work. */
  debt: number;
}
/** One address's jobs, the oldest first. */
interface Line<J> extends Account {
  entries: Entry<J>[];
}
/** One key's lines, the one whose turn it is first. */
interface Ring<J> extends Account {
  lines: Map<string, Line<J>>;
}

/** @param bounds past either of them something has to go; one job alone never has to */
export function createFairQueue<J extends Job>(bounds: Amount): FairQueue<J> {
  let rings = new Map<string, Ring<J>>();
  const waiting: Amount = { messages: 0, bytes: 0 };
  let jobs = 0;
  /** Of those, what was begun. */
  const begun = { jobs: 0, messages: 0, bytes: 0 };

  function setTaken(entry: Entry<J>, taken: number): void {
    const more = Number(taken > 0) - Number(entry.taken > 0);
    begun.jobs += more;
    begun.messages += more * entry.job.size;
    begun.bytes += more * entry.job.bytes;
    entry.taken = taken;
  }

  function mayTake({ job: { size, bytes }, taken }: Entry<J>): boolean {
    if (taken > 0 || size <= TURN_MESSAGES || begun.jobs === 0) return true;
    return (
      begun.messages + size <= BEGUN_SHARE * bounds.messages &&
      begun.bytes + bytes <= BEGUN_SHARE * bounds.bytes
    );
  }

  const nextEntry = ({ entries }: Line<J>): Entry<J> | undefined => entries.find(mayTake);

  function insert(job: J, taken: number, where: 'first' | 'last'): void {
    const entry = { job, taken: 0 };
    const { key, address } = job.sender;
    const ring = rings.get(key) ?? { lines: new Map<string, Line<J>>(), share: 0, debt: 0 };
    const line = ring.lines.get(address) ?? { entries: [], share: 0, debt: 0 };
    rings.set(key, ring);
    ring.lines.set(address, line);
    if (where === 'first') line.entries.unshift(entry);
    else line.entries.push(entry);
    setTaken(entry, taken);
    count(ring, line, job, 1);
  }

  function remove(ring: Ring<J>, line: Line<J>, entry: Entry<J>): void {
    const { key, address } = entry.job.sender;
    line.entries.splice(line.entries.indexOf(entry), 1);
    setTaken(entry, 0);
    count(ring, line, entry.job, -1);
    if (line.entries.length === 0) ring.lines.delete(address);
    if (ring.lines.size === 0) rings.delete(key);
  }

  function count(ring: Ring<J>, line: Line<J>, job: J, sign: 1 | -1): void {
    const share = sign * (job.size / bounds.messages + job.bytes / bounds.bytes);
    ring.share += share;
    line.share += share;
    waiting.messages += sign * job.size;
    waiting.bytes += sign * job.bytes;
    jobs += sign;
  }

  function find(job: J): { ring: Ring<J>; line: Line<J>; entry: Entry<J> } | null {
    const ring = rings.get(job.sender.key);
    const line = ring?.lines.get(job.sender.address);
    const entry = line?.entries.find((held) => held.job === job);
    return ring && line && entry ? { ring, line, entry } : null;
  }

  /** Takes out the newest job of whoever has most waiting, and something that was not begun; null if nobody has. */
  function pushOut(): J | null {
    const ring = largest(rings.values(), ({ lines }) => [...lines.values()].some(newestOf));
    const line = ring && largest(ring.lines.values(), newestOf);
    const entry = line && newestOf(line);
    if (!ring || !line || !entry) return null;
    remove(ring, line, entry);
    return entry.job;
  }

  /** The line whose turn it is, if it is anybody's of the ring: whoever is in debt pays with this turn. */
  function nextLine(ring: Ring<J>): Line<J> | null {
    if (pays(ring)) {
      // Nobody of its key is there to whom it would have to pay again.
      if (ring.lines.size === 1) pays(turned(ring.lines));
      return null;
    }
    for (let left = ring.lines.size; left > 0; left--) {
      const line = turned(ring.lines);
      if (nextEntry(line) && !pays(line)) return line;
    }
    return null;
  }

  function takeTurn(ring: Ring<J>, line: Line<J>, room: number, parts: Part<J>[]): number {
    let used = 0;
    while (used < room) {
      const entry = nextEntry(line);
      if (!entry) break;
      const { job, taken } = entry;
      const to = Math.min(job.size, taken + room - used);
      parts.push({ job, from: taken, to });
      setTaken(entry, to);
      // One without messages is work too.
      used += Math.max(1, to - taken);
      if (to === job.size) remove(ring, line, entry);
    }
    return used;
  }

  return {
    add(job) {
      insert(job, 0, 'last');
      const gone: J[] = [];
      while (jobs > 1 && (waiting.messages > bounds.messages || waiting.bytes > bounds.bytes)) {
        const out = pushOut();
        if (out) gone.push(out);
        if (out === job) break;
        if (out) continue;
        const found = find(job);
        if (found) remove(found.ring, found.line, found.entry);
        gone.push(job);
        break;
      }
      return gone;
    },
    take(room) {
      const parts: Part<J>[] = [];
      let left = room;
      for (let passed = 0; left > 0 && rings.size > 0 && (parts.length === 0 || passed < rings.size); ) {
        const ring = turned(rings);
        const line = nextLine(ring);
        passed = line ? 0 : passed + 1;
        if (line) left -= takeTurn(ring, line, Math.min(left, TURN_MESSAGES), parts);
      }
      return parts;
    },
    giveBack(parts, served) {
      for (const { job, from } of [...parts].reverse()) {
        const found = find(job);
        if (found) setTaken(found.entry, from);
        else insert(job, from, 'first');
      }
      const senders = parts.map(({ job }) => job.sender);
      const waited = senders.map(({ key }) => key).filter((key) => key !== served?.key);
      rings = inFront(rings, waited);
      for (const [key, ring] of rings) {
        const own = senders.filter((sender) => sender.key === key).map(({ address }) => address);
        const others = own.filter((address) => key !== served?.key || address !== served.address);
        if (others.length > 0) ring.lines = inFront(ring.lines, others);
      }
    },
    charge({ key, address }, messages, ms) {
      const dear = Math.max(0, ms - messages * ORDINARY_MS);
      const ring = rings.get(key);
      if (!ring || dear === 0) return;
      for (const account of [ring, ring.lines.get(address)])
        if (account) account.debt = Math.max(0, account.debt) + dear;
    },
    isWaiting(key, address) {
      const ring = rings.get(key);
      return ring !== undefined && (address === undefined || ring.lines.has(address));
    },
    areAllDear() {
      for (const { debt, lines } of rings.values()) {
        if (debt > 0) continue;
        for (const line of lines.values()) if (line.debt <= 0) return false;
      }
      return true;
    },
    drop(job) {
      const found = find(job);
      if (found) remove(found.ring, found.line, found.entry);
      return found !== null;
    },
    jobs: () => jobs,
    waiting: () => ({ ...waiting }),
  };
}

const newestOf = <J>({ entries }: Line<J>): Entry<J> | undefined =>
  entries.findLast(({ taken }) => taken === 0);

/** Of those that suit. */
function largest<T extends { share: number }>(all: Iterable<T>, suits: (one: T) => unknown): T | undefined {
  let found: T | undefined;
  for (const one of all) if ((!found || one.share > found.share) && suits(one)) found = one;
  return found;
}

/** Whether a turn goes to what was taken beyond earlier ones. */
function pays(account: Account): boolean {
  if (account.debt <= 0) return false;
  account.debt -= TURN_MS;
  return true;
}

/** Whoever comes first, who goes to the end. */
function turned<T>(ring: Map<string, T>): T {
  for (const [name, one] of ring) {
    ring.delete(name);
    ring.set(name, one);
    return one;
  }
  throw new Error('nobody waits');
}

/** The same map with these first, in this order. */
function inFront<T>(ring: ReadonlyMap<string, T>, names: readonly string[]): Map<string, T> {
  const front = new Map<string, T>();
  for (const name of names) {
    const held = ring.get(name);
    if (held !== undefined) front.set(name, held);
  }
  for (const [name, held] of ring) if (!front.has(name)) front.set(name, held);
  return front;
}
