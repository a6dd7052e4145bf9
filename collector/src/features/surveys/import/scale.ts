// The points of an imported scale.
// Invariant: within what a scale may have here; a number of points that is not the one it was is noted.
import { MAX_SCALE, MIN_SCALE } from '../../../wire/survey-definition.ts';
import type { Fields } from './fields.ts';

/** Points nearest to those that the field `name` says. */
export function scaleNear(fields: Fields, name: string, points: number): number {
  const scale = Math.min(Math.max(Math.round(points), MIN_SCALE), MAX_SCALE);
  if (scale !== points) fields.note(name, `became ${scale}: a scale has ${MIN_SCALE} to ${MAX_SCALE} points`);
  return scale;
}
