// `@tidemark/collector` as a library.
// Invariant: the only clock is the `now` given; nothing runs on a timer of its own.

export type { Core, ProfileView, TransitionView } from './ingest/core.ts';
export { ClockBehind } from './ingest/create-core.ts';
export { type Collector, type CollectorOptions, createCollector } from './main/collector.ts';
export { ForeignFile, NewerFile, OlderFile } from './storage/sqlite/schema.ts';
export type {
  Condition,
  DefinitionFile,
  SegmentDefinition,
  TraitDefinition,
  Where,
} from './wire/definitions.ts';
