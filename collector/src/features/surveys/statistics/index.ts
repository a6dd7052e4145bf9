// The statistics of surveys: pure functions, no SQL, no clock, no state.
// Invariant: names only. What is not listed here is nobody else's business.

export type { Correction, CrossTab, CrossTabCell } from './cross-tab.ts';
export { crossTab } from './cross-tab.ts';
export {
  betaQuantile,
  chiSquareUpperTail,
  fQuantile,
  normalCdf,
  normalQuantile,
  normalUpperTail,
  studentQuantile,
  studentUpperTail,
} from './distribution.ts';
export { DEFAULT_LEVEL, type Estimate, type Interval } from './estimate.ts';
export type { Kano, KanoAnswer, KanoCategory, KanoCounts } from './kano.ts';
export { KANO_ANSWERS, kano, kanoCategory, kanoCounts } from './kano.ts';
export type { KeyTerm, WeightedTerm } from './key-terms.ts';
export { keyTerms, tfIdf } from './key-terms.ts';
export type { BestWorstSet, MaxDiff, MaxDiffItem } from './maxdiff.ts';
export { bestWorstRatio, bestWorstScore, maxDiff } from './maxdiff.ts';
export type { Mean } from './mean.ts';
export { mean, meanOfCounts, topBox } from './mean.ts';
export type { Nps, NpsCounts, NpsDifference } from './nps.ts';
export { compareNps, nps, npsCounts } from './nps.ts';
export type { StatedPrices } from './price-curves.ts';
export type { PriceDemand, PricedIntent } from './price-demand.ts';
export { priceDemand } from './price-demand.ts';
export type { PriceOptions, PriceSensitivity } from './price-sensitivity.ts';
export { priceSensitivity } from './price-sensitivity.ts';
export type { DisappointmentCounts, ProductMarketFit } from './product-market-fit.ts';
export { productMarketFit } from './product-market-fit.ts';
export type { ProportionDifference, Share } from './proportion.ts';
export { compareProportions, correctedProportion, exactProportion, proportion } from './proportion.ts';
export type { RankedItem, Ranking } from './ranking.ts';
export { ranking } from './ranking.ts';
export type { Reliability } from './reliability.ts';
export { cronbachAlpha } from './reliability.ts';
export type { Speed, StraightLines } from './speed.ts';
export { medianOf, speed, straightLines } from './speed.ts';
export type { OpenAnswer, Theme, Themes } from './themes.ts';
export { themes } from './themes.ts';
export type { Turf, TurfChoice } from './turf.ts';
export { turf } from './turf.ts';
export type { Margin, WeightedEstimate } from './weighting.ts';
export {
  designEffect,
  effectiveN,
  postStratify,
  rake,
  weightedMean,
  weightedProportion,
} from './weighting.ts';
export { languageOf, wordsOf } from './words.ts';
