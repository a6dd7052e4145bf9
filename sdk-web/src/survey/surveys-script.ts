// Surveys for the script tag: `data-use="surveys"`.
// Invariant: what it loads comes from where it came from.
import { createTrigger } from './trigger.ts';
import type { Surveys } from './types.ts';

const load = (name: string) => import(new URL(`sdk-survey-${name}.js`, import.meta.url).href);

export default (): Surveys =>
  createTrigger(
    () => load('widget'),
    (language) => load(`lang-${language}`),
  );
