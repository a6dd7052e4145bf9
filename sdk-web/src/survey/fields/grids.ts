// matrix, kano and maxdiff: several groups of radio buttons in one question.
// Invariant: a group's answer is an id of its own options; the best is never the worst.
import { KANO_ANSWERS } from '../../../../collector/src/wire/survey.ts';
import { make } from '../dom.ts';
import { type Ask, chips, chosen, type Field, radios, textAt } from './field.ts';

export function matrix(ask: Ask): Field {
  const { question, words, text, answer } = ask;
  const parts = question.options.map(({ id, label }, i) =>
    radios(
      ask,
      { class: 'part', 'aria-labelledby': `r${i}`, 'aria-describedby': 'e' },
      make('h3', { id: `r${i}` }, text(label)),
      chips(ask, `r${i}`, question.labels, textAt(answer, id)),
    ),
  );
  const head = make('div', { class: 'head', 'aria-hidden': 'true' }, make('span'));
  for (const { label } of question.labels) head.append(make('span', {}, text(label)));
  const element = make(
    'div',
    { class: 'grid', role: 'group', 'aria-labelledby': 't', 'aria-describedby': 'd e' },
    head,
    ...parts,
  );
  element.style.setProperty('--n', `${question.labels.length}`);
  const read = (): Record<string, string> | undefined => {
    const rows = question.options.map(({ id }, i) => [id, chosen(element, `r${i}`)] as const);
    const given = rows.filter((one): one is [string, string] => one[1] !== undefined);
    return given.length ? Object.fromEntries(given) : undefined;
  };
  return {
    element,
    read,
    fault() {
      const given = read();
      const missing = question.options.findIndex(({ id }) => !given || !Object.hasOwn(given, id));
      // Who need not answer may leave rows out.
      return missing >= 0 && question.required && [words.rows, parts[missing]];
    },
  };
}

export function kano(ask: Ask): Field {
  const { question, words, text, answer } = ask;
  const options = KANO_ANSWERS.map((id) => ({ id, label: words[id] }));
  const part = (name: string, named: object, ...head: HTMLElement[]): HTMLElement =>
    radios(
      ask,
      { class: 'part', 'aria-describedby': 'e', ...named },
      ...head,
      chips(ask, name, options, textAt(answer, name)),
    );
  const functional = part('functional', { 'aria-labelledby': 't', 'aria-describedby': 'd e' });
  const dysfunctional = part(
    'dysfunctional',
    { 'aria-labelledby': 'k' },
    make('h3', { id: 'k' }, question.absent ? text(question.absent) : words.without),
  );
  const element = make('div', {}, functional, dysfunctional);
  const values = () => [chosen(element, 'functional'), chosen(element, 'dysfunctional')];
  return {
    element,
    read() {
      const [yes, no] = values();
      return yes && no ? { functional: yes, dysfunctional: no } : undefined;
    },
    fault() {
      const [yes, no] = values();
      return !yes !== !no && [words.both, yes ? dysfunctional : functional];
    },
  };
}

export function maxdiff(ask: Ask): Field {
  const { question, words, text, answer } = ask;
  const element = make(
    'div',
    { class: 'bw', role: 'group', 'aria-labelledby': 't', 'aria-describedby': 'd e' },
    ...[words.best, '', words.worst].map((word) => make('span', { class: 'k', 'aria-hidden': 'true' }, word)),
  );
  const dot = (name: 'best' | 'worst', id: string, label: string): HTMLElement =>
    make(
      'label',
      { class: 'dot' },
      make('input', {
        type: 'radio',
        name,
        value: id,
        checked: textAt(answer, name) === id,
        'aria-label': `${words[name]}: ${label}`,
        change() {
          const other = name === 'best' ? 'worst' : 'best';
          for (const input of element.querySelectorAll('input'))
            if (input.name === other && input.value === id) input.checked = false;
          ask.changed();
        },
      }),
    );
  for (const { id, label } of question.options)
    element.append(
      make('hr', { 'aria-hidden': 'true' }),
      dot('best', id, text(label)),
      make('span', {}, text(label)),
      dot('worst', id, text(label)),
    );
  const values = () => [chosen(element, 'best'), chosen(element, 'worst')];
  return {
    element,
    read() {
      const [best, worst] = values();
      return best !== undefined && worst !== undefined ? { best, worst } : undefined;
    },
    fault() {
      const [best, worst] = values();
      return (best === undefined) !== (worst === undefined) && [words.bestWorst];
    },
  };
}
