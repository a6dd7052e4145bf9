// Runs before each test file.
// Invariant: changes what random cases are drawn, and nothing that is tested.
import { seedFrom } from './seed.ts';

if (process.env.CI) {
  const { default: fc } = await import('fast-check');
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: seedFrom(undefined) });
}
