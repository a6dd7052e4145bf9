// What every importer keeps, whatever it is given.
// Invariant: inputs are drawn at random; a failure prints its seed.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDefinition } from '../../../wire/definitions.ts';
import { importSurveys, SURVEY_SOURCES, type SurveySource } from './index.ts';

const fixture = (from: SurveySource): unknown =>
  JSON.parse(readFileSync(new URL(`./fixtures/${from}.json`, import.meta.url).pathname, 'utf8'));

/** A valid definition, or faults; never both, never neither. */
function check(json: unknown, from: SurveySource): void {
  const result = importSurveys(json, from);
  if (!result.ok) {
    expect(result.faults.length).toBeGreaterThan(0);
    return;
  }
  for (const { definition, faults, notes } of result.surveys) {
    expect(definition === null).toBe(faults.length > 0);
    if (definition)
      expect(parseDefinition('surveys', JSON.parse(JSON.stringify(definition)))).toMatchObject({ ok: true });
    for (const { pointer, message } of [...faults, ...notes]) {
      expect(pointer === '' || pointer.startsWith('/')).toBe(true);
      expect(message).not.toBe('');
    }
  }
}

/** Every place of a JSON value, as steps. */
function placesOf(json: unknown, path: string[] = []): string[][] {
  if (typeof json !== 'object' || json === null) return [path];
  return [path, ...Object.entries(json).flatMap(([name, inner]) => placesOf(inner, [...path, name]))];
}

function replaced(json: unknown, [step, ...rest]: readonly string[], by: unknown): unknown {
  if (step === undefined) return by;
  if (Array.isArray(json))
    return json.map((inner, i) => (String(i) === step ? replaced(inner, rest, by) : inner));
  const object = json as Record<string, unknown>; // a place of it
  return { ...object, [step]: replaced(object[step], rest, by) };
}

const odd = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom('end', '', '<p>', '#recall:why/fallback:x#', 'x'.repeat(5_000), -1, 1e9, 0.5, '__proto__'),
  fc.constantFrom<unknown>(null, [], {}, [null], [{}], { default: '' }, { default: 7 }, { en: 'x' }),
);

describe.each(SURVEY_SOURCES)('the importer of %s', (from) => {
  it('gives a valid definition or faults for any JSON, and never throws', () => {
    fc.assert(fc.property(fc.jsonValue(), (json) => check(json, from)));
    fc.assert(
      fc.property(fc.array(odd), odd, (questions, more) => check({ name: 'x', questions, more }, from)),
    );
  });

  it('does so for its own format with some places changed', () => {
    const file = fixture(from);
    const places = placesOf(file).filter((path) => path.length > 1);
    const change = fc.tuple(fc.nat(places.length - 1), odd);
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        let json = file;
        for (const [place, by] of changes) {
          const path = places[place] as string[];
          if (placesOf(json).some((known) => known.join('/') === path.join('/')))
            json = replaced(json, path, by);
        }
        check(json, from);
      }),
      { numRuns: 300 },
    );
  });

  it('names every field it does not know', () => {
    const file = fixture(from);
    const objects = placesOf(file).filter((path) => {
      const last = path[path.length - 1] ?? '';
      return path.length <= 4 && /^\d+$/.test(last) && !path.includes('blocks');
    });
    for (const path of objects.filter(([, , section]) => section === undefined || section === 'questions')) {
      const at = path.reduce<unknown>((of, step) => (of as Record<string, unknown>)[step], file);
      const asked = (at as { type?: string }).type;
      if (asked === 'pictureSelection') continue;
      const result = importSurveys(replaced(file, [...path, 'aNewField'], { on: true }), from);
      const notes = result.ok ? result.surveys.flatMap((survey) => survey.notes) : [];
      const found = notes.filter(({ message }) => message.includes('aNewField'));
      expect(found.map(({ pointer }) => pointer)).toEqual([`/${path.join('/')}`]);
    }
    expect(objects.length).toBeGreaterThan(5);
  });

  it('stays quick with hostile texts and nesting', () => {
    let deep: unknown = { operator: 'x' };
    for (let i = 0; i < 5_000; i++) deep = { connector: 'and', conditions: [deep] };
    const text = '<a'.repeat(50_000);
    const hostile = {
      name: text,
      questions: [{ id: 'a', type: 'openText', headline: { default: text }, logic: [{ conditions: deep }] }],
    };
    check(hostile, from);
    check([hostile, { data: hostile }], from);
  });
});
