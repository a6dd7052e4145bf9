// Turns a well-formed value into one that is wrong in a few places.
// Invariant: the value given is not changed; of two draws with the same dice both are the same.
import type { Random } from '../random.ts';
import { hostileText, hostileValue } from './hostile.ts';
import { type Drawable, isRecord } from './json-text.ts';

/** Past so many places the first ones are as good as any. */
const MAX_PLACES = 400;

type Holder = { [key: string]: Drawable } | Drawable[];

export function mutate(value: Drawable, dice: Random): Drawable {
  const box: { [key: string]: Drawable } = { root: copy(value) };
  for (let left = 1 + dice.below(3); left > 0; left--) {
    const [holder, key] = dice.pick(placesIn(box));
    change(holder, key, dice);
  }
  return box.root ?? null;
}

function change(holder: Holder, key: string, dice: Random): void {
  const at = holder as { [key: string]: Drawable }; // an array takes its indices as texts too
  const here = at[key] ?? null;
  switch (dice.below(7)) {
    case 0:
      if (!Array.isArray(holder)) delete holder[key];
      else holder.splice(Number(key), 1);
      return;
    case 1:
      // A defined property: assigning `__proto__` would set the prototype instead.
      if (isRecord(here)) own(here, hostileText(dice), hostileValue(dice));
      else at[key] = hostileValue(dice);
      return;
    case 2:
      at[key] = [here];
      return;
    case 3:
      if (Array.isArray(here)) here.push(...here.slice(0, 20));
      else at[key] = hostileText(dice);
      return;
    case 4:
      if (!Array.isArray(holder)) {
        delete holder[key];
        own(holder, hostileText(dice), here);
        return;
      }
      at[key] = hostileValue(dice);
      return;
    default:
      at[key] = hostileValue(dice);
  }
}

function own(holder: { [key: string]: Drawable }, key: string, value: Drawable): void {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

function placesIn(box: Holder): [Holder, string][] {
  const places: [Holder, string][] = [];
  const waiting: Holder[] = [box];
  for (let holder = waiting.pop(); holder && places.length < MAX_PLACES; holder = waiting.pop()) {
    for (const [key, member] of Object.entries(holder)) {
      places.push([holder, key]);
      if (Array.isArray(member) || isRecord(member)) waiting.push(member);
    }
  }
  return places.length > 0 ? places : [[box, 'root']];
}

function copy(value: Drawable): Drawable {
  if (Array.isArray(value)) return value.map(copy);
  if (!isRecord(value)) return value;
  const made: { [key: string]: Drawable } = {};
  for (const [key, member] of Object.entries(value)) own(made, key, copy(member));
  return made;
}
