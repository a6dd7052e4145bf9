// The widget's own words, in English; other languages are files of their own.
// Invariant: text, never markup; `{n}` and `{m}` stand for numbers, `{x}` for a text.

export const english = {
  next: 'Next',
  back: 'Back',
  skip: 'Skip',
  send: 'Send',
  close: 'Close',
  thanks: 'Thank you for your answers.',
  arrived: 'A short survey has appeared at the end of this page.',
  preview: 'Preview: nothing is sent',
  progress: 'Question {n} of {m}',
  required: 'Required',
  of: '{n} of {m}',
  other: 'Other',
  otherText: 'Your own answer',
  choose: 'Please choose an answer.',
  write: 'Please write an answer.',
  least: 'Please choose at least {n}.',
  most: 'Please choose at most {n}.',
  upTo: 'Choose up to {n}.',
  any: 'Choose all that apply.',
  left: '{n} characters left',
  rankHow: 'Choose in order, the most important first. Choose again to undo.',
  ranked: '{x}: place {n} of {m}',
  unranked: '{x}: no place',
  rankAll: 'Please give each of them a place.',
  rows: 'Please answer every row.',
  best: 'Most important',
  worst: 'Least important',
  bestWorst: 'Please choose the most and the least important one.',
  without: 'If you did not have it, how would you feel?',
  like: 'I like it',
  'must-be': 'I expect it',
  neutral: 'I do not mind',
  'live-with': 'I can live with it',
  dislike: 'I dislike it',
  both: 'Please answer both questions.',
  tooCheap: 'So cheap that you would doubt its quality',
  cheap: 'A bargain',
  expensive: 'Expensive, but still worth a thought',
  tooExpensive: 'Too expensive to consider',
  amounts: 'Please enter all four amounts, as numbers.',
  rising: 'Please let the amounts rise from the first to the last.',
  date: 'Please enter a full date.',
  accept: 'I agree',
  decline: 'I do not agree',
};

export type Words = typeof english;

/** Languages that have a file, besides English. */
export const LANGUAGES = ['ar', 'de', 'es', 'fr', 'he', 'ja', 'pt', 'zh'];

/** Puts values into a text: `say(words.of, { n: 3, m: 5 })`. */
export const say = (text: string, values: Record<string, unknown>): string =>
  text.replace(/\{(\w)\}/g, (_, name: string) => `${values[name]}`);
