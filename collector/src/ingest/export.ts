// Everything kept about one person, as one JSON object in pieces.
// Invariant: read page by page, so that a long history takes no more memory than a short one.
import { stringifyAnyDepth } from '../wire/clean.ts';
import type { JsonValue } from '../wire/message.ts';
import type { Core, Page, ProfileRef } from './core.ts';

const PAGE = 1_000;

/** What of a person is not among what `Core` lists anyway. */
export interface ExportExtras {
  /** Messages dated in the future, which have no effect yet. */
  upcoming: JsonValue[];
  /** Refused messages that name the person. */
  rejected: JsonValue[];
  /** Static lists by key. */
  lists: string[];
}

export async function* exportProfile(
  core: Pick<Core, 'profile' | 'events' | 'profileTransitions' | 'now'>,
  ref: ProfileRef,
  extras: () => Promise<ExportExtras | null>,
): AsyncGenerator<string> {
  const exportedAt = new Date(core.now()).toISOString();
  yield `{"exportedAt":${JSON.stringify(exportedAt)},"profile":${JSON.stringify(await core.profile(ref))}`;
  yield* list('events', (cursor) => core.events(ref, { limit: PAGE, cursor }));
  yield* list('expired', (cursor) => core.events(ref, { limit: PAGE, cursor, kept: 'no longer' }));
  yield* list('transitions', (cursor) => core.profileTransitions(ref, { limit: PAGE, cursor }));
  const more = await extras();
  for (const [name, value] of Object.entries(more ?? {}))
    yield `,${JSON.stringify(name)}:${stringifyAnyDepth(value)}`; // refused messages may be nested however deep
  yield '}\n';
}

async function* list<T>(
  name: string,
  read: (cursor: string | null) => Promise<Page<T> | null>,
): AsyncGenerator<string> {
  yield `,${JSON.stringify(name)}:[`;
  let separator = '';
  let cursor: string | null = null;
  do {
    const page: Page<T> | null = await read(cursor);
    for (const row of page?.data ?? []) {
      yield `${separator}${JSON.stringify(row)}`;
      separator = ',';
    }
    cursor = page?.next ?? null;
  } while (cursor !== null);
  yield ']';
}
