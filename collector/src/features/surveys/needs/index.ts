// The needs board: stated need beside revealed use.
// Invariant: names only. What is not listed here is nobody else's business.
export { DEFAULT_WITHIN, type FeatureNeed, type Needs, type NeedsFailure, readNeeds } from './needs.ts';
