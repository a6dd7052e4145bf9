// One configuration for all tests.
// Invariant: sources run as they are, by the private export condition; no test sees a build but one that makes it.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  resolve: { conditions: ['tidemark-source'] },
  ssr: { resolve: { conditions: ['tidemark-source'], externalConditions: ['tidemark-source'] } },
  test: {
    setupFiles: ['tests/setup.ts'],
    include: ['{collector,sdk-web,sdk-node}/src/**/*.test.ts', 'tests/**/*.test.ts'],
    // Property, browser and process tests share two cores with each other.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
