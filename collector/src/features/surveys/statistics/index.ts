// The statistics of surveys: pure functions, no SQL, no clock, no state.
// Invariant: names only. What is not listed here is nobody else's business.
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
export { DEFAULT_LEVEL, type Estimate, estimateOf, type Interval } from './estimate.ts';
export { KANO_ANSWERS, type Kano, type KanoCounts, kano, kanoCategory, kanoCounts } from './kano.ts';
export { keyTerms, tfIdf } from './key-terms.ts';
export { bestWorstRatio, bestWorstScore, maxDiff } from './maxdiff.ts';
export { mean, meanOfCounts, topBox } from './mean.ts';
export { compareNps, nps, npsCounts } from './nps.ts';
export { priceDemand } from './price-demand.ts';
export { priceSensitivity } from './price-sensitivity.ts';
export { productMarketFit } from './product-market-fit.ts';
export { compareProportions, correctedProportion, exactProportion, proportion } from './proportion.ts';
export { ranking } from './ranking.ts';
export { cronbachAlpha } from './reliability.ts';
export { medianOf, speed, straightLines } from './speed.ts';
export { themes } from './themes.ts';
export { turf } from './turf.ts';
export {
  designEffect,
  effectiveN,
  postStratify,
  rake,
  weightedMean,
  weightedProportion,
} from './weighting.ts';
export { languageOf, wordsOf } from './words.ts';
