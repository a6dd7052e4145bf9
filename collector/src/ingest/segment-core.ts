// What the core answers about segments: who is in one, who came and went, why, and who would be.
// Invariant: a segment that is being built is answered for by its last complete version, or not at all.

import { isErased } from '../storage/port.ts';
import { bucketOf } from './bucket.ts';
import type { Core } from './core.ts';
import { own, TRIAL, type Tried } from './definition-book.ts';
import { explain, partsOf, segmentsBehind } from './explain.ts';
import type { Inside } from './inside.ts';
import { setListed } from './operations.ts';
import { findProfile, idsOf, iso, listMembers, viewTransition } from './profile-reads.ts';
import { settledPerson } from './settle.ts';
import { previewSegment } from './trial.ts';

export type SegmentCore = Pick<
  Core,
  'preview' | 'why' | 'segmentProfiles' | 'segmentTransitions' | 'setListed'
>;

export function createSegmentCore({
  store,
  set,
  lane,
  book,
  read,
  operate,
  writeIfPossible,
  settleAll,
  liveVersion,
  copyWith,
}: Inside): SegmentCore {
  return {
    async segmentProfiles(key, page) {
      await settleAll();
      if (!own(book.wanted.segments, key)) return null;
      const version = liveVersion(key);
      if (version === null) return { data: [], next: null };
      return read(() => listMembers(set, version, page));
    },
    async segmentTransitions(key, { limit, after }) {
      await settleAll();
      if (!own(book.wanted.segments, key)) return null;
      const rows = await store.query({ ask: 'segment-transitions', segment: key, after, limit: limit + 1 });
      const data = rows.slice(0, limit).map(viewTransition);
      return { data, next: rows.length > limit ? (data[data.length - 1]?.seq ?? null) : null };
    },
    async setListed(key, ref, on) {
      return operate(
        async (at) => {
          const definition = own(book.wanted.segments, key);
          if (!definition) return 'unknown_segment';
          const list = set.program.lists.get(key);
          if (!('static' in definition) || list === undefined) return 'not_static';
          return setListed(set, list, ref, on, at);
        },
        (result) => result === 'done',
      );
    },
    async preview(definition, { sample, signal }) {
      const faults = book.trialFaults(definition);
      if (faults.length > 0) return { ok: false, faults };
      const copy = copyWith(book.trial({ [TRIAL]: { definition } }));
      return { ok: true, view: await previewSegment(lane, copy, TRIAL, { sample, signal }) };
    },
    why: async (ref, key) => {
      const begun = await read(async (at) => {
        if (!own(book.wanted.segments, key)) return 'unknown_segment';
        const { segments, since: madeSince } = book.active;
        if (!own(segments, key)) return 'building';
        const id = await findProfile(set, ref);
        const person = id === null ? null : await settledPerson(set, id, at);
        if (id === null || !person) return 'unknown_profile';
        const parts: Record<string, Tried> = {};
        for (const [name, of] of segmentsBehind(segments, key)) Object.assign(parts, partsOf(name, of));
        // What was settled is written down first: the copy reads it from the store.
        await writeIfPossible(at);
        const answer = await explain(
          copyWith(book.trial(parts)),
          id,
          key,
          { segments, since: madeSince, bucketOf },
          at,
        );
        if (!answer) return 'unknown_profile';
        const { publicId, userId } = await idsOf(set, id);
        // Of somebody erased a device's time may be left, which goes by no name.
        const isNamed = (await set.nameOf(id)) !== '';
        const version = set.program.live.get(key)?.version ?? -1;
        const since = (await set.memberships(id)).get(version);
        const { tell, ...view } = answer;
        return {
          segment: key,
          profileId: publicId,
          userId,
          ...view,
          since: answer.member && since !== undefined ? iso(since) : null,
          at: iso(at),
          tell,
          id,
          isNamed,
        };
      });
      if (typeof begun === 'string') return begun;
      const { tell, id, isNamed, ...view } = begun;
      // Beside the lane: a long history must not keep messages waiting.
      const why = await tell();
      // Erased meanwhile, nothing more is told of them.
      const [node] = (await store.read({ nodeIds: [id] })).nodes;
      return node && !(isNamed && isErased(node)) ? { ...view, why } : 'unknown_profile';
    },
  };
}
