// nps, csat, ces, rating: numbers, faces or stars; or a list, where every point has a name.
// Invariant: the answer is a point of the scale.
import { draw, make } from '../dom.ts';
import { say } from '../words.ts';
import { type Ask, cell, chosen, type Field, NAMED, radios, row } from './field.ts';

/** More of them would be too small to touch on a phone. */
const MOST_PICTURES = 7;

const STAR = 'M12 2.8l2.8 5.8 6.4.9-4.6 4.5 1.1 6.3L12 17.3l-5.7 3 1.1-6.3L2.8 9.5l6.4-.9z';
const HEAD = 'M12 2.5a9.5 9.5 0 1 0 .01 0zM9 9v1M15 9v1';

/** @param mood 0 (sad) to 1 */
const face = (mood: number): SVGSVGElement => {
  const bend = mood * 2 - 1;
  return draw(HEAD, `M7.8 ${15.4 - bend}Q12 ${15.4 + bend * 4} 16.2 ${15.4 - bend}`);
};

export function scale(ask: Ask): Field {
  const { question, words, text } = ask;
  const { type, labels } = question;
  const first = type === 'nps' ? 0 : 1;
  const points = Array.from({ length: question.scale }, (_, i) => i + first);
  const isPictured = /^[cr][sa]/.test(type) && points.length <= MOST_PICTURES;
  const isStarred = type === 'rating' && isPictured;
  const names = labels.map(({ label }) => text(label));
  const isList = names.length === points.length && names.length > 2;
  const last = points.length - 1;

  const controls = points.map((point, i) => {
    const isChosen = ask.answer === point;
    if (isList) return row(ask, 'radio', 'a', `${point}`, names[i] as string, isChosen);
    const end = i === 0 ? names[0] : i === last && names.length > 1 ? names[names.length - 1] : undefined;
    const number = isPictured ? say(words.of, { n: point, m: points.length }) : `${point}`;
    const picture = isStarred ? draw(STAR) : isPictured ? face(i / last) : `${point}`;
    return cell(ask, 'a', point, isChosen, end ? `${number}: ${end}` : number, picture);
  });
  const look = isList ? '' : isPictured ? `pic ${isStarred ? 'star' : ''}` : 'scale';
  const group = radios(ask, { ...NAMED, class: `${look} ${points.length > MOST_PICTURES ? 'many' : ''}` });
  group.append(...controls);
  group.style.setProperty('--n', `${points.length}`);
  group.style.setProperty('--k', `${Math.ceil(points.length / 2)}`);

  const read = (): number | undefined => {
    const value = chosen(group, 'a');
    return value === undefined ? undefined : +value;
  };
  const fill = (): void => {
    const value = read() ?? -1;
    controls.forEach((control, i) => {
      control.classList.toggle('on', (points[i] as number) <= value);
    });
  };
  group.addEventListener('change', fill);
  fill();
  const ends =
    !isList &&
    names.length > 0 &&
    make('div', { class: 'ends', 'aria-hidden': 'true' }, ...names.map((name) => make('span', {}, name)));
  return { element: make('div', {}, group, ends), read };
}
