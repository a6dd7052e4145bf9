// What an importer gives: a definition of ours, or faults, and notes on all that it could not carry over.
// Invariant: a definition given here passes `parseDefinition`; nothing of the source is dropped without a note.
import { type Fault, parseDefinition, type SurveyDefinition } from '../../../wire/definitions.ts';
import type { QuestionDefinition } from '../../../wire/survey-definition.ts';

/** Something that could not be carried over as it was, and what to do about it. */
export interface ImportNote {
  /** JSON pointer into the imported file. */
  pointer: string;
  message: string;
}

export interface ImportedSurvey {
  /** JSON pointer into the imported file. */
  pointer: string;
  /** What it is put under: its name as a key. */
  key: string;
  name: string;
  /** Null when there are faults. */
  definition: SurveyDefinition | null;
  /** What keeps it from being a survey; pointers into the imported file, or into the definition made of it. */
  faults: Fault[];
  notes: ImportNote[];
}

export type Next = NonNullable<QuestionDefinition['next']>;
export type Target = NonNullable<SurveyDefinition['target']>;
/** A question while its branches may still name what is not carried over. */
export type DraftQuestion = Omit<QuestionDefinition, 'next'>;

/** What is gathered of one survey. */
export interface Draft {
  definition: Partial<SurveyDefinition>;
  questions: QuestionDefinition[];
  target: Target;
  frequency: NonNullable<SurveyDefinition['frequency']>;
  theme: NonNullable<SurveyDefinition['theme']>;
  /** Why nobody may be asked before somebody has looked at it: it would be asked of others than it was. */
  held: boolean;
}

export const emptyDraft = (): Draft => ({
  definition: {},
  questions: [],
  target: {},
  frequency: {},
  theme: {},
  held: false,
});

/** What is wrong where a survey would ask nothing; `pointer` is where its questions are, `given` how many it has. */
export function faultsOfQuestions(
  pointer: string,
  given: number,
  asked: readonly DraftQuestion[],
): ImportedSurvey['faults'] {
  if (given === 0) return [{ pointer, message: 'must hold a question' }];
  return asked.length > 0 ? [] : [{ pointer, message: 'holds no question of a type that can be asked here' }];
}

/** Checks what was gathered. A survey that is held is exposed to nobody. */
export function finishSurvey(
  draft: Draft,
  about: Pick<ImportedSurvey, 'pointer' | 'key' | 'name' | 'faults' | 'notes'>,
): ImportedSurvey {
  const { target, frequency, theme, questions, held } = draft;
  const json = {
    name: about.name,
    ...draft.definition,
    questions,
    ...(isEmpty(target) ? {} : { target }),
    ...(isEmpty(frequency) ? {} : { frequency }),
    ...(isEmpty(theme) ? {} : { theme }),
    ...(held ? { expose: 'none' } : {}),
  };
  if (about.faults.length > 0) return { ...about, definition: null };
  const parsed = parseDefinition('surveys', json);
  if (parsed.ok) return { ...about, definition: parsed.value };
  return { ...about, definition: null, faults: parsed.faults };
}

const isEmpty = (of: object): boolean => Object.keys(of).length === 0;

/** Longest key. */
const MAX_KEY_CHARS = 64;

/** A key made of a name, another one than those taken, and taken from here on. */
export function keyOf(name: string, taken: Set<string>): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, MAX_KEY_CHARS);
  return numbered(plain === '' ? 'survey' : plain, taken, MAX_KEY_CHARS);
}

/** The text itself, or with the first free number behind it. */
export function numbered(text: string, taken: Set<string>, maxChars: number): string {
  let found = text;
  for (let n = 2; taken.has(found); n++) found = `${text.slice(0, maxChars - String(n).length - 1)}-${n}`;
  taken.add(found);
  return found;
}
