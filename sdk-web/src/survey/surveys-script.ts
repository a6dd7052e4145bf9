// Surveys for the script tag: `data-use="surveys"`.
// Invariant: what it loads comes from where it came from.
import { createTrigger } from './trigger.ts';
import type { Surveys } from './types.ts';

/** A variable, so that bundlers leave the import to the browser. */
const beside = './sdk-survey-';
const load = (name: string) => import(`${beside}${name}.js`);

export default (): Surveys =>
  createTrigger(
    () => load('widget'),
    (language) => load(`lang-${language}`),
  );
