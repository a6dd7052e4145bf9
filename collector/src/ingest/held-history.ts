// A profile's messages, read from the store, with those of the commit being prepared in their places.
// Invariant: while a message dated in the future takes effect, none that comes after it is seen.
import { covers, type Range, rangesOfUsers, type Stretch, type Timeline } from '../engine/identity.ts';
import { compareStamps, type Stamp, stampOf } from '../engine/stamp.ts';
import type {
  HistoryRange,
  HistoryRow,
  LinkRange,
  MessageFilter,
  NewMessage,
  Store,
} from '../storage/port.ts';
import type { MessageType } from '../wire/message.ts';
import { createPace } from './breathe.ts';
import type { Draft } from './draft.ts';
import type { HeldIdentities } from './held-identities.ts';
import { byStamp, newestOf, pagesOf } from './history-pages.ts';

/** Links of a user to a device read at a time. */
export const LINKS_PAGE = 500;

export interface HeldHistory {
  /**
   * Messages of a profile in effect at `until`, in no order, optionally between two stamps, or so many of each
   * id, so that the newest of all are among them.
   */
  historyOf(
    root: number,
    until: number,
    between?: Stretch,
    page?: { newest: number; kept?: HistoryRange['kept'] },
  ): Promise<HistoryRow[]>;
  /** The same messages in order, a bounded number at a time; `only` picks some. */
  historyPages(
    root: number,
    until: number,
    options?: { between?: Stretch; only?: MessageFilter },
  ): AsyncGenerator<HistoryRow[]>;
  /** Those in effect at `until` in some stretches, in order; `most` of each stretch at most. */
  historyIn(ranges: readonly Range[], until: number, most: number): Promise<HistoryRow[]>;
  /** Where a profile's messages are filed, and which stretches of those are its own. */
  rangesOf(root: number, between?: Stretch): Promise<Range[]>;
  /** Whether the device has messages of its own inside the stretch. */
  hasOwnMessages(device: number, stretch: Stretch, until: number): Promise<boolean>;
  /** The first `most` links by which a user was linked to a device in a range, in order; fewer: that was all. */
  links(asked: LinkRange, most: number): Promise<Stamp[]>;
  nextLink(asked: LinkRange): Promise<Stamp | null>;
  /** Text of an id's messages of that type dated after the clock, in characters. */
  upcomingChars(id: number, type: MessageType, clock: number): Promise<number>;
  /** Groups that an id's messages dated after the clock name, of the first so many of these. */
  upcomingGroups(id: number, clock: number, most: number): Promise<Set<string>>;
}

interface Means {
  read: Store['read'];
  /** Of the commit being prepared. */
  draft(): Draft;
  identities: HeldIdentities;
  /** See `WorkingSet.horizon`. */
  horizon(): Stamp | null;
}

export function createHeldHistory({ read, draft, identities, horizon }: Means): HeldHistory {
  const { nodeById, circle, timeline, countingPairs } = identities;

  const isVisible = (stamp: Stamp): boolean => {
    const end = horizon();
    return end === null || compareStamps(stamp, end) < 0;
  };

  /** Messages of a draft by the id they are filed under, as far as they were looked at: most commits ask for none. */
  const filings = new WeakMap<readonly NewMessage[], { looked: number; byNode: Map<number, NewMessage[]> }>();

  /** Of the commit being prepared. */
  function filedUnder(id: number): readonly NewMessage[] {
    const { messages } = draft();
    const filing = filings.get(messages) ?? { looked: 0, byNode: new Map() };
    filings.set(messages, filing);
    for (; filing.looked < messages.length; filing.looked++) {
      const one = messages[filing.looked] as NewMessage; // there is one
      const known = filing.byNode.get(one.node);
      if (known) known.push(one);
      else filing.byNode.set(one.node, [one]);
    }
    return filing.byNode.get(id) ?? [];
  }

  /** Messages recorded but not yet committed, that the store cannot know. */
  function recent(id: number, until: number, within: Stretch): HistoryRow[] {
    const rows: HistoryRow[] = [];
    for (const { message, seq, device, pending } of filedUnder(id)) {
      if (pending || message.time > until) continue;
      const stamp = stampOf(message);
      if (!covers(within, stamp)) continue;
      const { type, receivedAt, trusted, text } = message;
      rows.push({
        seq,
        node: id,
        device,
        stamp,
        type,
        event: type === 'track' ? message.name : null,
        receivedAt,
        trusted,
        groupId: message.groupId,
        expired: 0,
        text,
      });
    }
    return rows;
  }

  async function rangesOf(root: number, between: Stretch = { from: null, to: null }): Promise<Range[]> {
    const own = await nodeById(root);
    if (own?.kind === 'device')
      return (await timeline(root)).length === 0 ? [{ node: root, stretch: between }] : [];
    const users = new Set(await circle(root));
    const devices = new Map<number, Timeline>();
    const pace = createPace();
    for (const user of users)
      for (const device of (await countingPairs(user)).keys()) {
        devices.set(device, await timeline(device));
        const pause = pace();
        if (pause) await pause;
      }
    return rangesOfUsers(users, devices, between);
  }

  async function historyOf(
    root: number,
    until: number,
    between: Stretch = { from: null, to: null },
    { newest, kept }: { newest?: number; kept?: HistoryRange['kept'] } = {},
  ): Promise<HistoryRow[]> {
    const ranges = await rangesOf(root, between);
    const asked = ranges.map(({ node, stretch }) => ({ node, until, ...stretch }));
    const stored =
      newest === undefined
        ? (await read({ history: asked })).history.flat()
        : await newestOf(read, ranges, { until, limit: newest, kept });
    const fresh =
      kept === 'no longer' ? [] : ranges.flatMap(({ node, stretch }) => recent(node, until, stretch));
    return [...stored.filter(({ stamp }) => isVisible(stamp)), ...fresh];
  }

  async function* historyPages(
    root: number,
    until: number,
    { between = { from: null, to: null }, only }: { between?: Stretch; only?: MessageFilter } = {},
  ): AsyncGenerator<HistoryRow[]> {
    const ranges = await rangesOf(root, between);
    const fresh = ranges.flatMap(({ node: id, stretch }) => recent(id, until, stretch)).sort(byStamp);
    for await (const { rows, upTo } of pagesOf(read, ranges, { until, only })) {
      const page = rows.filter(({ stamp }) => isVisible(stamp));
      const cut = upTo ? fresh.findIndex(({ stamp }) => compareStamps(stamp, upTo) >= 0) : -1;
      page.push(...fresh.splice(0, cut < 0 ? fresh.length : cut));
      yield page.sort(byStamp);
    }
    if (fresh.length > 0) yield fresh;
  }

  async function links(asked: LinkRange, most: number): Promise<Stamp[]> {
    const [stored = []] = (await read({ links: [{ ...asked, limit: most }] })).links;
    const found = stored.filter(isVisible);
    const offer = (stamp: Stamp): void => {
      if (compareStamps(stamp, asked.after) <= 0) return;
      if (asked.before === null || compareStamps(stamp, asked.before) < 0) found.push(stamp);
    };
    for (const { message, device, pending } of filedUnder(asked.user))
      if (device === asked.device && !pending && message.time <= asked.until) offer(stampOf(message));
    for (const { user, device, stamp } of draft().aliases)
      if (user === asked.user && device === asked.device && stamp[0] <= asked.until) offer(stamp);
    return found.sort(compareStamps).slice(0, most);
  }

  return {
    historyOf,
    async historyIn(ranges, until, most) {
      const asked = ranges.map(({ node, stretch }) => ({ node, until, ...stretch, limit: most }));
      const stored = (await read({ history: asked })).history.flat().filter(({ stamp }) => isVisible(stamp));
      return [...stored, ...ranges.flatMap(({ node, stretch }) => recent(node, until, stretch))].sort(
        byStamp,
      );
    },
    historyPages,
    rangesOf,
    async upcomingChars(id, type, clock) {
      const only = { types: [type], events: [], bodies: true };
      const from: Stamp = [clock + 1, '', 0];
      const { history } = await read({
        history: [{ node: id, from, to: null, until: Number.MAX_SAFE_INTEGER, only }],
      });
      const stored = (history[0] ?? []).map(({ text }) => text);
      const fresh = filedUnder(id).flatMap(({ message, pending }) =>
        pending && message.type === type ? [message.text] : [],
      );
      return [...stored, ...fresh].reduce((sum, text) => sum + text.length, 0);
    },
    async upcomingGroups(id, clock, most) {
      const only = { types: ['group' as const], events: [], bodies: false };
      const from: Stamp = [clock + 1, '', 0];
      const until = Number.MAX_SAFE_INTEGER;
      const { history } = await read({ history: [{ node: id, from, to: null, until, only, limit: most }] });
      const stored = (history[0] ?? []).map(({ groupId }) => groupId);
      const fresh = filedUnder(id).flatMap(({ message, pending }) => (pending ? [message.groupId] : []));
      return new Set([...stored, ...fresh].filter((group) => group !== null));
    },
    async hasOwnMessages(device, stretch, until) {
      if (recent(device, until, stretch).length > 0) return true;
      const { history } = await read({ history: [{ node: device, until, limit: 1, ...stretch }] });
      return (history[0] ?? []).some(({ stamp }) => isVisible(stamp));
    },
    links,
    async nextLink(asked) {
      const [first = null] = await links(asked, 1);
      return first;
    },
  };
}
