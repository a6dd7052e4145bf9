// Colours and lengths of other tools as variables of our theme.
// Invariant: a value that a theme could not hold is noted, and does not make the definition invalid.
import { surveySchema } from '../../../wire/survey-definition.ts';
import type { Fields } from './fields.ts';
import type { Draft } from './imported.ts';

type Variable = keyof Draft['theme'];

/** `[variable, the field it comes from, its value]` each. */
export function readColours(
  draft: Draft,
  values: readonly (readonly [Variable, string, unknown])[],
  from: Fields,
): void {
  const { theme } = surveySchema.shape;
  for (const [variable, field, value] of values) {
    if (value === undefined) continue;
    const parsed = theme.safeParse({ [variable]: value });
    if (parsed.success) Object.assign(draft.theme, parsed.data);
    else from.note(field, 'was left out: it is no colour, length or font that a theme can hold');
  }
}
