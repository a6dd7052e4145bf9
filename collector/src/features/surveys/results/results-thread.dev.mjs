// Starts the thread from its TypeScript source, for development and tests: Node 20 reads none by itself.
// Invariant: what is published starts results-thread.js instead and holds nothing of this.
import { register } from 'tsx/esm/api';

register();
await import('./results-thread.ts');
