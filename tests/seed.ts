// What property tests draw their cases from.
// Invariant: on CI a change is judged by the same cases as the one before it, so that what fails is its own; by
// hand, and in `npm run fuzz`, the cases are new each time.

/** Any number would do. */
const CI_SEED = 20_261_127;

/** The seed that was given, by an environment variable say; else CI's own, else a new one. */
export const seedFrom = (given: string | undefined): number =>
  Number(given ?? (process.env.CI ? CI_SEED : Date.now() % 2 ** 31));
