// Whether a survey's questions can be gone through as they are written: texts, earlier answers, branches.
// Invariant: what is refused here could never have been meant: nobody would ever see or take it.
import { CONSENT_ANSWERS, type LocalText, type QuestionType, SCALE_POINTS } from './survey.ts';

type FaultAt = (path: (string | number)[], message: string) => void;

/** As much of a question's definition as is looked at. */
interface Asked {
  id: string;
  type: QuestionType;
  title: LocalText;
  description?: LocalText | undefined;
  absent?: LocalText | undefined;
  options?: readonly (string | { id: string })[] | undefined;
  other?: boolean | undefined;
  scale?: number | undefined;
  next?: readonly { when?: When | undefined }[] | undefined;
}
interface When {
  op: string;
  value?: unknown;
}

/** As `sdk-web/src/survey/flow.ts` fills them. */
const EARLIER_ANSWER = /\{\{\s*answer\.([^{}|]+?)\s*(?:\|[^{}]*)?\}\}/g;

export function checkWay(questions: readonly Asked[], fault: FaultAt): void {
  const place = new Map(questions.map(({ id }, i) => [id, i]));
  questions.forEach((asked, i) => {
    for (const field of ['title', 'description', 'absent'] as const)
      for (const [text, path] of textsOf(asked[field])) {
        const at = ['questions', i, field, ...path];
        if (text.trim() === '') fault(at, 'must not be blank');
        for (const [, id = ''] of text.matchAll(EARLIER_ANSWER)) {
          const from = place.get(id);
          if (from === undefined)
            fault(
              at,
              `there is no question "${id}" whose answer could stand here; give an earlier question’s id`,
            );
          else if (from >= i)
            fault(
              at,
              `must not hold the answer to "${id}": it is asked ${from === i ? 'here' : 'later'}; only earlier ones are known`,
            );
        }
      }
    checkBranches(asked, (path, message) => fault(['questions', i, 'next', ...path], message));
  });
}

function checkBranches(asked: Asked, fault: FaultAt): void {
  const next = asked.next ?? [];
  const always = next.findIndex(({ when }) => when === undefined);
  next.forEach(({ when }, j) => {
    if (always >= 0 && j > always)
      fault(
        [j],
        `is never reached: branch ${always} has no when and is always taken; leave this out or put it before`,
      );
    else if (when) {
      const why = whyNever(asked, when);
      if (why) fault([j, 'when', 'value'], why);
    }
  });
}

/** Why no answer to the question could ever compare so, or null. */
function whyNever(asked: Asked, { op, value }: When): string | null {
  const meant = Array.isArray(value) ? value : [value];
  const ids = answersOf(asked);
  if (ids) {
    const isOf = op === 'in' || op === 'eq' ? asked.type !== 'multiple_choice' : op === 'includes';
    const isNone = isOf && meant.every((one) => !ids.includes(String(one)));
    return isNone ? `never holds: the answers are ${ids.join(', ')}` : null;
  }
  const [from, to] = scaleOf(asked) ?? [];
  if (from === undefined || to === undefined || (op === 'in' && meant.length === 0)) return null;
  const numbers = meant.map(Number);
  if (numbers.some(Number.isNaN)) return null;
  const [number = 0] = numbers;
  const isNever =
    ((op === 'eq' || op === 'in') && numbers.every((one) => one < from || one > to)) ||
    (op === 'gt' && number >= to) ||
    (op === 'gte' && number > to) ||
    (op === 'lt' && number <= from) ||
    (op === 'lte' && number < from);
  return isNever ? `never holds: answers are from ${from} to ${to}` : null;
}

/** What an answer may be where that is a choice of some texts. */
function answersOf({ type, options = [], other }: Asked): readonly string[] | null {
  if (type === 'consent') return CONSENT_ANSWERS;
  return (type === 'single_choice' || type === 'multiple_choice') && !other ? options.map(optionId) : null;
}

function scaleOf({ type, scale }: Asked): [from: number, to: number] | null {
  if (type === 'nps') return [0, 10];
  const points = scale ?? SCALE_POINTS[type];
  return points === undefined ? null : [1, points];
}

/** A text in each language it is given in, and where that stands. */
function textsOf(text: LocalText | undefined): [text: string, path: string[]][] {
  if (text === undefined) return [];
  return typeof text === 'string'
    ? [[text, []]]
    : Object.entries(text).map(([language, one]) => [one, [language]]);
}

export const optionId = (of: string | { id: string }): string => (typeof of === 'string' ? of : of.id);
