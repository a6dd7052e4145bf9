// Definitions for the routes that take one: of the law's grammar, of the schema, and wrong in a few places.
// Invariant: the pools are a function of the seed.
import fc from 'fast-check';
import { formula, segment, traitDefinition } from '../oracle/draw-definitions.ts';
import { LIST_KEYS, SEGMENT_KEYS, SURVEYS, TRAIT_KEYS } from '../oracle/script.ts';
import type { Random } from '../random.ts';
import type { Operation } from './document.ts';
import { drawFrom } from './draw-schema.ts';
import type { Drawable } from './json-text.ts';
import { mutate } from './mutate.ts';

/** Well-formed ones drawn at once; enough that one world does not know them all. */
const POOL = 150;

export type Kind = 'traits' | 'segments' | 'surveys';
interface Keyed {
  key: string;
  definition: Drawable;
}
export interface DefinitionPools {
  readonly traits: readonly Keyed[];
  readonly segments: readonly Keyed[];
}

const EXPOSED = ['public', 'verified', 'none'];

export function drawPools(dice: Random): DefinitionPools {
  const sample = <T>(arbitrary: fc.Arbitrary<T>, numRuns: number): T[] =>
    fc.sample(arbitrary, { seed: dice.seed(), numRuns });
  const expose = (definition: object): Drawable =>
    ({ ...definition, ...(dice.chance(0.6) ? { expose: dice.pick(EXPOSED) } : {}) }) as Drawable; // JSON objects
  return {
    traits: [
      ...sample(traitDefinition, POOL).map((one) => ({
        key: dice.pick(TRAIT_KEYS),
        definition: expose(one),
      })),
      ...sample(formula, POOL / 5).map(({ key, definition }) => ({ key, definition: expose(definition) })),
    ],
    segments: [
      ...sample(segment, POOL).map(({ key, definition }) => ({ key, definition: expose(definition) })),
      ...LIST_KEYS.map((key) => ({ key, definition: { static: true, expose: 'public' } })),
    ],
  };
}

/** A definition and, where it has one of its own, its key. */
export function drawDefinition(
  kind: Kind,
  { bodySchema }: Operation,
  pools: DefinitionPools,
  dice: Random,
): { key: string; definition: Drawable } {
  const keyed = dice.chance(0.6) ? wellFormed(kind, pools, dice) : null;
  const key =
    keyed?.key ?? dice.pick(kind === 'traits' ? TRAIT_KEYS : kind === 'segments' ? SEGMENT_KEYS : SURVEYS);
  const definition = keyed?.definition ?? drawFrom(bodySchema ?? {}, dice);
  return { key, definition: dice.chance(0.3) ? mutate(definition, dice) : definition };
}

function wellFormed(kind: Kind, pools: DefinitionPools, dice: Random): Keyed {
  if (kind !== 'surveys') return dice.pick(pools[kind]);
  return { key: dice.pick(SURVEYS), definition: survey(dice) };
}

/** Texts that a page must not take for markup, in every place an author may write. */
const SAID = [
  'How likely?',
  '</script><script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  'é \u{1f600}',
];

function survey(dice: Random): Drawable {
  const said = (): string => dice.pick(SAID);
  const questions: Drawable[] = [
    { id: 'score', type: dice.pick(['nps', 'rating', 'csat', 'ces']), title: said() },
    { id: 'why', type: 'open_text', title: said() },
    { id: 'pick', type: 'single_choice', title: said(), options: ['a', 'ab', '2'], other: dice.chance(0.5) },
    { id: 'many', type: 'multiple_choice', title: { en: said() }, options: ['a', '1', 'b'] },
    { id: 'order', type: 'ranking', title: said(), options: ['a', 'b', '1'] },
    { id: 'grid', type: 'matrix', title: said(), options: ['a', 'b'], labels: ['1', '2'] },
    { id: 'best', type: 'maxdiff', title: said(), options: ['a', 'b', '1', '2'] },
    { id: 'kano', type: 'kano', title: said() },
    { id: 'price', type: 'price_sensitivity', title: said(), currency: '$' },
    { id: 'day', type: 'date', title: said() },
  ];
  const asked = questions.filter((_, i) => i < 2 || dice.chance(0.4));
  return {
    name: said(),
    questions: asked,
    ...(dice.chance(0.3) ? { target: { segment: dice.pick([...SEGMENT_KEYS, ...LIST_KEYS]) } } : {}),
    ...(dice.chance(0.3) ? { limit: 1 + dice.below(20) } : {}),
    ...(dice.chance(0.3)
      ? { frequency: { times: 1 + dice.below(3), every: dice.pick(['5s', '1m', '90d']) } }
      : {}),
    ...(dice.chance(0.2) ? { startAt: '2026-06-10', endAt: dice.pick(['2026-06-11', '2027-01-01']) } : {}),
    ...(dice.chance(0.3) ? { expose: dice.pick(EXPOSED) } : {}),
    ...(dice.chance(0.3)
      ? { features: [{ key: 'f', name: said(), event: dice.pick(['a', 'b', 'a*']), terms: ['a*'] }] }
      : {}),
  };
}
