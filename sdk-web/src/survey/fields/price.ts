// price_sensitivity: four amounts, from too cheap to too expensive.
// Invariant: decimal text with a dot, none below the one before it; all four or none.
import { PRICE_POINTS } from '../../../../collector/src/wire/survey.ts';
import { make } from '../dom.ts';
import { type Ask, type Field, textAt } from './field.ts';

/** An amount has so many digits at most: no currency needs more. */
const AMOUNT = /^\d{1,15}(\.\d{1,6})?$/;

/**
 * An amount as people write it, as decimal text: `1 234,50`, `1,234.50` and `١٢٫٥` too.
 * @param language says what a single separator before three digits is
 * @returns undefined when it is no amount
 */
export function readAmount(written: string, language: string): string | undefined {
  const plain = written
    .replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (digit) => `${digit.charCodeAt(0) & 15}`)
    .replace(/\u066b/g, '.')
    .replace(/\u066c/g, ',')
    .replace(/[\s'’]/g, '');
  const at = Math.max(plain.lastIndexOf('.'), plain.lastIndexOf(','));
  const mark = plain[at];
  const isAlone = at >= 0 && plain.indexOf(mark as string) === at;
  const isThousands =
    plain.length - at === 4 && !/[.,]/.test(plain.slice(0, at)) && mark !== decimalMark(language);
  const amount =
    isAlone && !isThousands
      ? `${plain.slice(0, at).replace(/[.,]/g, '') || 0}.${plain.slice(at + 1)}`
      : plain.replace(/[.,]/g, '');
  return AMOUNT.test(amount) ? amount : undefined;
}

const decimalMark = (language: string): string | undefined =>
  new Intl.NumberFormat(language).formatToParts(0.5).find(({ type }) => type === 'decimal')?.value;

export function price({ question, words, language, answer, changed }: Ask): Field {
  const inputs = PRICE_POINTS.map((point, i) => {
    const input = make('input', {
      class: 'i',
      id: `p${i}`,
      inputmode: 'decimal',
      maxlength: 24,
      autocomplete: 'off',
      'aria-required': question.required && 'true',
      'aria-describedby': 'e',
      input: changed,
    });
    input.value = textAt(answer, point) ?? '';
    return input;
  });
  const rows = PRICE_POINTS.map((point, i) =>
    make(
      'div',
      { class: 'part' },
      make('label', { class: 'lab', for: `p${i}` }, words[point]),
      make(
        'div',
        { class: 'money' },
        question.currency !== undefined && make('span', {}, question.currency),
        inputs[i],
      ),
    ),
  );
  const read = () => inputs.map((input) => readAmount(input.value, language));
  return {
    element: make('div', { role: 'group', 'aria-labelledby': 't', 'aria-describedby': 'd e' }, ...rows),
    read() {
      const amounts = read();
      return amounts.some((amount) => amount === undefined)
        ? undefined
        : Object.fromEntries(PRICE_POINTS.map((point, i) => [point, amounts[i] as string]));
    },
    fault() {
      if (inputs.every(({ value }) => !value.trim())) return false;
      const amounts = read();
      const missing = amounts.indexOf(undefined);
      if (missing >= 0) return [words.amounts, inputs[missing]];
      const falling = amounts.findIndex(
        (amount, i) => i > 0 && +(amount as string) < +(amounts[i - 1] as string),
      );
      return falling > 0 && [words.rising, inputs[falling]];
    },
  };
}
