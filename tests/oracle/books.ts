// What a game knows: the history, the definitions in force, the clock, and the changes the feed must show.
// Invariant: the model sees what was accepted and nothing that the collector computed from it.
import { passageOfTime } from './deadlines.ts';
import { emptyHistory, type History } from './history.ts';
import { type Changes, note } from './look.ts';
import { type Definitions, type ModelOptions, membershipsOf, type World, world } from './model.ts';
import type { Suppressed } from './operations.ts';
import { isTooOld, type Retention } from './retention.ts';

export interface Books {
  history: History;
  /** In force; edits under way are in `latest` alone. */
  definitions: Definitions;
  latest: Definitions;
  suppressed: Suppressed;
  /** How long events are kept. */
  retention: Retention;
  /** Takes another retention, and lets go of what is kept no longer by it. */
  retain(retention: Retention): void;
  /** How often messages were let go of. */
  expiries(): number;
  /** Message ids used up, `kind id`. */
  seen: Set<string>;
  /** The collector's time, epoch milliseconds. */
  now(): number;
  world(): World;
  /** Lets time pass to where the clock stands, booking what it changes at its instants. */
  pass(): void;
  /** Books what changed since the last sample as observed now. */
  observe(): void;
  /** The definitions put so far come into force. */
  settle(): void;
  /** People may have been absorbed or erased: the feed says more than memberships do until the next look. */
  blur(): void;
  /** Net changes expected of a segment since the last look; undefined when they cannot be known. */
  expected(segment: string): Changes | undefined;
  looked(): void;
}

interface Sample {
  people: Set<string>;
  /** `segment person`. */
  members: Set<string>;
}

export function openBooks(clock: { readonly now: number }, options: ModelOptions): Books {
  const none: Definitions = { traits: {}, segments: {} };
  let time = clock.now;
  let changes: Changes = new Map();
  let blurred = false;
  /** Segments whose next rows begin with those of an earlier definition. */
  const redefined = new Set<string>();
  let sample: Sample = { people: new Set(), members: new Set() };
  let expiries = 0;

  function takeSample(): Sample {
    const memberships = membershipsOf(books.history, books.definitions, time, options);
    return {
      people: new Set(memberships.keys()),
      members: new Set(
        [...memberships].flatMap(([person, segments]) => segments.map((segment) => `${segment} ${person}`)),
      ),
    };
  }

  function move(people: Set<string>): void {
    if ([...sample.people].some((person) => !people.has(person))) blurred = true;
    sample = { ...sample, people };
  }

  const books: Books = {
    history: emptyHistory(),
    definitions: none,
    latest: none,
    suppressed: { users: new Set(), devices: new Set() },
    seen: new Set(),
    retention: {},
    retain(retention) {
      const isNew = JSON.stringify(retention) !== JSON.stringify(books.retention);
      books.retention = retention;
      // The same one is looked at again after hours only.
      if (!isNew) return;
      const number = ++expiries;
      const messages = books.history.messages.map((message) =>
        message.expired === undefined && isTooOld(message, retention, time)
          ? { ...message, expired: number }
          : message,
      );
      books.history = { ...books.history, messages };
    },
    expiries: () => expiries,
    now: () => time,
    world: () => world(books.history, books.definitions, time, options),
    pass() {
      const from = time;
      time = Math.max(time, clock.now);
      const { transitions, people } = passageOfTime(books.history, books.definitions, from, time, options);
      for (const row of transitions)
        note(changes, `${row.segment} ${row.person}`, row.at, row.change === 'entered' ? 1 : -1);
      for (const known of people) move(known);
      sample = takeSample();
    },
    observe() {
      const before = sample.members;
      const after = takeSample();
      for (const entry of after.members) if (!before.has(entry)) note(changes, entry, time, 1);
      for (const entry of before) if (!after.members.has(entry)) note(changes, entry, time, -1);
      move(after.people);
      sample = after;
    },
    settle() {
      for (const segment of Object.keys(books.definitions.segments)) {
        if (Object.hasOwn(books.latest.segments, segment)) continue;
        redefined.add(segment);
        const kept = [...sample.members].filter((entry) => !entry.startsWith(`${segment} `));
        sample = { ...sample, members: new Set(kept) };
      }
      books.definitions = books.latest;
      books.observe();
    },
    blur() {
      blurred = true;
    },
    expected: (segment) => (blurred || redefined.has(segment) ? undefined : changes),
    looked() {
      changes = new Map();
      blurred = false;
      for (const segment of Object.keys(books.definitions.segments)) redefined.delete(segment);
    },
  };
  return books;
}
