// What the core shows of definitions: how far they are, whom a segment would have, and why.
// Invariant: plain data; nothing here knows SQL or HTTP.
import type { Definition, DefinitionKind, Fault, Retention } from '../../wire/definitions.ts';
import type { JsonObject } from '../../wire/message.ts';

export type ListResult = 'done' | 'unknown_segment' | 'not_static' | 'unknown_profile';

/** What a segment would be. */
export interface PreviewView {
  /** People it would have now. */
  size: number;
  /** People known. */
  total: number;
  sample: { id: string; userId: string | null; anonymousIds: string[] }[];
}

export interface WhyView {
  segment: string;
  profileId: string;
  userId: string | null;
  member: boolean;
  since: string | null;
  /** The clock this is true at. */
  at: string;
  /** When time alone will change it; null if it will not (or not within a thousand of its own changes). */
  changesAt: string | null;
  /** The condition as a tree, each part with `holds` and what its answer rests on. */
  why: JsonObject;
  /** Sent with anonymous consent alone: in no segment, whatever the condition says. Left out for everybody else. */
  anonymous?: true;
}

export interface DefinitionView {
  key: string;
  definition: Definition;
  status: 'building' | 'ready';
  /** 0 to 1. */
  progress: number;
  /** Segments only. */
  size?: number;
}

export type PutResult = { ok: true; created: boolean; view: DefinitionView } | { ok: false; faults: Fault[] };

/** What a definitions file did to one definition. */
export interface AppliedDefinition {
  kind: DefinitionKind;
  key: string;
  change: 'created' | 'changed' | 'deleted' | 'same';
  /** It was made through the API. From now on it is the file's, and goes once the file names it no more. */
  takenOver: boolean;
}

/** What a definitions file changed. */
export interface Applied {
  /** Definitions created or changed. */
  changed: number;
  deleted: number;
  /** Those, and what was taken over as it is: by kind, in the file's order, then what was deleted. */
  definitions: AppliedDefinition[];
  /** How long events are kept now. */
  retention: Readonly<Retention>;
}

export type DeleteResult = 'deleted' | 'unknown' | { neededBy: string[] };
