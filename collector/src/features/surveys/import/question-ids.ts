// Ids of imported questions.
// Invariant: two questions of a survey never have the same id, and an id that is not the one it was is noted.
import type { Fields } from './fields.ts';
import { numbered } from './imported.ts';

const MAX_ID_CHARS = 64;

/** An id for a question: its own where ours may be so, else one made of it. */
export function questionId(wanted: unknown, place: number, taken: Set<string>): string {
  const own = typeof wanted === 'string' || typeof wanted === 'number' ? String(wanted) : '';
  const plain = own
    .replace(/[^A-Za-z0-9_.-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, MAX_ID_CHARS);
  return numbered(plain === '' || plain === 'end' ? `q${place + 1}` : plain, taken, MAX_ID_CHARS);
}

/** The id of the question that an item becomes, and the one it had there. */
export function takeQuestionId(
  item: Fields,
  place: number,
  taken: Set<string>,
): { id: string; theirs: string | undefined } {
  const theirs = item.text('id');
  const id = questionId(theirs, place, taken);
  if (theirs !== undefined && theirs !== id) item.note('id', `became "${id}"`);
  return { id, theirs };
}
