// Formbricks' conditional logic as branches: its conditions may look anywhere, ours at the question's own answer.
// Invariant: a rule is carried over with exactly its meaning, or noted.
import { END, type Jump, type When, whenAmong } from './branches.ts';
import { type Fields, fieldsOf, isRecord } from './fields.ts';
import type { DraftQuestion, ImportNote } from './imported.ts';

/** Groups inside groups that are followed; nobody's survey has more. */
const MAX_DEPTH = 10;

type Answer = string | number | null;
interface Single {
  operator: string;
  /** The value compared with; undefined where there is none. */
  value: unknown;
}
type Tree = Single | { connector: 'and' | 'or'; conditions: Tree[] };

const WHY_NOT =
  'this rule was left out: it looks at another question, a variable or a hidden field, or compares in a way that ' +
  'branches cannot. Write it as `next` of the question it depends on';

/**
 * The jumps of one question's (or block's) rules and of its fallback. `names`: what its conditions call it. Without
 * a question to look at only what always happens is left.
 */
export function jumpsOf(
  from: Fields,
  question: DraftQuestion | null,
  names: readonly string[],
  endings: ReadonlySet<string>,
  notes: ImportNote[],
): Jump[] {
  const jumps: Jump[] = [];
  const to = (target: string): string => (endings.has(target) ? END : target);
  from.list('logic').forEach((rule, i) => {
    const pointer = `${from.at('logic')}/${i}`;
    const fields = fieldsOf(rule, pointer, notes);
    const targets = targetsOf(fields, notes);
    const tree = treeOf(fields.take('conditions'), names, 0);
    const whens = tree && question && whensOf(tree, question);
    fields.skip('id');
    fields.noteRest('Rules are conditions and actions here');
    if (targets.length === 0) return;
    if (!whens) {
      notes.push({ pointer, message: WHY_NOT });
      return;
    }
    const [target] = targets as [string];
    if (whens === 'always') jumps.push({ to: to(target), pointer });
    else for (const when of whens) jumps.push({ when, to: to(target), pointer });
  });
  const fallback = from.text('logicFallback');
  if (fallback !== undefined) jumps.push({ to: to(fallback), pointer: from.at('logicFallback') });
  return jumps;
}

/** Where its actions jump to; what else they do has no counterpart. */
function targetsOf(rule: Fields, notes: ImportNote[]): string[] {
  return rule.list('actions').flatMap((action, i) => {
    const pointer = `${rule.at('actions')}/${i}`;
    const fields = fieldsOf(action, pointer, notes);
    const objective = fields.text('objective');
    const target = fields.text('target');
    if ((objective === 'jumpToQuestion' || objective === 'jumpToBlock') && target !== undefined)
      return [target];
    notes.push({
      pointer,
      message:
        objective === 'calculate'
          ? 'a calculation was left out: there are no variables. Compute it from the answers'
          : 'this action was left out: a question is required always or never. Set `required` on it',
    });
    return [];
  });
}

/** The conditions, if all of them look at the answer of the question itself and at nothing else. */
function treeOf(of: unknown, names: readonly string[], depth: number): Tree | null {
  if (!isRecord(of) || depth > MAX_DEPTH) return null;
  if (Array.isArray(of.conditions)) {
    const conditions = of.conditions.map((inner) => treeOf(inner, names, depth + 1));
    if (conditions.length === 0 || conditions.includes(null)) return null;
    return { connector: of.connector === 'or' ? 'or' : 'and', conditions: conditions as Tree[] }; // none is null
  }
  const { leftOperand: left, rightOperand: right, operator } = of;
  if (!isRecord(left) || (left.type !== 'question' && left.type !== 'element')) return null;
  if (typeof left.value !== 'string' || !names.includes(left.value) || typeof operator !== 'string')
    return null;
  // A row of a matrix, for one.
  if (isRecord(left.meta) && Object.keys(left.meta).length > 0) return null;
  if (right === undefined || right === null) return { operator, value: undefined };
  return isRecord(right) && right.type === 'static' ? { operator, value: right.value } : null;
}

function whensOf(tree: Tree, question: DraftQuestion): When[] | 'always' | null {
  const possible = possibleAnswers(question);
  if (possible === null) return whensOfAny(tree, question);
  if (!isUnderstood(tree)) return null;
  const { always, whens } = whenAmong(possible, (answer) => holds(tree, answer));
  return always ? 'always' : whens;
}

/** Every answer there may be, where they are few. */
function possibleAnswers({ type, scale, options, other }: DraftQuestion): (string | number)[] | null {
  if (type === 'nps') return Array.from({ length: 11 }, (_, i) => i);
  if (type === 'csat' || type === 'ces' || type === 'rating')
    return Array.from({ length: scale ?? 5 }, (_, i) => i + 1);
  if (type === 'consent') return ['accepted', 'declined'];
  if (type === 'single_choice' && !other)
    return (options ?? []).map((of) => (typeof of === 'string' ? of : of.id));
  return null;
}

/** What each comparison means for one of few answers. */
const TESTS: Readonly<Record<string, (answer: Answer, value: unknown) => boolean>> = {
  isSubmitted: (answer) => answer !== null,
  isSkipped: (answer) => answer === null,
  isAccepted: (answer) => answer === 'accepted',
  equals: (answer, value) => answer !== null && String(answer) === String(value),
  doesNotEqual: (answer, value) => answer === null || String(answer) !== String(value),
  equalsOneOf: (answer, value) => answer !== null && listOf(value).includes(String(answer)),
  isAnyOf: (answer, value) => answer !== null && listOf(value).includes(String(answer)),
  isGreaterThan: (answer, value) => typeof answer === 'number' && answer > Number(value),
  isGreaterThanOrEqual: (answer, value) => typeof answer === 'number' && answer >= Number(value),
  isLessThan: (answer, value) => typeof answer === 'number' && answer < Number(value),
  isLessThanOrEqual: (answer, value) => typeof answer === 'number' && answer <= Number(value),
};

const listOf = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : [String(value)]);

const isUnderstood = (tree: Tree): boolean =>
  'conditions' in tree ? tree.conditions.every(isUnderstood) : Object.hasOwn(TESTS, tree.operator);

function holds(tree: Tree, answer: Answer): boolean {
  if ('conditions' in tree)
    return tree.connector === 'or'
      ? tree.conditions.some((inner) => holds(inner, answer))
      : tree.conditions.every((inner) => holds(inner, answer));
  return TESTS[tree.operator]?.(answer, tree.value) ?? false;
}

/** Texts, dates and several choices: one comparison, or several of which one must hold. */
function whensOfAny(tree: Tree, question: DraftQuestion): When[] | null {
  if (!('conditions' in tree)) return singleWhens(tree, question);
  if (tree.connector === 'and' && tree.conditions.length > 1) return null;
  const all = tree.conditions.map((inner) => whensOfAny(inner, question));
  return all.includes(null) ? null : (all as When[][]).flat(); // none is null
}

const OPS: Readonly<Record<string, When['op']>> = {
  equals: 'eq',
  contains: 'contains',
  startsWith: 'starts_with',
  endsWith: 'ends_with',
  isGreaterThan: 'gt',
  isGreaterThanOrEqual: 'gte',
  isLessThan: 'lt',
  isLessThanOrEqual: 'lte',
  isBefore: 'before',
  isAfter: 'after',
};

function singleWhens({ operator, value }: Single, { type, options }: DraftQuestion): When[] | null {
  // Theirs can be clicked or skipped; ours only goes on.
  if (type === 'info') return null;
  if (operator === 'isSubmitted') return [{ op: 'exists' }];
  if (operator === 'isSkipped') return [{ op: 'not_exists' }];
  if (type === 'single_choice') {
    const known = new Set((options ?? []).map((of) => (typeof of === 'string' ? of : of.id)));
    const wanted = listOf(value);
    const isOneOf = operator === 'equals' || operator === 'equalsOneOf' || operator === 'isAnyOf';
    return isOneOf && wanted.every((id) => known.has(id))
      ? wanted.map((id) => ({ op: 'eq', value: id }))
      : null;
  }
  if (type === 'multiple_choice') {
    const wanted = listOf(value);
    const isOne = operator === 'includesOneOf' || (operator === 'includesAllOf' && wanted.length === 1);
    return isOne ? wanted.map((id) => ({ op: 'includes', value: id })) : null;
  }
  const op = type === 'open_text' || type === 'date' ? OPS[operator] : undefined;
  const isScalar = typeof value === 'string' || typeof value === 'number';
  return op !== undefined && isScalar ? [{ op, value }] : null;
}
