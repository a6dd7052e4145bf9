// Programs: how large what is compiled grows, and which meanings are told apart.
// Invariant: equal meanings have equal versions, and no chain of definitions makes its texts explode.
import { describe, expect, it } from 'vitest';
import type { TraitDefinition } from '../wire/definitions.ts';
import { emptyPerson } from './person-state.ts';
import { compileProgram } from './program.ts';

/** As long as any chain of definitions may be. */
const CHAIN = 98;
/** A definition's own text and the names and numbers of what it refers to. */
const MOST_TEXT_CHARS = 300;

/** `f1` is `f0 + f0`; every later one the sum of the two before it. `f0` counts an event. */
function chain(event: string): Record<string, TraitDefinition> {
  const traits: Record<string, TraitDefinition> = { f0: { type: 'count', event } };
  for (let i = 1; i <= CHAIN; i++)
    traits[`f${i}`] = { type: 'formula', expression: `f${i - 1} + f${Math.max(0, i - 2)}` };
  return traits;
}

function compile(traits: Record<string, TraitDefinition>, numbers: Map<string, number>) {
  const intern = (text: string): number => {
    const known = numbers.get(text) ?? numbers.size + 1;
    numbers.set(text, known);
    return known;
  };
  const where = { computed: `f${CHAIN}`, op: 'gt' as const, value: 5 };
  const active = { traits, segments: { many: { where } }, zone: 'UTC', surveys: {}, lists: {}, since: {} };
  return compileProgram({ active, target: null, generation: 1, intern, bucketOf: () => 0 });
}

describe('formulas over formulas', () => {
  it('keep their texts short, however long the chain', () => {
    const numbers = new Map<string, number>();
    const { traits } = compile(chain('e'), numbers);
    const texts = [...numbers.keys(), ...[...traits.values()].map(({ meaning }) => meaning)];
    expect(Math.max(...texts.map(({ length }) => length))).toBeLessThan(MOST_TEXT_CHARS);
    const nobody = emptyPerson(1, 1, 'u');
    expect(traits.get(`f${CHAIN}`)?.value(nobody, 0)).toBe(0);
  });

  it('mean something else once anything at the far end of the chain does', () => {
    const numbers = new Map<string, number>();
    const version = (event: string) => compile(chain(event), numbers).live.get('many')?.version;
    const first = version('e');
    expect(version('other')).not.toBe(first);
    expect(version('e')).toBe(first);
  });
});
