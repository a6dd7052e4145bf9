// How far what is defined is exposed to the person it is about.
// Invariant: nobody learns of anything through a definition in force that is not yet, or no more, exposed to them.
import { leastExposed } from '../engine/references.ts';
import type { Expose } from '../wire/definitions.ts';
import { type DefinitionBook, own } from './definition-book.ts';

export interface Exposure {
  trait(key: string): Expose;
  segment(key: string): Expose;
  survey(key: string): Expose;
}

export function exposureIn(book: DefinitionBook): Exposure {
  /**
   * A survey is offered by the gates in force: as far as it was and is exposed, and its segment is, whichever
   * is least. So nobody learns of a segment while a survey, or the segment, is being built anew.
   */
  function exposeOfSurvey(key: string): Expose {
    const versions = [own(book.active.surveys, key), own(book.wanted.surveys, key)];
    const segment = versions[0]?.target?.segment;
    const levels = versions.map((survey) => (survey ? (survey.expose ?? 'public') : 'none'));
    if (segment !== undefined)
      for (const set of [book.active, book.wanted]) levels.push(own(set.segments, segment)?.expose ?? 'none');
    return leastExposed(levels);
  }

  return {
    trait: (key) => own(book.active.traits, key)?.expose ?? 'none',
    segment: (key) => own(book.active.segments, key)?.expose ?? 'none',
    survey: exposeOfSurvey,
  };
}
