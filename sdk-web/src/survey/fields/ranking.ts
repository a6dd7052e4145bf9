// ranking: things put in order by choosing one after the other, which needs no dragging.
// Invariant: all of them or none.
import { make } from '../dom.ts';
import { say } from '../words.ts';
import type { Ask, Field } from './field.ts';

export function ranking(ask: Ask): Field {
  const { question, words, text } = ask;
  const { options } = question;
  const ids = options.map(({ id }) => id);
  const order = Array.isArray(ask.answer) ? ask.answer.filter((id) => ids.includes(id)) : [];
  const m = ids.length;

  const buttons = options.map(({ id, label }) =>
    make(
      'button',
      {
        type: 'button',
        class: 'row rank',
        click() {
          const at = order.indexOf(id);
          if (at < 0) order.push(id);
          else order.splice(at, 1);
          // The last one has no other place.
          if (at < 0 && order.length === m - 1) order.push(ids.find((one) => !order.includes(one)) as string);
          paint();
          ask.changed();
          const x = text(label);
          ask.announce(
            at < 0 ? say(words.ranked, { x, n: order.indexOf(id) + 1, m }) : say(words.unranked, { x }),
          );
        },
      },
      make('i', { 'aria-hidden': 'true' }),
      make('span', {}, text(label)),
      make('span', { class: 'v' }),
    ),
  );
  function paint(): void {
    buttons.forEach((button, i) => {
      const place = order.indexOf(ids[i] as string) + 1;
      (button.firstChild as HTMLElement).textContent = place ? `${place}` : '';
      button.setAttribute('aria-pressed', `${place > 0}`);
      (button.lastChild as HTMLElement).textContent = place ? say(words.ranked, { x: '', n: place, m }) : '';
    });
  }
  paint();
  return {
    element: make(
      'div',
      { role: 'group', 'aria-labelledby': 't', 'aria-describedby': 'd h e' },
      make('p', { class: 'd q', id: 'h' }, words.rankHow),
      ...buttons,
    ),
    read: () => (order.length ? [...order] : undefined),
    fault: () =>
      order.length > 0 &&
      order.length < m && [words.rankAll, buttons[ids.findIndex((id) => !order.includes(id))]],
  };
}
